"""Keys for programs that act for the person: made (and shown once), listed, revoked."""

from typing import Any
from uuid import UUID

from bots.dialogs import ways
from bots.kit import forms
from bots.kit.dialog import Chat, Reply, action
from bots.kit.screen import Button, Form, Heading, Paragraph, Screen, row
from bots.kit.screen import Facts as Rows
from core.identity.prove import make_key, revoke_key
from core.kernel.errors import Invalid

SCOPES = ("read", "write", "approve")


@action("keys.open")
def open_keys(chat: Chat) -> Reply:
    """Those that work."""
    return Reply(_list(chat), mode="replace")


def _list(chat: Chat, told: str = "") -> Screen:
    mine = [key for key in chat.work.people.api_keys(chat.user.id) if key.revoked_at is None]
    rows = tuple(
        (
            f"{key.name} · nod_{key.prefix}_…",
            chat.say("keys.used", scopes=list(key.scopes), at=key.last_used_at) if key.last_used_at else chat.say("keys.unused", scopes=list(key.scopes)),
        )
        for key in mine
    )  # fmt: skip
    blocks = [Heading(text=chat.say("keys.heading", n=len(mine)) if mine else chat.say("keys.none"))]
    blocks += [Paragraph(text=told)] if told else []
    blocks += [Rows(rows=rows)] if rows else [Paragraph(text=chat.say("keys.how"), muted=True)]
    revokes = [
        row(Button(label=chat.say("keys.revoke", name=key.name), action="keys.revoke", args=(str(key.id),), style="danger")) for key in mine
    ]  # fmt: skip
    return Screen(
        blocks=tuple(blocks),
        buttons=(
            *revokes,
            row(Button(label=chat.say("keys.new"), action="keys.new", style="primary"), ways.settings(chat)),
        ),
    )


def _schema(chat: Chat) -> dict[str, Any]:
    choices = [{"const": scope, "title": chat.say(f"keys.scope.{scope}")} for scope in SCOPES]
    return {
        "type": "object",
        "properties": {
            "name": {"type": "string", "title": chat.say("keys.name"), "minLength": 1, "maxLength": 60},
            "scopes": {
                "type": "array", "title": chat.say("keys.scopes"), "items": {"oneOf": choices}, "minItems": 1, "uniqueItems": True,
                "default": ["read"],
            },
        },
        "required": ["name", "scopes"],
    }  # fmt: skip


@action("keys.new")
def new(chat: Chat) -> Reply:
    """What the key is for, and what it may do. Elsewhere than on the page the secret would stay in a history that is not ours."""
    if chat.link.provider != "web":
        told = Paragraph(text=chat.say("keys.on_the_page"))
        return Reply(Screen(blocks=(Heading(text=chat.say("keys.new")), told), buttons=(row(ways.settings(chat)),)))
    form = Form(action="keys.make", fields=forms.fields(_schema(chat)), submit=chat.say("keys.make"))
    heading = Heading(text=chat.say("keys.new"))
    return Reply(Screen(blocks=(heading,), form=form, buttons=(row(ways.settings(chat)),)))


@action("keys.make")
def make(chat: Chat, values: dict[str, Any]) -> Reply:
    """Shows the secret, once. A key cannot be given what its maker does not have."""
    given = forms.read(_schema(chat), values)
    if not set(given["scopes"]) <= chat.actor.scopes:
        raise Invalid("form.field_invalid", field="scopes", rule="other")
    _, secret = make_key(chat.work, chat.actor, given["name"], given["scopes"])
    return Reply(
        Screen(
            blocks=(
                Heading(text=chat.say("keys.made", name=given["name"])),
                Paragraph(text=secret),
                Paragraph(text=chat.say("keys.once")),
            ),
            buttons=(row(Button(label=chat.say("keys.hide"), action="keys.open", style="primary")),),
        ),
        mode="replace",
    )


@action("keys.revoke")
def revoke(chat: Chat, key_id: str) -> Reply:
    """It works no more."""
    revoke_key(chat.work, chat.actor, UUID(key_id))
    return Reply(_list(chat, chat.say("keys.revoked")), mode="replace")
