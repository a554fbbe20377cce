"""The browsers in which a person is signed in at the page, and signing out there."""

from uuid import UUID

from bots.dialogs import ways
from bots.kit.dialog import Chat, Reply, action
from bots.kit.screen import Button, Facts, Heading, Paragraph, Screen, row
from core.identity.models import Session
from core.identity.prove import end_session

SHOWN = 12


@action("browsers.open")
def open_browsers(chat: Chat) -> Reply:
    """All of them, the newest first."""
    return Reply(_list(chat), mode=chat.in_place)


@action("browsers.end")
def end(chat: Chat, session_id: str) -> Reply:
    """Signed out there, at once."""
    end_session(chat.work, chat.actor, UUID(session_id))
    return Reply(_list(chat, chat.say("browsers.ended")), mode="replace", toast=chat.say("browsers.ended"))


@action("browsers.end_others")
def end_others(chat: Chat) -> Reply:
    """Signed out everywhere but here."""
    others = [one for one in chat.work.people.sessions(chat.user.id) if str(one.id) != _here(chat)]
    for one in others:
        end_session(chat.work, chat.actor, one.id)
    told = chat.say("browsers.ended_others", n=len(others))
    return Reply(_list(chat, told), mode="replace", toast=told)


def _list(chat: Chat, told: str = "") -> Screen:
    say = chat.say
    open_ones = [one for one in chat.work.people.sessions(chat.user.id) if one.revoked_at is None]
    open_ones.sort(key=lambda one: str(one.id) != _here(chat))
    others = [one for one in open_ones if str(one.id) != _here(chat)]
    heading = say("browsers.heading", n=len(open_ones)) if open_ones else say("browsers.none")
    rows = tuple((_name(chat, one), _about(chat, one)) for one in open_ones[:SHOWN])
    more = len(open_ones) - SHOWN
    ends = [
        row(Button(label=say("browsers.end", browser=_called(chat, one), number=at), action="browsers.end", args=(str(one.id),)))
        for at, one in enumerate(open_ones[:SHOWN], 1)
        if one in others
    ]  # fmt: skip
    return Screen(
        blocks=(
            Heading(text=heading),
            *((Paragraph(text=told),) if told else ()),
            *((Facts(rows=rows),) if rows else ()),
            *((Paragraph(text=say("browsers.more", n=more), muted=True),) if more > 0 else ()),
            Paragraph(text=say("browsers.what"), muted=True),
        ),
        buttons=(
            *ends,
            *ways.rows(
                (Button(label=say("browsers.end_others"), action="browsers.end_others", style="danger"),) if len(others) > 1 else (),
                (Button(label=say("browsers.leave"), url="/sign-out"),) if _here(chat) else (),
                (Button(label=say("browsers.add"), action="sign_in.offer"), ways.settings(chat)),
            ),
        ),
    )  # fmt: skip


def _here(chat: Chat) -> str:
    """The session that this was tapped in; empty elsewhere than at the page."""
    return str(chat.extra.get("session", ""))


def _called(chat: Chat, one: Session) -> str:
    return one.browser or chat.say("browsers.unknown")


def _name(chat: Chat, one: Session) -> str:
    name = _called(chat, one)
    return chat.say("browsers.this_one", browser=name) if str(one.id) == _here(chat) else name


def _about(chat: Chat, one: Session) -> str:
    return chat.say(f"browsers.by.{one.way}", since=one.issued_at, seen=one.seen_at or one.issued_at)
