"""The loop that every door shares: claim what is due in a channel, render it as it is now, send or edit, settle. Between claim and
settle no transaction is open; what a dead process left claimed is due again when its lease is over."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from bots.kit.bells import bells
from bots.kit.chatting import open_place
from bots.kit.hop import Hop
from bots.kit.parts import Parts
from bots.kit.render import render
from bots.kit.screen import Paragraph, Screen
from bots.kit.turn import Turn
from bots.kit.words import Say
from core.identity.models import IdentityLink
from core.identity.settle import unreachable
from core.kernel.due import DueItem
from core.kernel.errors import Failure, NotFound, Unavailable
from core.kernel.faults import fault
from core.kernel.ids import new_id
from core.kernel.telemetry import count, measure, span
from core.messaging.hold import admitted
from core.messaging.models import Delivery, Message, Room
from core.messaging.rooms import lost_room

log = logging.getLogger(__name__)
LEASE_SECONDS = 60.0
POLL_SECONDS = 1.0
TRIES, LONGEST_PAUSE_SECONDS = 10, 300.0
AT_ONCE = 100
AT_WORK = 40
"""People whose messages are under way at once in one process. What waits longer than a platform lets it is better not claimed and drawn yet."""
THREADS = 3
"""Of a pool of its own: what a tap is answered with never waits behind cards that are drawn."""
REST_SECONDS = 0.1
"""Between one person's message and the next while taps wait for their answers: nobody waits for a card that is drawn anew as for those."""
IN_A_ROW = 3
"""After so many of a person's messages it is asked anew what is due: a receipt goes before the cards that were there first."""


@dataclass(frozen=True)
class Letter:
    """A claimed delivery with what it shows. `delivery.remote_ref` None: never sent. `link.address` is where to, `link.id` what buttons are bound to; in a `room` the link
    only stands for it (kit.chatting.as_link), and is nobody's."""

    delivery: Delivery
    link: IdentityLink
    screen: Screen
    say: Say
    room: Room | None = None


class SlowDown(Exception):
    """The platform asks to wait `seconds` before this chat gets more."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class Blocked(Exception):
    """The person or the chat does not take anything from us any more. `reason` is a code."""

    def __init__(self, reason: str = "messaging.blocked") -> None:
        super().__init__(reason)
        self.reason = reason


class Gone(Exception):
    """The message cannot be edited any more (too old, deleted): it is sent anew."""


class Refused(Exception):
    """The platform will never take this message, whoever tries. `reason` is a code."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Sender(Protocol):
    """A platform. Both raise SlowDown, Blocked, Gone, Refused; any other error is tried again later, ever more slowly."""

    async def send(self, letter: Letter) -> str | None:
        """Sends a new message; answers the reference that finds it again."""
        ...

    async def edit(self, letter: Letter) -> str | None:
        """Shows the screen in the place of `letter.delivery.remote_ref`; answers its reference from now on."""
        ...


class Letters:
    """The two transactions around a delivery."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def claim(self, item: DueItem, lease_seconds: float = LEASE_SECONDS) -> Letter | None:
        """Takes a due delivery and renders it; None when somebody else has it, nothing is to do, or it is not its time (core.messaging.hold)."""
        with self._parts.storage.work(item.workspace_id, item.user_id) as work:
            claimed = work.messages.claim(item.id, lease_seconds)
            if claimed is None:
                return None
            delivery = admitted(work, claimed)
            if delivery is None:
                work.commit()
                return None
            chat = open_place(self._parts, work, delivery)
            letter = Letter(delivery, chat.link, render(chat, delivery), chat.say, chat.room)
            work.commit()
        return letter

    def undrawn(self, item: DueItem, problem: Exception) -> str | None:
        """It could not be rendered, and its claim is rolled back: put off, like what a platform does not take. What became of it; None when somebody else has it."""
        with self._parts.storage.work(item.workspace_id, item.user_id) as work:
            claimed = work.messages.claim(item.id, LEASE_SECONDS)
            outcome = _put_off(work, claimed, problem) if claimed is not None else None
            work.commit()
        return outcome

    def put_off(self, letter: Letter, problem: Exception) -> str:
        """Gives the claim back to be tried again later, ever more slowly; after the tenth try it is given up. What became of it."""
        delivery = letter.delivery
        with self._parts.storage.work(delivery.workspace_id, delivery.user_id) as work:
            outcome = _put_off(work, delivery, problem)
            work.commit()
        return outcome

    def settle(self, letter: Letter, remote_ref: str | None) -> UUID | None:
        """Keeps what was shown, and that the platform took it; the id of that message, None when the claim was lost."""
        delivery = letter.delivery
        with self._parts.storage.work(delivery.workspace_id, delivery.user_id) as work:
            message_id = self.record(work, letter, remote_ref)
            work.commit()
        return message_id

    def record(self, work: Any, letter: Letter, remote_ref: str | None) -> UUID | None:
        """The same, as part of the caller's transaction."""
        delivery = letter.delivery
        message_id = self._shown(work, letter)
        return message_id if work.messages.settle(delivery, delivery.wanted, remote_ref, message_id) else None

    def _shown(self, work: Any, letter: Letter) -> UUID:
        """A message that was said as this very screen is kept already; anything else is kept as it was shown."""
        delivery, messages = letter.delivery, work.messages
        payload = {"screen": letter.screen.model_dump(mode="json")}
        if delivery.subject_kind == "message" and messages.get(delivery.subject_id).payload == payload:
            return delivery.subject_id
        message = Message(
            id=new_id(), workspace_id=delivery.workspace_id, user_id=delivery.user_id, direction="out",
            surface=delivery.channel, payload=payload, created_at=work.now, link_id=delivery.link_id,
            delivery_id=delivery.id,
        )  # fmt: skip
        messages.add(message)
        return message.id

    def overtaken(self, letter: Letter) -> str | None:
        """Somebody else delivered it meanwhile: what stands there may be older than what they showed, and is drawn anew. Where it stands by our record."""
        delivery = letter.delivery
        with self._parts.storage.work(delivery.workspace_id, delivery.user_id) as work:
            try:
                current = work.messages.delivery(delivery.id)
            except NotFound:  # forgotten with its person
                return None
            if current.status == "failed":
                return None
            current.wanted += 1
            if current.status == "delivered":
                current.status, current.due_at = "pending", work.now
            stands = current.remote_ref
            work.ring(f"deliveries.{current.channel}", current.id)
            work.commit()
        return stands

    def postpone(self, letter: Letter, seconds: float, reason: str, *, tried: bool = True) -> None:
        """Gives the claim back for later; `tried` False: the platform surely did not take it."""
        delivery = letter.delivery
        with self._parts.storage.work(delivery.workspace_id, delivery.user_id) as work:
            work.messages.postpone(delivery, work.now + timedelta(seconds=seconds), reason, tried=tried)
            work.commit()

    def give_up(self, letter: Letter, reason: str, blocked: bool) -> None:
        """Ends the delivery; `blocked`: the whole chat is not reachable any more, a room is lost."""
        delivery = letter.delivery
        with self._parts.storage.work(delivery.workspace_id, delivery.user_id) as work:
            work.messages.give_up(delivery, reason)
            if blocked and delivery.room_id is not None:
                lost_room(work, delivery.room_id)
            elif blocked and delivery.link_id is not None:
                unreachable(work, delivery.link_id)
            work.commit()


class Outbound:
    """Delivers one channel's messages until `stop`. Any number of processes may run it; with a `turn`, the one whose turn it is delivers, and the others stand by. `pressed`: whether taps
    wait for their answers."""

    def __init__(
        self, parts: Parts, channel: str, sender: Sender, turn: Turn | None = None, pressed: Callable[[], bool] = lambda: False
    ) -> None:  # fmt: skip
        self._parts = parts
        self._channel = channel
        self._sender = sender
        self._turn, self._pressed = turn, pressed
        self._letters = Letters(parts)
        self._woken = asyncio.Event()
        self._stopping = asyncio.Event()
        self._at_work: dict[UUID, asyncio.Task[None]] = {}
        self._hop = Hop(THREADS)

    def wake(self) -> None:
        """Something may be due."""
        self._woken.set()

    def stop(self) -> None:
        """Ends `run` after what is being sent."""
        self._stopping.set()
        self._woken.set()

    async def run(self) -> None:
        """Until `stop`."""
        listening = asyncio.create_task(self._listen())
        try:
            while not self._stopping.is_set():
                self._woken.clear()
                try:
                    full = await self._begin_due()
                except Exception:
                    log.exception("deliveries of %s wait", self._channel)
                    full = False
                if self._pressed() and not self._stopping.is_set():
                    await asyncio.sleep(REST_SECONDS)
                if not full and not self._stopping.is_set():
                    with suppress(TimeoutError):
                        await asyncio.wait_for(self._woken.wait(), POLL_SECONDS)
        finally:
            listening.cancel()
            await asyncio.gather(*self._at_work.values(), return_exceptions=True)
            self._hop.close()

    async def _listen(self) -> None:
        if self._parts.redis_url is not None:
            async for _ in bells(self._parts.redis_url, self._channel):
                self._woken.set()

    async def _begin_due(self) -> bool:
        """Begins with what is due now: each person's in order, people beside each other, so that a chat that has to wait holds up nobody
        else. True when there may be more, and room for it."""
        if len(self._at_work) >= AT_WORK or (self._turn is not None and not self._turn.mine):
            return False
        easy = self._pressed()
        items = await self._hop(self._parts.storage.due.due, "deliveries", AT_ONCE, self._channel)
        by_person: dict[UUID, list[DueItem]] = {}
        for item in items:
            if item.user_id not in self._at_work:
                by_person.setdefault(item.user_id, []).append(item)
        for user_id, theirs in list(by_person.items())[: 1 if easy else AT_WORK - len(self._at_work)]:
            task = asyncio.create_task(self._in_order(theirs[: 1 if easy else IN_A_ROW]))
            self._at_work[user_id] = task
            task.add_done_callback(lambda _, user_id=user_id: self._done(user_id))
        more = len(by_person) > 1 if easy else len(items) == AT_ONCE and bool(by_person)
        return more and len(self._at_work) < AT_WORK

    def _done(self, user_id: UUID) -> None:
        del self._at_work[user_id]
        self._woken.set()

    async def _in_order(self, items: Iterable[DueItem]) -> None:
        for item in items:
            if self._stopping.is_set():
                return
            try:
                await self.deliver(item)
            except Exception:
                log.exception("delivery %s waits for its lease to end", item.id)
                await asyncio.sleep(POLL_SECONDS)

    async def deliver(self, item: DueItem) -> None:
        """Claims and delivers one."""
        hop, letters = self._hop, self._letters
        try:
            letter = await hop(letters.claim, item)
        except Unavailable:
            raise
        except Exception as problem:
            log.exception("delivery %s cannot be drawn", item.id)
            outcome = await hop(letters.undrawn, item, problem)
            if outcome is not None:
                count("deliveries", channel=self._channel, outcome=outcome)
            return
        if letter is None:
            return
        with span(f"{self._channel}.deliver", letter.delivery.trace, workspace=item.workspace_id, delivery=item.id):
            outcome = await self._try(letter)
        count("deliveries", channel=self._channel, outcome=outcome)

    async def _try(self, letter: Letter) -> str:
        hop, letters = self._hop, self._letters
        try:
            fault("before_send")
            remote_ref = await self._take(letter)
            fault("after_send")
        except SlowDown as slow:
            await hop(letters.postpone, letter, slow.seconds, "messaging.slow_down", tried=False)
            return "slowed"
        except Blocked as blocked:
            await hop(letters.give_up, letter, blocked.reason, True)
            return "blocked"
        except Refused as refused:
            await hop(letters.give_up, letter, refused.reason, False)
            return "refused"
        except Exception as problem:
            log.warning("delivery %s to %s failed: %s", letter.delivery.id, self._channel, _reason(problem))
            return await hop(letters.put_off, letter, problem)
        if await hop(letters.settle, letter, remote_ref) is None:
            await self._overtaken(letter, remote_ref)
            return "overtaken"
        fault("after_shown")
        measure("delivery_seconds", _seconds_since(letter.delivery.due_at), channel=self._channel)
        return "delivered"

    async def _overtaken(self, letter: Letter, remote_ref: str | None) -> None:
        """A lease that ended under way. A card that came beside that of somebody else asks for nothing."""
        recorded = await self._hop(self._letters.overtaken, letter)
        code = f"{self._channel}.copy"
        if remote_ref is None or recorded in (None, remote_ref) or not letter.say.knows(code):
            return
        copy = Screen(blocks=(Paragraph(text=letter.say(code)),))
        beside = replace(letter, delivery=replace(letter.delivery, remote_ref=remote_ref), screen=copy)
        with suppress(Exception):
            await self._sender.edit(beside)

    async def _take(self, letter: Letter) -> str | None:
        if letter.delivery.remote_ref is None:
            return await self._sender.send(letter)
        try:
            return await self._sender.edit(letter) or letter.delivery.remote_ref
        except Gone:
            return await self._sender.send(letter)


def _reason(problem: Exception) -> str:
    return problem.code if isinstance(problem, Failure) else type(problem).__name__


def _put_off(work: Any, delivery: Delivery, problem: Exception) -> str:
    if delivery.attempts >= TRIES:
        work.messages.give_up(delivery, _reason(problem))
        return "given_up"
    pause = timedelta(seconds=min(2.0**delivery.attempts, LONGEST_PAUSE_SECONDS))
    work.messages.postpone(delivery, work.now + pause, _reason(problem))
    return "failed"


def _seconds_since(moment: datetime) -> float:
    return (datetime.now(UTC) - moment).total_seconds()
