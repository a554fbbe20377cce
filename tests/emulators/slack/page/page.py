"""A conversation or the home tab with its frame, and the modal that lies over it."""

from __future__ import annotations

import time
from html import escape
from pathlib import Path

from tests.emulators.slack.conversation import Conversation
from tests.emulators.slack.message import Message, SentFile
from tests.emulators.slack.people import Person
from tests.emulators.slack.views import View

from . import kit
from .marks import mrkdwn, plain

_STYLE = (Path(__file__).parent / "page.css").read_text(encoding="utf-8")


def draw(person: Person, what: str, theme: str) -> str:
    """HTML of what `person` sees; `what` is dm, home, or a conversation's id; `theme` light, dark or neither."""
    where = person.dm if what == "dm" else person.team.conversation(what)
    if what == "home":
        title, body = person.world.app.name, _home(person)
    elif where is None or person not in where.members:
        title, body = "Nothing here", ""
    else:
        title = person.world.app.name if where.kind == "im" else f"# {where.name}"
        body = _messages(person, where)
    over = _modal(person.modal) if person.modal else ""
    kind = theme if theme in ("light", "dark") else ""
    return (
        f"<!doctype html><html lang=en class='{kind}'><meta charset=utf-8>"
        # Pictures that an app names are not fetched: nothing leaves this machine.
        "<meta http-equiv='Content-Security-Policy' content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">"
        "<meta name=viewport content='width=device-width, initial-scale=1'>"
        f"<title>{escape(title)}</title><style>{_STYLE}</style>"
        f"<header><small>{escape(person.team.name)}</small><h1>{escape(title)}</h1>{_tabs(what, where)}</header>"
        f"<main>{body}</main>{over}"
    )


def _tabs(what: str, where: Conversation | None) -> str:
    if what != "home" and (where is None or where.kind != "im"):
        return ""
    home, messages = ("on", "") if what == "home" else ("", "on")
    return f"<nav><span class='{home}'>Home</span><span class='{messages}'>Messages</span></nav>"


def _home(person: Person) -> str:
    if person.home is None:
        return "<p class=empty>The app has not published a home tab yet.</p>"
    return kit.blocks(person.team, person.home.blocks, person.home)


def _messages(person: Person, where: Conversation) -> str:
    seen = [one for one in where.messages if one.only_for in (None, person)]
    parts: list[str] = []
    for message in seen:
        if message.thread_ts and message.thread_ts != message.ts and message.thread_ts in {one.ts for one in seen}:
            continue
        replies = [one for one in seen if one.thread_ts == message.ts and one is not message]
        named = where.threads[message.ts].title if message.ts in where.threads else ""
        title = f"<div class=named>{escape(named)}</div>" if named and named != message.text else ""
        under = (
            title + f"<div class=thread>{''.join(_message(person, one) for one in replies)}</div>" if replies else ""
        )
        parts.append(_message(person, message) + under)
    typing = next((one for one in where.threads.values() if one.status), None)
    if typing is not None:
        parts.append(f"<p class=status>{escape(person.world.app.name)} {escape(typing.status)}</p>")
    for place in (where, *where.threads.values()):
        parts += [f"<p class=status>{escape(place.prompts_title)}</p>"] if place.prompts else []
        parts += [f"<button class=prompt>{escape(one['title'])}</button>" for one in place.prompts]
    return "".join(parts)


def _message(person: Person, message: Message) -> str:
    team = person.team
    body = kit.blocks(team, message.blocks) if message.blocks else f"<div>{mrkdwn(team, message.text)}</div>"
    files = "".join(map(_file, message.files))
    reactions = "".join(
        f"<span class=reaction>:{escape(n)}: {len(u)}</span>" for n, u in message.reactions.items() if u
    )
    at = time.strftime("%H:%M", time.gmtime(float(message.ts)))
    notes = [
        "<span class=app>APP</span>" if message.from_bot else "",
        f"<time>{at}</time>",
        "<small>(edited)</small>" if message.edited_ts else "",
        "<small>Only visible to you</small>" if message.only_for else "",
    ]
    kind = "message private" if message.only_for else "message"
    letter = escape(message.sender.display_name[:1])
    name = escape(message.sender.display_name)
    return (
        f"<article class='{kind}'><div class=face aria-hidden=true>{letter}</div><div class=content>"
        f"<div class=who><strong>{name}</strong>{''.join(notes)}</div>{body}{files}{reactions}</div></article>"
    )


def _file(file: SentFile) -> str:
    if file.mime in ("image/png", "image/jpeg", "image/gif"):
        return f"<div class=image><img src='{kit.inline(file)}' alt='{escape(file.title)}'></div>"
    return f"<div class=file>📄 {escape(file.title)} · {file.size} bytes</div>"


def _modal(view: View) -> str:
    trouble = f"<p class=error>{plain(view.trouble)}</p>" if view.trouble else ""
    submit = f"<button class=primary>{plain(view.submit)}</button>" if view.submit else ""
    return (
        f"<div class=veil><section class=modal role=dialog aria-label='{escape(view.title)}'>"
        f"<h2>{plain(view.title)}</h2>{trouble}<div class=scroll>{kit.blocks(view.person.team, view.blocks, view)}</div>"
        f"<footer><button>{plain(view.close)}</button>{submit}</footer></section></div>"
    )
