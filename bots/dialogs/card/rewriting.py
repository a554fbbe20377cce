"""Saying in words what is to change: the agent writes a new version, where a language model is configured. It needs its own tap, like every version."""

from typing import Any
from uuid import UUID

from bots.dialogs.card.action import title
from bots.dialogs.card.outcome import Facts, button
from bots.kit import forms
from bots.kit.dialog import Chat, Reply, action
from bots.kit.screen import Block, Button, Form, Heading, Paragraph, Progress, Screen, row
from bots.kit.speak import failure, speak
from core.approvals import rewrite
from core.kernel.errors import Conflict


def standing(chat: Chat, facts: Facts) -> tuple[list[Block], Button | None]:
    """What a card that waits says of it, and the button that asks for the words; nothing of either where there is no model."""
    if not chat.model or facts.revision.action.operation not in rewrite.FIELDS:
        return [], None
    say_it = button(chat, "card.rewrite", "suggestion.words", facts, str(facts.suggestion.revision))
    newest = chat.work.rewrites.newest(facts.suggestion.id)
    if newest is None or newest.revision != facts.suggestion.revision:
        return [], say_it
    if newest.status != "failed":
        return [Progress(label=chat.say("card.rewrite.doing"), done=0)], None
    error = newest.error or {}
    why = speak(chat.say, str(error.get("code", "")), error.get("data") or {}).text
    return [Paragraph(text=chat.say("card.rewrite.failed", why=why))], say_it


@action("suggestion.words")
def ask_for_words(chat: Chat, suggestion_id: str, revision: str) -> Reply:
    """Asks what is to change."""
    from bots.dialogs.card.show import visible

    facts = visible(chat, UUID(suggestion_id))
    if not chat.model:
        return Reply(toast=chat.say("card.rewrite.offline"), alert=True)
    if facts.suggestion.revision != int(revision):
        return Reply(toast=chat.say("decided.stale"), alert=True)
    form = Form(
        action="suggestion.rewrite", args=(suggestion_id, revision), fields=forms.fields(_schema(chat)),
        submit=chat.say("card.rewrite.ask"),
    )  # fmt: skip
    about = title(chat, facts.suggestion.kind, facts.revision.action)
    blocks = (
        Heading(text=chat.say("card.rewrite.heading", title=about)),
        Paragraph(text=chat.say("card.rewrite.hint"), muted=True),
    )
    cancel = Button(label=chat.say("command.cancel"), action="command.run", args=("cancel",))
    return Reply(Screen(blocks=blocks, form=form, buttons=(row(cancel),)))


def _schema(chat: Chat) -> dict[str, Any]:
    words = {
        "type": "string", "title": chat.say("card.rewrite.words"), "description": chat.say("card.rewrite.example"),
        "format": "multiline", "minLength": 2, "maxLength": rewrite.LONGEST,
    }  # fmt: skip
    return {"type": "object", "properties": {"words": words}, "required": ["words"]}


@action("suggestion.rewrite")
def ask_agent(chat: Chat, suggestion_id: str, revision: str, values: dict[str, Any]) -> Reply:
    """Asks the agent; the card takes the form's place and says that it is being rewritten, then shows what changed."""
    from bots.dialogs.card.decide import truly
    from bots.dialogs.card.show import visible

    visible(chat, UUID(suggestion_id))
    words = forms.read(_schema(chat), values)["words"]
    if not chat.model:
        return Reply(toast=chat.say("card.rewrite.offline"), alert=True)

    def attempt() -> Reply:
        try:
            rewrite.ask(chat.work, chat.actor, UUID(suggestion_id), int(revision), words)
        except Conflict as late:
            if late.code != "approvals.rewrite_under_way":
                raise
            return Reply(toast=failure(chat.say, late).line, alert=True)
        return Reply(subject=("suggestion", UUID(suggestion_id)), mode="replace", toast=chat.say("card.rewrite.doing"))

    return truly(chat, suggestion_id, attempt)
