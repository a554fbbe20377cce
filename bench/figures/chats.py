"""A thousand chats, fifty messages a second: half of them at Telegram, half at the page; two processes of each door, and one of each is killed in the middle. Every
message has to be on record once and answered once, where the person looks, and Telegram may not have had to say 429."""

import os
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from functools import partial
from http import HTTPStatus
from typing import Any

from storage import Storage, open_storage

from bench.doors import paced, telegram_door, telegram_people, until
from bench.figure import Figure, quantile
from bench.page import Page
from bench.plan import Plan
from bench.progress import say
from bench.rig import Rig
from bench.web import serving
from bench.world import Person, World, fresh_world

PEOPLE, FEW = 1000, 100
RATE = 50
SENDERS = 32
LINES = 500
LOADS = 3


def measure(rig: Rig, plan: Plan) -> Iterator[Figure]:
    """At most three loads of a minute. Raises RuntimeError for the first promise that is broken."""
    people, rounds = FEW if plan.quick else PEOPLE, min(plan.rounds, LOADS)
    what = f"{people:,} chats, {RATE} messages/s, two processes killed"
    names = [(door, part) for door in ("telegram", "web") for part in (0.5, 0.99)]
    figures = [
        Figure(f"chats_{door}_p{100 * part:.0f}_ms", f"{what}: {door} answers, p{100 * part:.0f}", "ms")
        for door, part in names
    ]
    for number in range(1, rounds + 1):
        with fresh_world(rig, people) as world:
            load = Load(world, RATE * 12 * plan.seconds)
            load.run()
        if load.faults:
            raise RuntimeError(f"promises were broken: {dict(load.faults)}")
        for figure, (door, part) in zip(figures, names, strict=True):
            figure.samples.append(1000 * quantile(load.seconds[door], part))
        say(f"nothing lost, nothing twice, no 429 in {load.messages:,} messages ({number} of {rounds})")
    for figure in figures:
        figure.load = os.getloadavg()[0]
        yield figure


class Load:
    """One. `faults` counts what was promised and not kept; `seconds` from each message to its answer, by door."""

    def __init__(self, world: World, messages: int) -> None:
        self._world, self.messages = world, messages
        self._sent: dict[Any, list[str]] = {}
        self._begun: dict[int, list[float]] = {}
        self.faults: Counter[str] = Counter()
        self.seconds: dict[str, list[float]] = {"telegram": [], "web": []}

    def run(self) -> None:
        """Sends everything, kills on the way, waits for the last answer, and checks."""
        world, half = self._world, len(self._world.people) // 2
        with ExitStack() as stack:
            storage = stack.enter_context(closing(open_storage(world.settings)))
            telegram, bots = stack.enter_context(telegram_door(world, 2))
            telegram.limit_as_published()
            webs = [stack.enter_context(serving(world)) for _ in range(2)]
            phones = telegram_people(telegram, storage, world.people[:half])
            pages = [Page(storage, person, [address for address, _ in webs]) for person in world.people[half:]]
            with ThreadPoolExecutor(SENDERS) as senders:
                # The first of the bots takes in and handles what comes, the second one delivers.
                killing = threading.Timer(self.messages / RATE / 2, self._kill, (bots[0], webs[0][1]))
                killing.start()
                _, late = paced([partial(self._speak, phones, pages, senders, n) for n in range(self.messages)], RATE)
                killing.join()
            say(
                f"{self.messages:,} messages sent, each at most {1000 * late:.0f} ms late; two processes killed on the way"
            )
            until(lambda: all(self._is_answered(phone) for phone, _ in phones), "the last answer", 300)
            self._check_phones(telegram, storage, phones)
            self._check_pages(storage, pages)
        self.faults = +self.faults

    def _kill(self, *processes: Any) -> None:
        for process in processes:
            self._world.processes.kill(process)

    def _speak(
        self, phones: Sequence[tuple[Any, Person]], pages: Sequence[Page], senders: ThreadPoolExecutor, number: int
    ) -> None:
        """In turn at Telegram and at the page, everybody in turn there."""
        text, at = f"Message number {number} of this load", number // 2
        who = phones[at % len(phones)][0] if number % 2 else pages[at % len(pages)]
        self._sent.setdefault(who, []).append(text)
        if isinstance(who, Page):
            senders.submit(who.says, text)
        else:
            self._begun.setdefault(who.id, []).append(time.monotonic())
            who.sends(text)

    def _is_answered(self, phone: Any) -> bool:
        return len(phone.chat.bot_messages) >= len(self._sent.get(phone, ()))

    def _check_phones(self, telegram: Any, storage: Storage, phones: Sequence[tuple[Any, Person]]) -> None:
        answered: dict[int, list[float]] = {}
        for call in telegram.calls_to("sendMessage"):
            answered.setdefault(int(call.params["chat_id"]), []).append(call.ended)
        for phone, person in phones:
            wanted = self._sent.get(phone, [])
            self._compare("telegram, on record", wanted, heard(storage, person, "telegram"))
            self._count("telegram, answers", len(wanted), len(phone.chat.bot_messages))
            begun, ended = self._begun.get(phone.id, []), answered.get(phone.id, [])
            self.seconds["telegram"] += [after - before for before, after in zip(begun, ended, strict=False)]
        for call in telegram.calls:
            self.faults[f"429 to {call.method}"] += call.status == HTTPStatus.TOO_MANY_REQUESTS

    def _check_pages(self, storage: Storage, pages: Sequence[Page]) -> None:
        for page in pages:
            wanted = self._sent.get(page, [])
            self.faults["page, not taken"] += len(page.failed)
            self._compare("page, on record", wanted, heard(storage, page.person, "web"))
            if wanted:
                self._count("page, answers", len(wanted), page.answers())
            self.seconds["web"] += page.seconds

    def _compare(self, where: str, wanted: Sequence[str], found: Sequence[str]) -> None:
        self.faults[f"{where}: lost"] += (Counter(wanted) - Counter(found)).total()
        self.faults[f"{where}: twice"] += (Counter(found) - Counter(wanted)).total()

    def _count(self, where: str, wanted: int, found: int) -> None:
        self.faults[f"{where}: lost"] += max(0, wanted - found)
        self.faults[f"{where}: twice"] += max(0, found - wanted)


def heard(storage: Storage, person: Person, provider: str) -> list[str]:
    """What is on record of what they said in that chat."""
    with storage.work(person.workspace_id, person.user_id) as work:
        link = next(one for one in work.people.links(person.user_id) if one.provider == provider)
        lines = [line.message for line in work.messages.transcript(link.id, None, LINES)]
    return [one.payload["text"] for one in lines if one.direction == "in" and "text" in one.payload]
