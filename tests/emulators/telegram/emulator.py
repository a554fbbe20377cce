"""The emulator as a test holds it: starts the server on a port of its own, brings people in, orders trouble."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Sequence
from typing import Any, Self, TypeVar

from .chat import Chat
from .faults import Fault, Published, RateLimit
from .groups import Group
from .menus import scope_key
from .people import Bot, Person
from .refusals import Refused, too_many_requests
from .server import Server
from .webhook import WebhookSender
from .world import Call, World

T = TypeVar("T")

DEFAULT_TOKEN = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw0"


class TelegramEmulator:
    """A Bot API server in a thread, for one bot. Everything here may be called from any thread.

    `webhook_retry` is the first pause in seconds between deliveries of one update (it doubles up to a second),
    `webhook_timeout` how long an answer may take, `callback_seconds` how long a tap can be answered.
    """

    def __init__(
        self,
        token: str = DEFAULT_TOKEN,
        *,
        webhook_retry: float = 0.05,
        webhook_timeout: float = 5.0,
        callback_seconds: float = 15.0,
    ) -> None:
        self.world = World(token, callback_seconds)
        self._webhook_times = (webhook_retry, webhook_timeout)
        # With the protocol named, asyncio switches Nagle's algorithm off; otherwise every answer waits 40 ms.
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.listen()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="telegram-emulator", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(60), "the emulator did not start"
        return self

    def __exit__(self, *problem: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(60)
        self._socket.close()

    @property
    def api_url(self) -> str:
        """Base address: the client calls `{api_url}/bot{token}/{method}`."""
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    @property
    def file_url(self) -> str:
        """Base address of files: the client fetches `{file_url}/bot{token}/{file_path}`."""
        return f"{self.api_url}/file"

    @property
    def token(self) -> str:
        return self.world.token

    @property
    def bot(self) -> Bot:
        return self.world.bot

    def user(self, first_name: str, *, username: str | None = None, language_code: str | None = "en") -> Person:
        """Somebody new, who has not written to the bot yet."""
        return self.world.new_person(first_name, username, language_code)

    def group(self, title: str, members: Sequence[Person], *, kind: str = "supergroup", with_bot: bool = True) -> Group:
        """A group or supergroup that the first of `members` owns and has just added the bot to."""
        with self.world.lock:
            group = self.world.new_group(title, kind)
            for person in members:
                group.statuses[person.id] = "member"
            group.statuses[members[0].id] = "creator"
            if with_bot:
                group.adds_bot(members[0])
            return group

    @property
    def calls(self) -> list[Call]:
        """Every request that was answered, oldest first."""
        with self.world.lock:
            return list(self.world.calls)

    def calls_to(self, method: str) -> list[Call]:
        return [call for call in self.calls if call.method.lower() == method.lower()]

    @property
    def updates(self) -> list[dict[str, Any]]:
        """Every update that there was, delivered or not."""
        with self.world.lock:
            return list(self.world.updates.every)

    @property
    def pending_updates(self) -> list[dict[str, Any]]:
        """Updates that the bot has not confirmed."""
        with self.world.lock:
            return self.world.updates.again + self.world.updates.pending

    def commands(self, scope: dict[str, Any] | None = None, language_code: str = "") -> list[dict[str, str]]:
        """The commands that the bot registered for exactly this scope and language."""
        with self.world.lock:
            return list(self.world.commands.get((scope_key(scope), language_code), []))

    @property
    def descriptions(self) -> dict[tuple[str, str], str]:
        """(description or short_description, language) → text."""
        with self.world.lock:
            return dict(self.world.texts)

    def wait_for(self, look: Callable[[], T | None], timeout: float = 60.0) -> T:
        """The first thing other than None that `look` returns; it is asked again after every change."""
        return self.world.wait_until(look, timeout, lambda: "it did not come")

    def wait_for_call(
        self, method: str, predicate: Callable[[Call], bool] = lambda call: True, timeout: float = 60.0
    ) -> Call:
        """The first answered call of `method` for which `predicate` holds, past or to come."""
        return self.world.wait_until(
            lambda: next((call for call in self.calls_to(method) if predicate(call)), None),
            timeout,
            lambda: f"no such call of {method} among {[call.method for call in self.calls]}",
        )

    def wait_until_confirmed(self, timeout: float = 60.0) -> None:
        """Wait until the bot has confirmed every update, by its next poll or by 2xx."""
        self.world.wait_until(
            lambda: None if self.pending_updates else True, timeout, lambda: f"unconfirmed: {self.pending_updates}"
        )

    def fail_next(
        self,
        method: str,
        status: int,
        description: str,
        parameters: dict[str, Any] | None = None,
        times: int | None = 1,
    ) -> Fault:
        """Refuse the next `times` calls (None: all) of `method` without carrying them out."""
        return self._order(Fault(method, times, refusal=Refused(status, description, parameters)))

    def too_many_requests(self, method: str, retry_after: int = 1, times: int | None = 1) -> Fault:
        """Refuse with 429 and whole seconds to wait."""
        return self._order(Fault(method, times, refusal=too_many_requests(retry_after)))

    def delay(self, method: str, seconds: float, times: int | None = 1, *, after: bool = False) -> Fault:
        """Hold back the next calls of `method`, before they take effect, or `after` it and before the answer."""
        return self._order(Fault(method, times, before=0 if after else seconds, after=seconds if after else 0))

    def drop_after_accept(self, method: str, times: int | None = 1) -> Fault:
        """Carry the call out, then cut the connection without a word."""
        return self._order(Fault(method, times, drop=True))

    def limit(self, chat: Chat | Person | None, per_second: float) -> None:
        """Allow so many messages a second to `chat` (None: to all together); beyond that 429."""
        with self.world.lock:
            self.world.faults.limits[None if chat is None else chat.id] = RateLimit(per_second)

    def limit_as_published(self) -> None:
        """From now on the limits of core.telegram.org/bots/faq hold: 30 a second, one a second in a chat with short bursts, 20 a minute in a group."""
        with self.world.lock:
            self.world.faults.published = Published()

    def heal(self) -> None:
        """Forget all ordered trouble and all limits."""
        with self.world.lock:
            self.world.faults.orders.clear()
            self.world.faults.limits.clear()
            self.world.faults.published = None

    def expire_callbacks(self) -> None:
        """Every tap that is not answered yet is too old from now on."""
        with self.world.lock:
            for tap in self.world.taps.values():
                tap.expired = True

    def redeliver(self, update: dict[str, Any] | None) -> None:
        """Deliver an update once more under its old number, even when it was confirmed."""
        assert update is not None, "there is no such update: the bot did not ask for this kind"
        with self.world.lock:
            self.world.updates.redeliver(update)

    def _order(self, fault: Fault) -> Fault:
        with self.world.lock:
            return self.world.faults.order(fault)

    def _serve(self) -> None:
        asyncio.run(self._run())

    async def _run(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        server = Server(self.world)
        sender = WebhookSender(self.world, *self._webhook_times)

        def look_again() -> None:
            sender.woken.set()
            server.poll.look_again()

        def listener() -> None:
            self._loop.call_soon_threadsafe(look_again)

        with self.world.lock:
            self.world.listeners.append(listener)
        delivering = asyncio.create_task(sender.run())
        async with server.listening(self._socket):
            self._ready.set()
            await self._stop.wait()
            with self.world.lock:
                self.world.listeners.remove(listener)
            delivering.cancel()
