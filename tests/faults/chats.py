"""What must hold in people's chats, whatever happened on the way: every card tells the truth, none stands there more often than an unknown outcome excuses, and who was
told that their tap counted has their decision."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from bots.kit.chatting import open_place
from bots.kit.outbound import Letter
from bots.kit.parts import Parts
from bots.kit.render import render
from bots.kit.words import words
from bots.wiring import load_dialogs, tokens_of
from core.catalog.kinds import templates
from core.identity.register import add_link
from tests.faults.doors import Doors, an_hour_passes
from tests.faults.invariants import effects_of
from tests.faults.system import Asked, System
from tests.runners.world import World

KINDS = ("keyed", "task", "event")
"""Whose yes is one tap, and is carried out at once."""
RECORDED_SECONDS = 5.0
"""So long after a platform took a message its sender may have died before that was on record, on a busy machine."""
PATIENCE_SECONDS = 9.0
"""Doors wait ten seconds for an answer."""
ON_ITS_WAY = "SELECT id FROM nod.deliveries WHERE channel = %s AND wanted > shown AND status <> 'failed'"
NOT_HANDLED = "SELECT id FROM nod.inbound_events WHERE channel = %s AND status IN ('pending', 'processing')"
GIVEN_UP = "SELECT id FROM nod.inbound_events WHERE channel = %s AND status = 'failed'"
STANDING = """
SELECT d.id, d.workspace_id, d.user_id FROM nod.deliveries d LEFT JOIN nod.rooms r ON r.id = d.room_id
WHERE d.channel = %s AND d.subject_kind = 'suggestion' AND d.remote_ref IS NOT NULL AND r.left_at IS NULL"""
STATUS = """
SELECT s.status, count(a.id) FILTER (WHERE a.decision = 'approve'), count(a.id) FILTER (WHERE a.decision = 'reject')
FROM nod.suggestions s LEFT JOIN nod.approvals a ON a.suggestion_id = s.id WHERE s.id = %s GROUP BY s.id, s.status"""
DECIDED = {"approved": (1, 0), "rejected": (0, 1), "expired": (0, 0), "pending": (0, 0)}
"""How many said yes and no to what stands so."""
Face = tuple[str, list[str]]
"""What a person sees of a message: its words and its buttons."""


@dataclass(frozen=True)
class Copy:
    """A message that shows a card. `began` and `ended` are when the platform was asked for it and answered (`time.monotonic()` seconds), `lost` that nobody got the answer,
    `stuck` that it cannot be changed any more."""

    words: str
    labels: list[str]
    began: float
    ended: float
    lost: bool
    stuck: bool
    message: Any


class Chats(ABC):
    """The chats of the system's people at one platform: tests.faults.system.Platform."""

    def __init__(self, system: System, channel: str, doors: Doors) -> None:
        load_dialogs()
        self.system, self.channel, self.doors = system, channel, doors
        chosen = system.settings
        assert chosen.redis_url is not None
        self.parts = Parts(system.storage, words(), tokens_of(chosen), templates(), chosen.redis_url.get_secret_value())
        self.links: dict[UUID, UUID] = {}
        self.asked: list[Asked] = []
        system.beside.callback(self.parts.close)
        system.platforms.append(self)

    def link(self, world: World, subject: str, address: str, tenant: str = "") -> UUID:
        """The person's account there is theirs from now on."""
        with world.work() as work:
            made = add_link(work, world.actor.user_id, self.channel, subject, address, tenant)  # pyright: ignore[reportArgumentType]
            work.commit()
        self.links[world.actor.user_id] = made.id
        return made.id

    def suggest(self, kind: str = "", world: World | None = None) -> Asked:
        """A suggestion whose card is on its way to that person, or one of all, as if nothing else had been shown lately."""
        an_hour_passes(self.system)
        number = len(self.asked)
        kind = kind or KINDS[number % len(KINDS)]
        one = self.system.suggest(f"S{self.system.seed} {number} {kind}", kind, world)
        self.asked.append(one)
        return one

    def card(self, one: Asked, label: str = "Approve") -> Copy | None:
        """The newest copy of its card with that button."""
        return next((copy for copy in reversed(self.copies(one.world, one.text)) if label in copy.labels), None)

    def wait_for_card(self, one: Asked, label: str = "Approve") -> Copy:
        """The same, once it is there."""
        return self.system.wait(lambda: self.card(one, label), 60, f"the card of {one.text} with {label}")

    def settled(self) -> bool:
        with self.system.owner() as owner:
            return not any(
                owner.execute(look.encode(), [self.channel]).fetchall() for look in (ON_ITS_WAY, NOT_HANDLED)
            )

    def trouble(self) -> dict[str, int]:
        found = Counter(self.broken())
        with self.system.owner() as owner:
            found["an arrival that was given up"] = len(owner.execute(GIVEN_UP, [self.channel]).fetchall())
            found["a delivery that never came"] = len(owner.execute(ON_ITS_WAY, [self.channel]).fetchall())
            standing = owner.execute(STANDING, [self.channel]).fetchall()
            statuses = {one.text: owner.execute(STATUS, [one.suggestion.id]).fetchone() for one in self.asked}
        for delivery_id, workspace_id, user_id in standing:
            with self.system.storage.work(workspace_id, user_id) as work:
                delivery = work.messages.delivery(delivery_id)
                chat = open_place(self.parts, work, delivery)
                letter = Letter(delivery, chat.link, render(chat, delivery), chat.say, chat.room)
            seen = self.seen(letter)
            if seen is not None and seen != (drawn := self.drawn(letter)):
                found[f"a card that is not true: {seen} instead of {drawn}"] += 1
        effects = effects_of(self.system)
        for one in self.asked:
            status, *decided = statuses[one.text] or ("gone",)
            if tuple(decided) != DECIDED.get(status):
                found[f"decisions that contradict each other: {one.text} is {status}, {decided}"] += 1
            if effects[one.text] and status != "approved":
                found[f"an effect that nobody approved: {one.text} is {status}"] += 1
            copies = self.copies(one.world, one.text)
            if not copies:
                found[f"a card that nobody was shown: {one.text}"] += 1
            # That something expired is said in a message of its own.
            wanted = 1 + (status == "expired")
            unknown = sum(self._unknown(copy) or copy.stuck for copy in copies)
            if len(copies) > wanted + unknown:
                found[f"a card that was shown too often: {one.text}"] += len(copies) - wanted - unknown
            if status != "pending" and any(
                "Approve" in copy.labels and not self._lost(copy) and not copy.stuck for copy in copies
            ):
                found[f"a copy that still asks for what was decided: {one.text}"] += 1
        return {f"{self.channel}: {name}": times for name, times in found.items() if times}

    def _unknown(self, copy: Copy) -> bool:
        """Whether it may have been sent again before it was on record."""
        return self._lost(copy) or _near(copy, self.doors.stood_still_at)

    def _lost(self, copy: Copy) -> bool:
        """Whether whoever sent it may never have known that it arrived."""
        return copy.lost or copy.ended - copy.began > PATIENCE_SECONDS or _near(copy, self.doors.died_at)

    @abstractmethod
    def copies(self, world: World, text: str) -> list[Copy]:
        """The messages that show the card of the suggestion with that text in the person's chat, oldest first."""
        ...

    @abstractmethod
    def tap(self, one: Asked, label: str = "Approve") -> bool:
        """Presses that button where a card with it stands; whether one did."""
        ...

    @abstractmethod
    def write(self, world: World, words: str) -> None:
        """Sends them in the person's chat."""
        ...

    @abstractmethod
    def seen(self, letter: Letter) -> Face | None:
        """What stands at the place of a letter; None where nothing can be seen or changed."""
        ...

    @abstractmethod
    def drawn(self, letter: Letter) -> Face:
        """What would stand there if it was sent now."""
        ...

    @abstractmethod
    def broken(self) -> Iterator[str]:
        """What else broke a promise at this platform."""
        ...


def _near(copy: Copy, moments: Iterable[float]) -> bool:
    return any(copy.began <= at <= copy.ended + RECORDED_SECONDS for at in moments)


def approved(chats: Chats) -> list[Asked]:
    """Those of its suggestions that somebody said yes to, once all is at rest."""
    chats.system.wait(chats.settled, 120, "rest")
    with chats.system.owner() as owner:
        return [
            one
            for one in chats.asked
            if (owner.execute(STATUS, [one.suggestion.id]).fetchone() or ("",))[0] == "approved"
        ]


def tap_what_waits(chats: Chats, waiting: list[Asked], label: str = "Approve") -> bool:
    """Presses what can be pressed and takes it from the list; whether nothing is left."""
    waiting[:] = [one for one in waiting if not chats.tap(one, label)]
    return not waiting
