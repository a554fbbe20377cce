"""The Bot API client of a process, and the token kept out of everything that is written down: it stands in every address."""

import logging
import traceback
import warnings
from contextlib import suppress

import telegram
from telegram.warnings import PTBDeprecationWarning, PTBUserWarning

from bots.telegram.request import Request
from core.kernel.settings import Settings

HIDDEN = "<token>"
CONNECTIONS = 64
# Updates are taken as they came, so that one which the library cannot read does not hold up those after it.
warnings.filterwarnings("ignore", message=r"Please use 'Bot\.", category=PTBUserWarning)
warnings.filterwarnings("ignore", message=".*retry_after", category=PTBDeprecationWarning)


def make_bot(settings: Settings) -> telegram.Bot:
    """The client of `NOD_TELEGRAM_TOKEN` at `NOD_TELEGRAM_API_URL`. Raises ValueError without a token."""
    if settings.telegram_token is None:
        raise ValueError("NOD_TELEGRAM_TOKEN is not set")
    base = settings.telegram_api_url.rstrip("/")
    return telegram.Bot(
        settings.telegram_token.get_secret_value(), base_url=f"{base}/bot", base_file_url=f"{base}/file/bot",
        request=Request(CONNECTIONS), get_updates_request=Request(1),
    )  # fmt: skip


class Hide(logging.Filter):
    """Takes the token out of log lines, tracebacks included."""

    def __init__(self, token: str) -> None:
        super().__init__()
        self._token = token

    def filter(self, record: logging.LogRecord) -> bool:
        """Always lets the record through, without the token."""
        message = record.getMessage()
        if record.exc_info and record.exc_info[0] is not None:
            trace = "".join(traceback.format_exception(*record.exc_info))
            if self._token in trace:
                message, record.exc_info, record.exc_text = f"{message}\n{trace}", None, None
        if self._token in message:
            record.msg, record.args = message.replace(self._token, HIDDEN), ()
        return True


def hide_token(settings: Settings) -> None:
    """From now on no log line of this process has the token; the libraries' own lines about requests are not written at all."""
    if settings.telegram_token is None:
        return
    for name in ("aiohttp", "telegram"):
        logging.getLogger(name).setLevel(logging.WARNING)
    for handler in logging.getLogger().handlers:
        handler.addFilter(Hide(settings.telegram_token.get_secret_value()))


async def close(bot: telegram.Bot) -> None:
    """Lets the connections go."""
    with suppress(Exception):
        await bot.shutdown()
