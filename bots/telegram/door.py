"""The Telegram process: takes updates in (or leaves that to the webhook of the web process), handles what is stored, delivers what is
due. Any number of these may run."""

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from telegram.error import BadRequest, InvalidToken, RetryAfter, TelegramError

from bots.kit.arrivals import Arrivals, end
from bots.kit.giving_up import noted_for
from bots.kit.outbound import Outbound
from bots.kit.parts import Parts
from bots.kit.turn import Turn
from bots.telegram import api, reading, webhook
from bots.telegram.answering import Answering, known
from bots.telegram.limits import Limits, Rates, seconds_of
from bots.telegram.menu import set_menu
from bots.telegram.polling import WANTED, Polling
from bots.telegram.sender import TelegramSender
from bots.telegram.updates import is_tap, lane_of, number_of, pause, sender_of
from core.kernel.actor import Actor
from core.kernel.settings import Settings

__all__ = ["Door", "explain", "reading"]
log = logging.getLogger(__name__)
LONGEST_PAUSE_SECONDS = 30.0
LABEL = "telegram"


class Door:
    """One process's door. `run` until `stop`."""

    def __init__(self, parts: Parts, settings: Settings, rates: Rates = Rates()) -> None:
        self._parts, self._settings = parts, settings
        self.bot = api.make_bot(settings)
        limits = Limits(rates)
        sender = TelegramSender(parts, self.bot, limits, settings.public_url)
        self._sending = Turn(parts.redis_url, f"telegram:{_mark(settings)}:sending", lambda: self._turn.mine)
        self._outbound = Outbound(parts, LABEL, sender, self._sending, self._pressed)
        self._answering = Answering(parts, self.bot, limits, settings.public_url, self._outbound.wake)
        self._turn = Turn(parts.redis_url, f"telegram:{_mark(settings)}")
        self.arrivals = Arrivals(
            parts, self._turn, self._answering.handle, channel=LABEL, lane=lane_of, order=number_of, pause=pause,
            is_tap=is_tap, note=noted_for(parts, self._sender),
        )  # fmt: skip
        self.ready = asyncio.Event()
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Ends `run` within seconds: what is begun is finished, what is not is handed back."""
        self._stopping.set()

    async def run(self) -> None:
        """Raises InvalidToken when Telegram does not know the token, BadRequest when it does not take our webhook's address."""
        stopped = asyncio.create_task(self._stopping.wait())
        beginning = asyncio.create_task(self._begin())
        try:
            await asyncio.wait({stopped, beginning}, return_when=asyncio.FIRST_COMPLETED)
            if not stopped.done():
                beginning.result()
                await self._work(stopped)
        finally:
            await end(beginning)
            await end(stopped)
            await api.close(self.bot)

    def _sender(self, payload: dict[str, Any]) -> Actor | None:
        number = sender_of(payload)
        return None if number is None else known(self._parts, number)

    def _pressed(self) -> bool:
        return self.arrivals.pressed()

    async def _begin(self) -> None:
        await self._greet_telegram()
        if webhook.wanted(self._settings):
            await self._point_webhook()

    async def _work(self, stopped: "asyncio.Task[bool]") -> None:
        """What breaks one loop ends all of them."""
        delivering = asyncio.create_task(self._outbound.run())
        turning, sending = asyncio.create_task(self._turn.keep()), asyncio.create_task(self._sending.keep())
        arriving = asyncio.create_task(self.arrivals.run())
        loops: set[asyncio.Task[Any]] = {delivering, turning, sending, arriving}
        polling = None
        if not webhook.wanted(self._settings):
            polling = asyncio.create_task(Polling(self._parts, self.bot, self._turn, self.arrivals).run())
            loops.add(polling)
        introducing = asyncio.create_task(self._introduce())
        self.ready.set()
        await asyncio.wait({stopped, *loops}, return_when=asyncio.FIRST_COMPLETED)
        await end(introducing)
        if polling is not None:
            await end(polling)
        self.arrivals.stop()
        await asyncio.wait({arriving})
        self._turn.stop()
        self._outbound.stop()
        await asyncio.wait({turning, delivering})
        self._sending.stop()
        await asyncio.wait({sending})
        for loop in loops:
            if not loop.cancelled() and (trouble := loop.exception()) is not None:
                raise trouble

    async def _greet_telegram(self) -> None:
        """Learns the bot's own name."""
        await _patiently(self.bot.initialize)

    async def _introduce(self) -> None:
        """Commands and descriptions: two dozen calls, for which nobody waits. Without them everything works all the same."""
        try:
            await _patiently(lambda: set_menu(self._parts, self.bot))
        except TelegramError as refused:
            log.warning("the commands were not registered: %s", refused.message)

    async def _point_webhook(self) -> None:
        """One connection: Telegram then keeps the order."""
        assert self._settings.public_url is not None
        assert self._settings.telegram_webhook_secret is not None
        await self.bot.set_webhook(
            self._settings.public_url.rstrip("/") + webhook.PATH, max_connections=1, allowed_updates=WANTED,
            secret_token=self._settings.telegram_webhook_secret.get_secret_value(),
        )  # fmt: skip


async def _patiently(call: Callable[[], Awaitable[Any]]) -> None:
    """Until it is done; Telegram may be away for a while. Raises InvalidToken, and BadRequest for what it will never take."""
    pause = 0.5
    while True:
        try:
            await call()
            return
        except (InvalidToken, BadRequest):
            raise
        except TelegramError as away:
            wait = seconds_of(away) if isinstance(away, RetryAfter) else pause
            log.warning("Telegram cannot be reached (%s): trying again in %.0f s", type(away).__name__, wait)
            await asyncio.sleep(wait)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)


def _mark(settings: Settings) -> str:
    """One turn for each bot, at each server."""
    assert settings.telegram_token is not None
    whose = settings.telegram_api_url + settings.telegram_token.get_secret_value()
    return hashlib.sha256(whose.encode()).hexdigest()[:16]


def explain(trouble: TelegramError) -> str:
    """What is wrong with the configuration, and what to do; without the token."""
    if isinstance(trouble, InvalidToken):
        return (
            "Telegram does not know this bot.\n  Why: it refused NOD_TELEGRAM_TOKEN.\n"
            "  What to do: copy the token from @BotFather again, and start anew."
        )
    return (
        f"Telegram does not take the webhook's address.\n  Why: {trouble.message}.\n"
        "  What to do: NOD_PUBLIC_URL must be https and reachable from outside, and NOD_TELEGRAM_WEBHOOK_SECRET may hold "
        "A-Z, a-z, 0-9, _ and - only. Without either of them Nod asks for updates itself."
    )
