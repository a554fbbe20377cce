"""The Telegram process: takes updates in (or leaves that to the webhook of the web process), handles what is stored, delivers what is
due. Any number of these may run."""

import asyncio
import hashlib
import logging
from contextlib import suppress

from telegram.error import InvalidToken, RetryAfter, TelegramError

from bots.kit.outbound import Outbound
from bots.kit.parts import Parts
from bots.telegram import api, reading, webhook
from bots.telegram.answering import Answering
from bots.telegram.arrivals import Arrivals
from bots.telegram.limits import Limits, Rates, seconds_of
from bots.telegram.menu import set_menu
from bots.telegram.polling import WANTED, Polling
from bots.telegram.sender import TelegramSender
from bots.telegram.turn import Turn
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
        self._outbound = Outbound(parts, LABEL, sender)
        self._answering = Answering(parts, self.bot, limits, settings.public_url, self._outbound.wake)
        self._turn = Turn(parts.redis_url, f"telegram:{_mark(settings)}")
        self.arrivals = Arrivals(parts, self._turn, self._answering.handle)
        self.ready = asyncio.Event()
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Ends `run` within seconds: what is begun is finished, what is not is handed back."""
        self._stopping.set()

    async def run(self) -> None:
        """Raises InvalidToken when Telegram does not know the token, BadRequest when it does not take our webhook's address."""
        stopped = asyncio.create_task(self._stopping.wait())
        working = asyncio.create_task(self._work())
        await asyncio.wait({stopped, working}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        working.cancel()
        try:
            with suppress(asyncio.CancelledError):
                await working
        finally:
            await api.close(self.bot)

    async def _work(self) -> None:
        await self._greet_telegram()
        delivering = asyncio.create_task(self._outbound.run())
        loops = [asyncio.create_task(self._turn.keep()), asyncio.create_task(self.arrivals.run())]
        try:
            if webhook.wanted(self._settings):
                await self._point_webhook()
                self.ready.set()
                await asyncio.gather(*loops)
            else:
                self.ready.set()
                await asyncio.gather(Polling(self._parts, self.bot, self._turn, self.arrivals).run(), *loops)
        finally:
            for loop in reversed(loops):
                loop.cancel()
                with suppress(asyncio.CancelledError):
                    await loop
            self._outbound.stop()
            await delivering

    async def _greet_telegram(self) -> None:
        """Learns the bot's own name, and registers the commands; patient while Telegram is away."""
        pause = 0.5
        while True:
            try:
                await self.bot.initialize()
                await set_menu(self._parts, self.bot)
                return
            except InvalidToken:
                raise
            except TelegramError as away:
                wait = seconds_of(away) if isinstance(away, RetryAfter) else pause
                log.warning("Telegram cannot be reached (%s): trying again in %.0f s", type(away).__name__, wait)
                await asyncio.sleep(wait)
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    async def _point_webhook(self) -> None:
        """One connection: Telegram then keeps the order."""
        assert self._settings.public_url is not None
        assert self._settings.telegram_webhook_secret is not None
        await self.bot.set_webhook(
            self._settings.public_url.rstrip("/") + webhook.PATH, max_connections=1, allowed_updates=WANTED,
            secret_token=self._settings.telegram_webhook_secret.get_secret_value(),
        )  # fmt: skip


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
