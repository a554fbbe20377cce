"""What Telegram shows of the bot before anybody writes to it: the commands beside the message field, for each language, and for private chats, groups and those who
lead them; and who it is."""

from datetime import UTC, datetime

import telegram
from telegram import (
    BotCommand,
    BotCommandScope,
    BotCommandScopeAllChatAdministrators,
    BotCommandScopeAllGroupChats,
    BotCommandScopeAllPrivateChats,
)

from bots.kit import clean
from bots.kit.dialog import commands
from bots.kit.parts import Parts
from bots.kit.place import place
from bots.kit.words import FALLBACK, Say

ALONE = (
    "start",
    "inbox",
    "brief",
    "new",
    "agents",
    "runs",
    "failed",
    "packs",
    "workflows",
    "usage",
    "connect",
    "rooms",
    "settings",
    "web",
    "stop",
    "help",
    "cancel",
)
TOGETHER = ("nod", "help")
LEADING = ("nod", "rooms", "help")
LIMIT, ABOUT_LIMIT, SHORT_LIMIT = 256, 512, 120


async def set_menu(parts: Parts, bot: telegram.Bot) -> None:
    """Registers those that exist, with what they do there."""
    for language in parts.words.languages:
        say = parts.words.in_language(place(language, "UTC", datetime.now(UTC)))
        code = None if language == FALLBACK else language
        for scope, names in _scopes():
            await bot.set_my_commands(_commands(say, scope, names), scope=scope, language_code=code)
        await bot.set_my_description(_short(say("telegram.about"), ABOUT_LIMIT), language_code=code)
        await bot.set_my_short_description(_short(say("telegram.about_short"), SHORT_LIMIT), language_code=code)


def _scopes() -> tuple[tuple[BotCommandScope, tuple[str, ...]], ...]:
    return (
        (BotCommandScopeAllPrivateChats(), tuple(name for name in ALONE if name in commands)),
        (BotCommandScopeAllGroupChats(), TOGETHER),
        (BotCommandScopeAllChatAdministrators(), LEADING),
    )


def _commands(say: Say, scope: BotCommandScope, names: tuple[str, ...]) -> list[BotCommand]:
    """In a group a command may do something else than in private."""
    inside = scope.type != BotCommandScope.ALL_PRIVATE_CHATS
    return [
        BotCommand(name, _short(say(f"telegram.group.{name}.does" if inside else f"command.{name}.does"), LIMIT))
        for name in names
    ]


def _short(words: str, limit: int) -> str:
    return clean.cut(words, limit)
