"""What a person agreed to, in words, and taking it back."""

from bots.dialogs import ways
from bots.kit.dialog import Chat, Reply, action
from bots.kit.screen import Block, Bullets, Button, Heading, Paragraph, Screen, row
from core.approvals.revoke import take_back as revoke
from core.approvals.revoke import users_of
from core.preferences.choose import consent
from core.preferences.models import UserConsent

LABEL = 40


def consent_words(chat: Chat, key: str) -> str:
    """A consent as a sentence; one without words goes by its key."""
    code = f"consent.{key}"
    return chat.say(code) if chat.say.knows(code) else chat.say("consent.other", key=key)


@action("consents.open")
def open_consents(chat: Chat) -> Reply:
    """Every consent that holds."""
    return Reply(_list(chat), mode="replace")


def _list(chat: Chat) -> Screen:
    active = [one for one in chat.work.preferences.consents(chat.user.id) if one.active]
    if not active:
        blocks: tuple[Block, ...] = (Heading(text=chat.say("consents.none")), Paragraph(text=chat.say("consents.how")))
        return Screen(blocks=blocks, buttons=(row(ways.settings(chat), ways.catalog(chat)),))
    rows = [
        row(
            Button(
                label=chat.say("consents.revoke", name=_short(chat, one.key)), action="consent.revoke", args=(one.key,)
            )
        )
        for one in active
    ]
    return Screen(
        blocks=(
            Heading(text=chat.say("consents.heading")),
            Bullets(items=tuple(_given(chat, one) for one in active)),
            Paragraph(text=chat.say("consents.what"), muted=True),
        ),
        buttons=(*rows, row(ways.settings(chat))),
    )  # fmt: skip


def _given(chat: Chat, one: UserConsent) -> str:
    """What may be read, since when, and which agents need it."""
    said = chat.say("consents.given", words=consent_words(chat, one.key), at=one.granted_at)
    names = [agent.name for agent in users_of(chat.work, chat.user.id, one.key)]
    return (
        chat.say("consents.given_for", said=said, agents=names) if names else chat.say("consents.given_idle", said=said)
    )


def _short(chat: Chat, key: str) -> str:
    code = f"consent.{key}.short"
    return chat.say(code) if chat.say.knows(code) else key[:LABEL]


@action("consent.revoke")
def take_back(chat: Chat, key: str) -> Reply:
    """From now on nothing reads that source or runs that agent."""
    taken = revoke(chat.work, chat.actor, key)
    give = Button(label=chat.say("consents.give_again"), action="consent.give", args=(key,))
    blocks = [Paragraph(text=chat.say("consents.revoked", words=consent_words(chat, key)))]
    if taken.agents:
        blocks.append(Paragraph(text=chat.say("consents.stopped", agents=[agent.name for agent in taken.agents])))
    if taken.withdrawn:
        blocks.append(Paragraph(text=chat.say("consents.withdrawn", n=taken.withdrawn)))
    return Reply(Screen(blocks=tuple(blocks), buttons=(row(give, ways.settings(chat)),), tone="done"), mode="replace")


@action("consent.give")
def give(chat: Chat, key: str) -> Reply:
    """Agrees again."""
    consent(chat.work, chat.actor, key)
    return Reply(_list(chat), mode="replace")
