"""A person's own settings: how they are spoken to and when, what they allow, where else they can be reached."""

from typing import Any

from bots.dialogs import contexts, ways
from bots.dialogs.people import called
from bots.kit import forms
from bots.kit.dialog import Chat, Reply, action, command
from bots.kit.place import language_name, place
from bots.kit.screen import Button, Facts, Form, Heading, Paragraph, Screen, row
from bots.kit.words import words
from core.identity.models import NotificationPreferences, QuietHours
from core.identity.prove import CODE_MINUTES, make_code
from core.identity.settle import settle
from core.messaging.hold import release

TONES = ("direct", "gentle", "motivational")
FREQUENCIES = ("immediate", "hourly", "daily")


@command("settings")
def settings(chat: Chat, rest: str = "") -> Reply:
    """All of them, as a new message."""
    return Reply(_page(chat))


@action("settings.open")
def open_settings(chat: Chat) -> Reply:
    """The same, in place of the list that it was tapped on."""
    return Reply(_page(chat), mode=chat.in_place)


def _page(chat: Chat, told: str = "") -> Screen:
    profile, say = chat.profile, chat.say
    notifications = profile.notification_preferences
    quiet = notifications.quiet_hours
    there = place(profile.language, profile.timezone, chat.work.now)
    active = [one.name for one in chat.work.preferences.contexts(chat.user.id) if one.active]
    links = sorted({link.provider for link in chat.work.people.links(chat.user.id) if link.address is not None})
    rows = (
        (say("settings.name"), called(chat.user)),
        (say("email.button"), say("settings.email.proved" if chat.user.email_verified_at else "settings.email.unproved", account=chat.user.email)),
        (say("settings.timezone"), say("settings.timezone.is", zone=profile.timezone, time=there.clock(chat.work.now))),
        (say("settings.language"), language_name(words().best(profile.language))),
        (say("settings.tone"), say(f"settings.tone.{profile.tone}")),
        (say("settings.quiet"), say("settings.quiet.is", start=quiet.start, end=quiet.end) if quiet.enabled else say("settings.off")),
        (say("settings.frequency"), _often(chat)),
        (say("settings.contexts"), chat.place.listed([contexts.named(chat, name) for name in active]) if active else say("settings.unsaid")),
        (say("settings.chats"), chat.place.listed([_surface(chat, name) for name in links]) or say("settings.off")),
    )  # fmt: skip
    blocks = (Heading(text=say("settings.heading")), *((Paragraph(text=told),) if told else ()), Facts(rows=rows))
    return Screen(
        blocks=blocks,
        buttons=(
            row(_button(chat, "settings.change"), Button(label=say("settings.timezone"), action="timezone.choose")),
            row(_button(chat, "settings.contexts"), Button(label=say("settings.consents"), action="consents.open")),
            row(Button(label=say("noticed.open"), action="noticed.open")),
            row(_button(chat, "settings.link"), Button(label=say("settings.keys"), action="keys.open")),
            row(
                Button(label=say("email.button"), action="email.open"),
                Button(label=say("browsers.button"), action="browsers.open"),
            ),
            row(
                Button(label=say("settings.policies"), action="policies.open"),
                Button(label=say("privacy.button"), action="privacy.open"),
            ),
            row(
                Button(label=say("team.button"), action="team.open"),
                Button(label=say("command.workspace"), action="workspace.open"),
            ),
            row(ways.inbox(chat), ways.agents(chat)),
        ),
    )


def _often(chat: Chat) -> str:
    wishes = chat.profile.notification_preferences
    if wishes.frequency == "daily":
        return chat.say("settings.frequency.daily_at", at=wishes.quiet_hours.end)
    return chat.say(f"settings.frequency.{wishes.frequency}")


def _button(chat: Chat, code: str) -> Button:
    return Button(label=chat.say(code), action=code)


def _surface(chat: Chat, name: str) -> str:
    code = f"surface.{name}"
    return chat.say(code) if chat.say.knows(code) else name


def _schema(chat: Chat) -> dict[str, Any]:
    say = chat.say

    def choice(code: str, names: tuple[str, ...]) -> dict[str, Any]:
        return {
            "type": "string",
            "title": say(code),
            "oneOf": [{"const": name, "title": say(f"{code}.{name}")} for name in names],
        }

    languages = [{"const": language, "title": language_name(language)} for language in words().languages]

    clock = {"type": "string", "format": "time", "pattern": "^[0-2][0-9]:[0-5][0-9]$"}
    return {
        "type": "object",
        "properties": {
            "preferred_name": {"type": "string", "title": say("settings.name"), "description": say("settings.name.help"), "maxLength": 100},
            "language": {"type": "string", "title": say("settings.language"), "oneOf": languages},
            "tone": choice("settings.tone", TONES),
            "frequency": choice("settings.frequency", FREQUENCIES),
            "quiet": {"type": "boolean", "title": say("settings.quiet"), "description": say("settings.quiet.help")},
            "quiet_start": {**clock, "title": say("settings.quiet.start")},
            "quiet_end": {**clock, "title": say("settings.quiet.end")},
        },
        "required": ["language", "tone", "frequency", "quiet_start", "quiet_end"],
    }  # fmt: skip


@action("settings.change")
def change(chat: Chat) -> Reply:
    """The form."""
    profile = chat.profile
    notifications = profile.notification_preferences
    quiet = notifications.quiet_hours
    values = {
        "preferred_name": chat.user.preferred_name, "language": words().best(profile.language), "tone": profile.tone,
        "frequency": notifications.frequency, "quiet": quiet.enabled, "quiet_start": quiet.start, "quiet_end": quiet.end,
    }  # fmt: skip
    form = Form(action="settings.save", fields=forms.fields(_schema(chat), values), submit=chat.say("form.save"))
    return Reply(
        Screen(blocks=(Heading(text=chat.say("settings.heading")),), form=form, buttons=(row(ways.settings(chat)),))
    )


@action("settings.save")
def save(chat: Chat, values: dict[str, Any]) -> Reply:
    """Keeps what was filled in."""
    given = forms.read(_schema(chat), values)
    before = chat.profile.notification_preferences
    quiet = QuietHours(start=given["quiet_start"][:5], end=given["quiet_end"][:5], enabled=given["quiet"])
    notifications = NotificationPreferences(
        **{
            **before.model_dump(exclude={"quiet_hours", "frequency"}),
            "frequency": given["frequency"],
            "quiet_hours": quiet,
        }
    )
    language = chat.profile.language if words().best(chat.profile.language) == given["language"] else given["language"]
    settle(
        chat.work, chat.actor, language=language, tone=given["tone"], notifications=notifications,
        preferred_name=given.get("preferred_name") or "",
    )  # fmt: skip
    release(chat.work, chat.user.id)
    return Reply(_page(chat, chat.say("settings.saved")), mode="replace")


@action("settings.link")
def link(chat: Chat) -> Reply:
    """A one-time code for another chat, and which account it will link there."""
    code = make_code(chat.work, chat.actor)
    return Reply(
        Screen(
            blocks=(
                Heading(text=chat.say("link.heading")),
                Paragraph(text=code),
                Paragraph(text=chat.say("link.how", account=chat.user.email, n=CODE_MINUTES)),
                Paragraph(text=chat.say("link.warning"), muted=True),
            ),
            buttons=(row(Button(label=chat.say("link.another"), action="settings.link"), ways.settings(chat)),),
        )
    )
