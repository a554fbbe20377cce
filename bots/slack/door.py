"""The Slack process: takes events in by Socket Mode (or leaves that to the web process), handles what is stored, delivers what is due. Any number of these
may run."""

import asyncio
import contextlib
import logging
from typing import Any

from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_sdk.errors import SlackApiError

from bots.kit.arrivals import PATIENT_TRIES, TRIES, Arrivals, end, later
from bots.kit.giving_up import noted_for
from bots.kit.outbound import Outbound, SlowDown
from bots.kit.parts import Parts
from bots.kit.turn import Turn
from bots.slack import events
from bots.slack.chats import Chats
from bots.slack.listening import Listening
from bots.slack.sender import SlackSender
from bots.slack.teams import AWAY, WEATHER, Refusal, Trouble
from core.kernel.errors import Unavailable
from core.kernel.settings import Settings
from core.messaging.models import InboundEvent

log = logging.getLogger(__name__)
LONGEST_PAUSE_SECONDS = 30.0


class Door:
    """One process's door. `run` until `stop`. `rate`: messages a second in a channel."""

    def __init__(self, parts: Parts, settings: Settings, rate: float = 1.0) -> None:
        self._parts, self._settings, self._rate = parts, settings, rate
        self.ready = asyncio.Event()
        self._stopping = asyncio.Event()
        self._arrivals: Arrivals | None = None

    def stop(self) -> None:
        """Ends `run` within seconds: what is begun is finished, what is not is handed back."""
        self._stopping.set()

    async def run(self) -> None:
        """Raises Refusal when Slack does not know one of the tokens."""
        stopped = asyncio.create_task(self._stopping.wait())
        listening = Listening(self._parts, self._settings, self._rate, self._wake)
        self._listening = listening
        beginning = asyncio.create_task(self._begin())
        try:
            await asyncio.wait({stopped, beginning}, return_when=asyncio.FIRST_COMPLETED)
            if not stopped.done():
                socket = beginning.result()
                await self._work(stopped, socket)
        finally:
            await end(beginning)
            await end(stopped)
            await listening.teams.close()

    def _wake(self) -> None:
        if self._arrivals is not None:
            self._arrivals.wake()

    def _pressed(self) -> bool:
        return self._arrivals is not None and self._arrivals.pressed()

    async def _begin(self) -> AsyncSocketModeHandler | None:
        """Learns the bot's own team and opens the way in; patient while Slack is away."""
        pause = 0.5
        while True:
            try:
                await self._listening.teams.begin()
                return await self._socket()
            except (*AWAY, SlowDown) as away:
                log.warning("Slack cannot be reached (%s): trying again in %.0f s", type(away).__name__, pause)
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    async def _socket(self) -> AsyncSocketModeHandler | None:
        """Asked for once by ourselves: the library would try a token that Slack does not know for ever."""
        token = self._settings.slack_app_token
        if token is None:
            return None
        client = self._listening.teams.client()
        try:
            opened = await client.apps_connections_open(app_token=token.get_secret_value())
        except SlackApiError as refused:
            reason = str(refused.response.get("error") or "unknown")
            if reason in WEATHER or reason == "ratelimited":
                raise Trouble(reason) from None
            raise Refusal("apps.connections.open", reason) from None
        handler = AsyncSocketModeHandler(
            self._listening.intake.bolt, token.get_secret_value(), web_client=client,
            logger=logging.getLogger("slack_sdk.socket_mode"),
        )  # fmt: skip
        handler.client.wss_uri = opened["url"]
        await handler.connect_async()
        return handler

    async def _work(self, stopped: "asyncio.Task[bool]", socket: AsyncSocketModeHandler | None) -> None:
        """What breaks one loop ends all of them."""
        parts, listening = self._parts, self._listening
        sender = SlackSender(parts, listening.teams, self._settings.public_url, listening.answering.uninstalled)
        outbound = Outbound(parts, events.CHANNEL, sender, pressed=self._pressed)
        listening.wake_outbound = outbound.wake
        turn = Turn(parts.redis_url, "slack")
        arrivals = self._arrivals = Arrivals(
            parts,
            turn,
            listening.answering.handle,
            channel=events.CHANNEL,
            lane=events.lane_of,
            order=_order,
            pause=_pause,
            is_tap=events.is_tap,
            note=noted_for(parts, Chats(parts).sender),
        )
        delivering, turning = asyncio.create_task(outbound.run()), asyncio.create_task(turn.keep())
        arriving, forming = asyncio.create_task(arrivals.run()), asyncio.create_task(listening.forms.run())
        freshening = asyncio.create_task(listening.answering.fresh.run())
        loops: set[asyncio.Task[Any]] = {delivering, turning, arriving, forming, freshening}
        self.ready.set()
        await asyncio.wait({stopped, *loops}, return_when=asyncio.FIRST_COMPLETED)
        if socket is not None:
            with contextlib.suppress(Exception):
                await asyncio.wait_for(socket.close_async(), 3)
        arrivals.stop()
        listening.forms.stop()
        await asyncio.wait({arriving, forming})
        await end(freshening)
        turn.stop()
        outbound.stop()
        await asyncio.wait({turning, delivering})
        for loop in loops:
            if not loop.cancelled() and (trouble := loop.exception()) is not None:
                raise trouble


def _order(event: InboundEvent) -> Any:
    return event.id


def _pause(trouble: Exception, attempt: int) -> float | None:
    """How long to wait before the next try of an event; None: none."""
    if isinstance(trouble, SlowDown):
        return trouble.seconds if attempt < PATIENT_TRIES else None
    if isinstance(trouble, Refusal):
        return None
    return later(attempt, PATIENT_TRIES if isinstance(trouble, (Unavailable, *AWAY)) else TRIES)


def explain(trouble: Refusal) -> str:
    """What is wrong with the configuration, and what to do; without the tokens."""
    name, where = (
        ("NOD_SLACK_APP_TOKEN", "Basic Information, App-Level Tokens (scope connections:write)")
        if trouble.method == "apps.connections.open"
        else ("NOD_SLACK_BOT_TOKEN", "OAuth & Permissions, Bot User OAuth Token")
    )
    return (
        f"Slack does not let Nod in.\n  Why: it refused {name} ({trouble.reason}).\n"
        f"  What to do: copy it again from your app's page at api.slack.com, {where}, and start anew."
    )
