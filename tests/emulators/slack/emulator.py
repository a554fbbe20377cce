"""The emulator as a test holds it: starts the server on a port of its own, brings teams in, orders trouble."""

from __future__ import annotations

import asyncio
import itertools
import socket
import threading
from collections.abc import Callable, Sequence
from typing import Any, Self, TypeVar

from .app import SlackApp
from .conversation import Conversation
from .deliveries import Delivery
from .dispatch import Dispatcher
from .faults import Fault, RateLimit
from .org import Org
from .people import Person
from .refusals import Refused, ratelimited
from .server import Server
from .team import Team
from .world import Addresses, Call, World

T = TypeVar("T")


class SlackEmulator:
    """Slack in a thread, for one app. Everything here may be called from any thread.

    `ack_seconds` is how long the app has to acknowledge, `trigger_seconds` how long a trigger_id lives,
    `retry_pauses` the pauses in seconds before an event is sent again (Slack: none, a minute, five minutes).
    `manifest` is an app manifest as a dict; without one everything is switched on.
    """

    def __init__(
        self,
        *,
        manifest: dict[str, Any] | None = None,
        ack_seconds: float = 3.0,
        trigger_seconds: float = 3.0,
        retry_pauses: Sequence[float] = (0.05, 0.5, 2.0),
    ) -> None:
        # With the protocol named, asyncio switches Nagle's algorithm off; otherwise every answer waits 40 ms.
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.listen()
        self.world = World(f"http://127.0.0.1:{self._socket.getsockname()[1]}", SlackApp(), trigger_seconds)
        if manifest is not None:
            self.world.app.takes(manifest)
        self._orgs = itertools.count(1)
        self._times = (ack_seconds, tuple(retry_pauses))
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="slack-emulator", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10), "the emulator did not start"
        return self

    def __exit__(self, *problem: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)
        self._socket.close()

    @property
    def url(self) -> str:
        return self.world.url

    @property
    def api_url(self) -> str:
        """Base address of the Web API, with its slash: `WebClient(base_url=…)`."""
        return f"{self.url}/api/"

    @property
    def authorize_url(self) -> str:
        """Where an install link leads."""
        return f"{self.url}/oauth/v2/authorize"

    @property
    def app(self) -> SlackApp:
        """What is registered about the app; settings may be changed at any time."""
        return self.world.app

    def team(self, name: str) -> Team:
        """A workspace without people, and without the app until somebody installs it."""
        return self.world.new_team(name)

    def org(self, name: str) -> Org:
        """An organisation of Enterprise Grid without teams."""
        return Org(self.world, next(self._orgs), name)

    def listens(
        self, events: str, *, interactivity: str | None = None, options: str | None = None,
        commands: str | None = None, verify: bool = True,
    ) -> None:  # fmt: skip
        """HTTP mode from now on; the other addresses are the one of events where they are not given.

        `verify` sends url_verification first. AssertionError when the app does not give the challenge back.
        """
        if verify:
            problem = self._in_loop(self._dispatcher.verify(events))
            assert not problem, f"{events} did not answer the challenge: {problem}"
        with self.world.lock:
            self.world.addresses = Addresses(
                events, interactivity or events, options or interactivity or events, commands or events
            )

    def wait_for_connections(self, number: int = 1, timeout: float = 60.0) -> None:
        """Wait until the app has at least `number` Socket Mode connections."""
        self.world.wait_until(
            lambda: True if len(self.connections) >= number else None,
            timeout,
            lambda: f"{len(self.connections)} connections instead of {number}",
        )

    @property
    def connections(self) -> list[Any]:
        """Socket Mode connections that are open and may be sent to; `.sent` counts envelopes."""
        with self.world.lock:
            return [one for one in self.world.connections if not one.leaving]

    def refresh_connections(self, reason: str = "refresh_requested", grace: float = 10.0) -> None:
        """Tell every client to come by a new connection (`warning`, `refresh_requested`, `link_disabled`)."""
        self._in_loop(self._server.sockets.refresh(reason, grace))

    def drop_connections(self) -> None:
        """Close every Socket Mode connection without a word."""

        async def close() -> None:
            for connection in list(self.world.connections):
                await self._server.sockets.close(connection)

        self._in_loop(close())

    @property
    def calls(self) -> list[Call]:
        """Every request to the Web API that was answered, oldest first."""
        with self.world.lock:
            return list(self.world.calls)

    def calls_to(self, method: str) -> list[Call]:
        return [call for call in self.calls if call.method == method]

    @property
    def deliveries(self) -> list[Delivery]:
        """Everything that was sent to the app or is about to be, oldest first."""
        with self.world.lock:
            return list(self.world.deliveries)

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

    def wait_until_acknowledged(self, timeout: float = 60.0) -> None:
        """Wait until everything that was sent is acknowledged or given up."""

        def look() -> bool | None:
            return None if any(one.state in ("waiting", "sent") for one in self.deliveries) else True

        self.world.wait_until(look, timeout, lambda: f"open: {[d for d in self.deliveries if not d.acked]}")

    def redeliver(self, delivery: Delivery) -> None:
        """Send the same once more, under its old ids."""
        self.world.redeliver(delivery)

    def page_url(self, person: Person, what: Conversation | str = "dm", theme: str = "") -> str:
        """A page with what `person` sees: a conversation, "dm", or "home"; an open modal lies over it.

        `theme` is light or dark; else the browser's preference decides.
        """
        place = what if isinstance(what, str) else what.id
        return f"{self.url}/page/{person.id}/{place}" + (f"?theme={theme}" if theme else "")

    def fail_next(
        self, method: str, error: str, *, status: int = 200, times: int | None = 1, **extra: Any
    ) -> Fault:  # fmt: skip
        """Refuse the next `times` calls (None: all) of `method` ("*": any) without carrying them out."""
        return self._order(Fault(method, times, refusal=Refused(error, status=status, **extra)))

    def too_many_requests(self, method: str, retry_after: int = 1, times: int | None = 1) -> Fault:
        """Refuse with 429 and whole seconds to wait."""
        return self._order(Fault(method, times, refusal=ratelimited(retry_after)))

    def delay(self, method: str, seconds: float, times: int | None = 1, *, after: bool = False) -> Fault:
        """Hold back the next calls of `method`, before they take effect, or `after` it and before the answer."""
        return self._order(Fault(method, times, before=0 if after else seconds, after=seconds if after else 0))

    def drop_after_accept(self, method: str, times: int | None = 1) -> Fault:
        """Carry the call out, then cut the connection without a word."""
        return self._order(Fault(method, times, drop=True))

    def limit(self, method: str, calls: int, seconds: float, *, per_channel: bool = False) -> None:
        """Allow `calls` of `method` in any `seconds`, of each workspace or of each channel; beyond that 429."""
        with self.world.lock:
            self.world.faults.limits[method] = RateLimit(calls, seconds, per_channel)

    def limit_by_tier(self) -> None:
        """The published limits: each method its tier a minute, a post a second in each channel."""
        with self.world.lock:
            self.world.faults.limit_by_tier()

    def slow_files(self, looks: int) -> None:
        """From now on a file that the app brings is known to blocks only after so many of them were refused."""
        with self.world.lock:
            self.world.files.slow = looks

    def end_streams(self) -> None:
        """Messages that were streamed are so no more, as the platform decides after some minutes."""
        with self.world.lock:
            for team in self.world.teams.values():
                for where in (*team.channels, *team.directs):
                    for message in where.messages:
                        message.streaming = False

    def heal(self) -> None:
        """Forget all ordered trouble and all limits."""
        with self.world.lock:
            self.world.faults.orders.clear()
            self.world.faults.limits.clear()

    def expire_triggers(self) -> None:
        """Every trigger_id that is out is too old from now on."""
        with self.world.lock:
            for trigger in self.world.triggers.values():
                trigger.made_at = float("-inf")

    def _order(self, fault: Fault) -> Fault:
        with self.world.lock:
            return self.world.faults.order(fault)

    def _in_loop(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(60)

    def _serve(self) -> None:
        asyncio.run(self._run())

    async def _run(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self._server = Server(self.world)
        self._dispatcher = Dispatcher(self.world, self._server.sockets, *self._times)

        def listener() -> None:
            self._loop.call_soon_threadsafe(self._dispatcher.woken.set)

        with self.world.lock:
            self.world.listeners.append(listener)
        delivering = asyncio.create_task(self._dispatcher.run())
        async with self._server.listening(self._socket):
            self._ready.set()
            await self._stop.wait()
            with self.world.lock:
                self.world.listeners.remove(listener)
            delivering.cancel()
