"""A file that is handed over, where it is asked for or out of the blue: mails, or a document of a workspace."""

from typing import Any

from bots.dialogs import connecting, documents, own_words, talk, ways
from bots.kit import forms
from bots.kit.dialog import Chat, Reply, Upload, action, unasked
from bots.kit.screen import Button, Form, Heading, Paragraph, Screen, row
from core.catalog.kinds import templates
from core.connectors.connect import connect
from core.connectors.kinds import integration
from core.kernel.events import Event
from core.messaging.models import Conversation


def take_file(chat: Chat, conversation: Conversation, upload: Upload) -> Reply:
    """Keeps the file in the conversation and asks what is left to ask about it."""
    manifest = connecting.for_file(upload.name, conversation.state.get("tool"))
    if manifest is None and documents.is_document(upload.name):
        documents.take(chat, upload)
    if manifest is None:
        told = chat.say("connection.wrong_file", name=upload.name, suffixes=list(connecting.suffixes()))
        return Reply(
            Screen(
                blocks=(Paragraph(text=told),), buttons=(row(talk.cancel(chat)),), accepts_file=connecting.suffixes()
            )
        )
    talk.keep(chat, conversation, conversation.step, upload=connecting.stored(upload))
    schema = connecting.without_file(manifest)
    if not schema["properties"]:
        return _of_file(chat, manifest.slug, {}, conversation)
    form = Form(
        action="connection.file", args=(manifest.slug,), fields=forms.fields(schema, translate=own_words.told(chat, manifest)),
        submit=chat.say("connection.submit"),
    )  # fmt: skip
    heading = Heading(text=chat.say("connection.got_file", name=upload.name, size=chat.place.size(upload.size)))
    return Reply(Screen(blocks=(heading,), form=form, buttons=(row(talk.cancel(chat)),)))


@unasked("file")
def out_of_the_blue(chat: Chat) -> Reply | None:
    """A file out of the blue: a document is planned, anything else offered to an agent that can read it."""
    assert isinstance(chat.input, Upload)
    if documents.is_document(chat.input.name):
        documents.take(chat, chat.input)
    _note(chat, chat.input)
    manifest = connecting.for_file(chat.input.name)
    slug = connecting.reader_of(manifest.tool) if manifest is not None else None
    if slug is None:
        return None
    talk.begin(chat, connecting.DIALOG, "unasked", {"upload": connecting.stored(chat.input)})
    use = Button(
        label=chat.say("connection.use_with", agent=own_words.name(chat, templates()[slug])),
        action="connection.use",
        style="primary",
    )
    told = chat.say("connection.unasked", name=chat.input.name, size=chat.place.size(chat.input.size))
    return Reply(Screen(blocks=(Paragraph(text=told),), buttons=(row(use), row(talk.cancel(chat))), tone="ask"))


@action("connection.use")
def use(chat: Chat) -> Reply:
    """Connects the file that came out of the blue."""
    conversation = talk.current(chat, connecting.DIALOG)
    if conversation is None or "upload" not in conversation.state:
        return _file_gone(chat)
    upload = conversation.state["upload"]
    return take_file(chat, conversation, Upload(upload["name"], upload["blob"], upload["size"]))


def _note(chat: Chat, upload: Upload) -> None:
    """A file came in: triggers may listen for that."""
    told = {"name": upload.name, "size": upload.size, "blob": upload.blob}
    chat.work.record(Event("file.uploaded", chat.actor.workspace_id, chat.actor.user_id, told))


def _file_gone(chat: Chat) -> Reply:
    told = Paragraph(text=chat.say("connection.file_gone"))
    return Reply(Screen(blocks=(told,), buttons=(row(ways.connections(chat)),)), mode="replace")


@action("connection.file")
def of_file(chat: Chat, slug: str, values: dict[str, Any]) -> Reply:
    """The questions about a file were answered."""
    conversation = chat.work.conversations.current(chat.link.id)
    if conversation is None or conversation.expires_at <= chat.work.now or "upload" not in conversation.state:
        return _file_gone(chat)
    return _of_file(chat, slug, forms.read(connecting.without_file(integration(slug)), values), conversation, "replace")


def _of_file(chat: Chat, slug: str, config: dict[str, Any], conversation: Conversation, mode: str = "new") -> Reply:
    upload = conversation.state["upload"]
    made = connect(chat.work, chat.actor, slug, upload["name"][:100], {**config, **connecting.config_of(upload)})
    return connecting.made(chat, made, mode)
