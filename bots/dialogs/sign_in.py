"""Getting into the page from a chat that is linked already: a link and a code that work once."""

from collections.abc import Mapping
from typing import Any

from bots.dialogs import ways
from bots.kit.dialog import Chat, Reply, action, command, notice
from bots.kit.screen import Button, Heading, Paragraph, Quote, Screen, row
from core.identity.sign_in import CODE_MINUTES, offer


@command("web")
def web(chat: Chat, rest: str = "") -> Reply:
    """As a new message."""
    return Reply(_offer(chat))


@action("sign_in.offer")
def another(chat: Chat) -> Reply:
    """By a button."""
    return Reply(_offer(chat))


def _offer(chat: Chat) -> Screen:
    way, say = offer(chat.work, chat.actor), chat.say
    # Whoever is at the page is in already: theirs is for another browser, where a link would have to be typed.
    here = chat.link.provider == "web"
    link = () if here else (Button(label=say("sign_in.open"), url=f"/enter/{way.token}", style="primary"),)
    return Screen(
        blocks=(
            Heading(text=say("sign_in.elsewhere" if here else "sign_in.heading")),
            Quote(text=way.code, exact=True),
            Paragraph(text=say("sign_in.how", account=chat.user.email, n=CODE_MINUTES)),
            Paragraph(text=say("sign_in.warning"), muted=True),
        ),
        buttons=ways.rows(
            link,
            (Button(label=say("link.another"), action="sign_in.offer"), Button(label=say("browsers.button"), action="browsers.open")),
            (ways.settings(chat),),
        ),
    )  # fmt: skip


@notice("sign_in.mail")
def mail(chat: Chat, data: Mapping[str, Any]) -> Screen:
    """The mail to somebody who asked to be let in."""
    say, there = chat.say, str(data["url"] or "")
    given = {"n": int(data["n"]), "code": str(data["code"]), "account": str(data["to"])}
    return Screen(
        blocks=(
            Heading(text=say("sign_in.mail")),
            Paragraph(text=say("sign_in.mail.asked", account=given["account"])),
            Paragraph(text=say("sign_in.mail.code", code=given["code"], n=given["n"])),
            Paragraph(text=say("sign_in.mail.not_you")),
        ),
        buttons=ways.rows((Button(label=say("sign_in.mail.link"), url=there),) if there else ()),
    )


@notice("sign_in.happened")
def happened(chat: Chat, data: Mapping[str, Any]) -> Screen:
    """Told in their other chats: somebody, hopefully they, came in."""
    return Screen(
        blocks=(
            Heading(text=chat.say("sign_in.happened")),
            Paragraph(text=chat.say(f"sign_in.happened.{data['way']}", browser=str(data["browser"]) or chat.say("browsers.unknown"))),
            Paragraph(text=chat.say("sign_in.happened.not_you"), muted=True),
        ),
        buttons=(row(Button(label=chat.say("browsers.button"), action="browsers.open")),),
    )  # fmt: skip
