"""What is kept of what a person did, and who answers it."""

import difflib
import inspect
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bots.kit import clean
from bots.kit.dialog import (
    Chat,
    Handler,
    Input,
    Reply,
    Submit,
    Tap,
    Text,
    Upload,
    action,
    commands,
    handler_of,
    replies,
    steps,
    unasked_for,
)
from bots.kit.screen import Button, Paragraph, Screen, row
from bots.kit.words import FALLBACK
from core.kernel.errors import Invalid

COMMAND = re.compile(r"/([^\W\d]{1,32})(?:@\w+)?(?:\s+(.*))?", re.DOTALL)
SHORT = 3
"""Letters of a word that is too short to be near to a name in another language."""
OFFERED = ("new", "inbox", "help")


def sound(heard: Input) -> Input:
    """The same input with words that can be kept (clean.storable). Nobody types anything else; a script may."""
    match heard:
        case Text():
            return replace(heard, text=clean.storable(heard.text))
        case Upload():
            return replace(heard, name=clean.storable(heard.name), caption=clean.storable(heard.caption))
        case Submit():
            return replace(heard, values={name: _sound(value) for name, value in heard.values.items()})
        case _:
            return heard


def _sound(value: Any) -> Any:
    match value:
        case str():
            return clean.storable(value)
        case list() | tuple():
            return [_sound(one) for one in value]
        case Upload():
            return sound(value)
        case _:
            return value


def kept(heard: Input) -> dict[str, Any]:
    """The payload of the inbound message. The answers of a form are not in it: they go where they belong, secrets to the vault."""
    match heard:
        case Tap():
            return {"tap": heard.action, "args": list(heard.args)}
        case Text():
            return {"text": heard.text}
        case Upload():
            return {"upload": heard.name, "size": heard.size, "caption": heard.caption}
        case Submit():
            return {"submit": heard.action, "args": list(heard.args), "fields": sorted(heard.values)}


def answer(chat: Chat) -> Reply:
    """Runs whoever answers `chat.input`. Raises what the handler raises, and Invalid `messaging.button_unknown`."""
    match chat.input:
        case Tap(name, args):
            return _call(name, chat, *args)
        case Submit(name, args, values):
            return _call(name, chat, *args, dict(values))
        case Text() as words:
            return _words(chat, words)
        case _:
            return _conversation(chat) or _unasked(chat) or not_understood(chat)


def _words(chat: Chat, words: Text) -> Reply:
    said = COMMAND.fullmatch(words.text.strip())
    if said is not None:
        name = said[1].lower()
        name = name if name in commands else _in_own_words(chat).get(name, name)
        if name in commands:
            return run_command(chat, name, said[2] or "")
        return _unasked(chat) or not_understood(chat)
    if words.reply_to is not None:
        subject = chat.work.messages.delivery(words.reply_to)
        if subject.subject_kind in replies:
            return replies[subject.subject_kind](chat, subject.subject_id)
    return _conversation(chat) or _unasked(chat) or not_understood(chat)


def run_command(chat: Chat, name: str, rest: str) -> Reply:
    """Runs a command; a conversation that was going on, and that the command did not take up, is over."""
    before = chat.work.conversations.current(chat.link.id)
    mark = (before.id, before.version, before.step) if before is not None else None
    reply = commands[name](chat, rest.strip())
    after = chat.work.conversations.current(chat.link.id)
    if after is not None and mark == (after.id, after.version, after.step):
        chat.work.conversations.end(chat.link.id)
    return reply


def _conversation(chat: Chat) -> Reply | None:
    current = chat.work.conversations.current(chat.link.id)
    if current is None or current.dialog not in steps:
        return None
    if current.expires_at <= chat.work.now:
        chat.work.conversations.end(chat.link.id)
        return Reply(_offer(chat, "conversation.lapsed", OFFERED))
    return steps[current.dialog](chat, current)


def _unasked(chat: Chat) -> Reply | None:
    """What nobody asked for goes to whoever may have a use for it all the same."""
    hear = unasked_for.get("file" if isinstance(chat.input, Upload) else "words")
    return hear(chat) if hear is not None else None


def not_understood(chat: Chat) -> Reply:
    """Nobody waits for these words: never guess, offer buttons."""
    if isinstance(chat.input, Upload):
        return Reply(_offer(chat, "words.upload_unexpected", OFFERED, name=chat.input.name))
    spoken = chat.input.text if isinstance(chat.input, Text) else ""
    likely = nearest(spoken, _in_own_words(chat))
    return Reply(_offer(chat, "words.did_you_mean" if likely else "words.not_understood", likely or OFFERED))


def nearest(spoken: str, own: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """At most three commands whose names are near to one of the first words; `own` are names in another language, and the command of each."""
    found: list[str] = []
    named = {**(own or {}), **{name: name for name in commands}}
    for word in re.findall(r"\w+", spoken.lower())[:8]:
        singular = word.rstrip("s")
        known = named if len(word) > SHORT else commands
        for name in difflib.get_close_matches(word, known, 3, 0.75) + [
            name for name in named if len(singular) > 2 and name.startswith(singular)
        ]:
            if named[name] not in found:
                found.append(named[name])
    return tuple(found[:3])


def _in_own_words(chat: Chat) -> dict[str, str]:
    """What commands are called in the person's language, where that is one word other than the English one: `einstellungen` is `settings`."""
    if chat.say.language == FALLBACK:
        return {}
    called = {name: _label(chat, name).lower() for name in commands}
    return {
        word: name for name, word in called.items() if re.fullmatch(r"[^\W\d]{3,32}", word) and word not in commands
    }


def _offer(chat: Chat, code: str, names: tuple[str, ...], **data: Any) -> Screen:
    buttons = [
        Button(label=_label(chat, name), action="command.run", args=(name,)) for name in names if name in commands
    ]
    return Screen(blocks=(Paragraph(text=chat.say(code, **data)),), buttons=(row(*buttons),) if buttons else ())


def _label(chat: Chat, name: str) -> str:
    return chat.say(f"command.{name}") if chat.say.knows(f"command.{name}") else f"/{name}"


def _call(name: str, chat: Chat, *args: Any) -> Reply:
    handler: Handler = handler_of(name)
    try:
        inspect.signature(handler).bind(chat, *args)
    except TypeError:
        raise Invalid("messaging.button_unknown", action=name) from None
    return handler(chat, *args)


@action("command.run")
def _run_by_button(chat: Chat, name: str) -> Reply:
    if name not in commands:
        raise Invalid("messaging.button_unknown", action=name)
    return run_command(chat, name, "")
