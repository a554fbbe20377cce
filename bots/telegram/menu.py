"""The commands that Telegram offers beside the message field, in each language that there is."""

from datetime import UTC, datetime

import telegram
from telegram import BotCommand

from bots.kit.dialog import commands
from bots.kit.parts import Parts
from bots.kit.place import place
from bots.kit.words import FALLBACK

ORDER = (
    "start",
    "inbox",
    "new",
    "agents",
    "runs",
    "packs",
    "workflows",
    "usage",
    "connect",
    "settings",
    "stop",
    "help",
    "cancel",
)
LIMIT = 256


async def set_menu(parts: Parts, bot: telegram.Bot) -> None:
    """Registers those that exist, with what they do."""
    for language in parts.words.languages:
        say = parts.words.in_language(place(language, "UTC", datetime.now(UTC)))
        known = [BotCommand(name, say(f"command.{name}.does")[:LIMIT]) for name in ORDER if name in commands]
        await bot.set_my_commands(known, language_code=None if language == FALLBACK else language)
