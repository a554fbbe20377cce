"""What the buttons of a card do. Every tap is answered with the truth of the moment: what was decided, by whom and when."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from bots.dialogs import ways
from bots.dialogs.card.action import shown, title
from bots.dialogs.card.outcome import did, done
from bots.dialogs.card.show import gather, visible
from bots.dialogs.connecting import listed
from bots.kit.dialog import Chat, Reply, action, reply_to
from bots.kit.screen import Button, Heading, Paragraph, Screen, row
from bots.kit.screen import Facts as Rows
from bots.kit.speak import failure
from core.approvals import decide, execute
from core.approvals.invert import undo_done
from core.kernel.errors import Conflict, Invalid
from core.messaging.post import refresh

CONFLICTS = (
    "approvals.yes_already",
    "approvals.already_decided",
    "approvals.expired",
    "approvals.revision_stale",
    "approvals.undo_too_late",
)


def truly(chat: Chat, suggestion_id: str, attempt: Callable[[], Reply]) -> Reply:
    """What the attempt answers, or the truth about why it came too late; then every copy is drawn anew, so that none stays stale."""
    try:
        return attempt()
    except Conflict as late:
        if late.code == "approvals.connection_unusable":
            return _reconnect_first(chat, UUID(suggestion_id), late)
        if late.code not in CONFLICTS:
            raise
        refresh(chat.work, "suggestion", UUID(suggestion_id))
        return Reply(toast=_truth(chat, late), alert=True)


def _reconnect_first(chat: Chat, suggestion_id: UUID, late: Conflict) -> Reply:
    """The connection's own card, with what mends it."""
    connection_id = gather(chat, suggestion_id).revision.action.connection_id
    return Reply(subject=("connection", connection_id), toast=failure(chat.say, late).line, alert=True)


def _truth(chat: Chat, late: Conflict) -> str:
    if late.code == "approvals.revision_stale":
        return chat.say("decided.stale")
    if late.code == "approvals.undo_too_late":
        status = str(late.data.get("status", ""))
        return chat.say(
            f"decided.too_late.{status}" if chat.say.knows(f"decided.too_late.{status}") else "decided.too_late"
        )
    at = datetime.fromisoformat(late.data["at"])
    if late.code == "approvals.yes_already":
        code = "decided.yes_already.you" if late.data["mine"] else "decided.yes_already"
        return chat.say(code, by=_said_by(chat, late), at=at, n=late.data["missing"])
    if late.code == "approvals.expired":
        return chat.say("decided.expired", at=at)
    by, status = _said_by(chat, late), late.data["status"]
    code = f"decided.{status}" if by else f"decided.{status}.alone"
    return chat.say(code if chat.say.knows(code) else "decided.otherwise", by=by or "", at=at)


def _said_by(chat: Chat, late: Conflict) -> str:
    """The name of who decided, and of the one in whose place."""
    by, whom = str(late.data.get("by") or ""), str(late.data.get("whom") or "")
    return chat.say("person.for", who=by, whom=whom) if by and whom else by


def card_again(chat: Chat, suggestion_id: str, **fields: Any) -> Reply:
    """A tap on the card itself changes nothing but the card; on another message about it, the card takes that message's place."""
    if chat.on_message:
        return Reply(subject=("suggestion", UUID(suggestion_id)), mode="replace", **fields)
    return Reply(**fields)


@action("suggestion.approve")
def approve(chat: Chat, suggestion_id: str, revision: str, sure: str = "") -> Reply:
    """Yes, to exactly this revision. What cannot be taken back and is risky is asked twice."""

    def attempt() -> Reply:
        try:
            made = decide.approve(
                chat.work, chat.actor, UUID(suggestion_id), int(revision), chat.tapped, sure=bool(sure)
            )
        except Conflict as asked:
            if asked.code != "approvals.not_sure":
                raise
            return Reply(_ask_twice(chat, suggestion_id, revision, asked.data["reasons"]))
        if made.execution is None:
            return card_again(chat, suggestion_id, toast=chat.say("decided.one_of", n=made.missing))
        seconds = round((made.execution.due_at - chat.work.now).total_seconds())
        operation = chat.work.suggestions.revision(made.suggestion.id, made.suggestion.revision).action.operation
        held = {"seconds": seconds} if seconds > 0 else {}
        told = done(chat, "decided.held" if held else "decided.now", operation, **held)
        return card_again(chat, suggestion_id, toast=told)

    return truly(chat, suggestion_id, attempt)


def _ask_twice(chat: Chat, suggestion_id: str, revision: str, reasons: Iterable[str]) -> Screen:
    facts = gather(chat, UUID(suggestion_id))
    connection = chat.work.connections.get(facts.revision.action.connection_id)
    rows, _ = shown(chat, facts.revision.action, connection)
    return Screen(
        blocks=(
            Heading(text=chat.say("card.sure", title=title(chat, facts.suggestion.kind, facts.revision.action))),
            Rows(rows=tuple(rows)),
            *(Paragraph(text=chat.say(f"card.sure.{reason}")) for reason in reasons),
            Paragraph(text=chat.say("card.sure.why", account=listed(chat, connection))),
        ),
        buttons=(
            row(
                Button(label=chat.say("card.sure.yes"), action="suggestion.approve", args=(suggestion_id, revision, "sure"), style="danger"),
                Button(label=chat.say("card.reject"), action="suggestion.reject", args=(suggestion_id, revision)),
            ),
        ),
        tone="ask",
    )  # fmt: skip


@action("suggestion.reject")
def reject(chat: Chat, suggestion_id: str, revision: str) -> Reply:
    """No, in one tap; why can be said afterwards."""

    def attempt() -> Reply:
        facts = gather(chat, UUID(suggestion_id))
        decide.reject(chat.work, chat.actor, UUID(suggestion_id), int(revision), delivery_id=chat.tapped)
        return card_again(chat, suggestion_id, toast=did(chat, "decided.no", facts))

    return truly(chat, suggestion_id, attempt)


@action("suggestion.reason")
def reason(chat: Chat, suggestion_id: str, why: str) -> Reply:
    """Says why not."""
    words = chat.say(f"card.reason.{why}")
    decide.give_reason(chat.work, chat.actor, UUID(suggestion_id), why)
    return Reply(toast=chat.say("decided.reason", reason=words))


@action("suggestion.undo")
def undo(chat: Chat, suggestion_id: str) -> Reply:
    """Takes a yes back while the action is held."""

    def attempt() -> Reply:
        decide.undo(chat.work, chat.actor, UUID(suggestion_id))
        return card_again(chat, suggestion_id, toast=did(chat, "decided.undone", gather(chat, UUID(suggestion_id))))

    return truly(chat, suggestion_id, attempt)


@action("suggestion.again")
def again(chat: Chat, suggestion_id: str, revision: str) -> Reply:
    """Asks once more about what failed or expired; it needs a new yes."""

    def attempt() -> Reply:
        decide.ask_again(chat.work, chat.actor, UUID(suggestion_id), int(revision))
        return card_again(chat, suggestion_id, toast=chat.say("decided.again"))

    return truly(chat, suggestion_id, attempt)


@action("suggestion.resolve")
def resolve(chat: Chat, suggestion_id: str, choice: str) -> Reply:
    """The person says what became of an action whose outcome nobody could know."""
    if choice not in ("done", "again", "drop"):
        raise Invalid("messaging.button_unknown", action=choice)
    execute.resolve(chat.work, chat.actor, UUID(suggestion_id), choice)
    return card_again(chat, suggestion_id, toast=chat.say(f"decided.resolved.{choice}"))


@action("suggestion.invert")
def invert(chat: Chat, suggestion_id: str) -> Reply:
    """Undoes what was done: this tap approves the inverse."""
    try:
        done = undo_done(chat.work, chat.actor, UUID(suggestion_id), chat.tapped)
    except Conflict as late:
        if late.code not in ("approvals.undo_impossible", "approvals.undo_under_way", "approvals.connection_unusable"):
            raise
        refresh(chat.work, "suggestion", UUID(suggestion_id))
        return Reply(toast=failure(chat.say, late).line, alert=True)
    refresh(chat.work, "suggestion", UUID(suggestion_id))
    told = chat.say("card.invert.doing") if done.execution else chat.say("decided.one_of", n=done.missing)
    return card_again(chat, suggestion_id, toast=told)


@action("suggestion.open")
def open_card(chat: Chat, suggestion_id: str) -> Reply:
    """Puts the card into this chat, as a new message."""
    chat.work.suggestions.get(UUID(suggestion_id))
    return Reply(subject=("suggestion", UUID(suggestion_id)))


@reply_to("suggestion")
def answered(chat: Chat, suggestion_id: UUID) -> Reply:
    """Words in answer to a card: the new text of a mail, or the reason for a no."""
    from bots.dialogs.card.edit import replace_text

    words = getattr(chat.input, "text", "").strip()
    facts = visible(chat, suggestion_id)
    if facts.suggestion.status == "rejected":
        decide.give_reason(chat.work, chat.actor, suggestion_id, words[:500])
        return Reply(
            Screen(
                blocks=(Paragraph(text=chat.say("decided.reason", reason=words[:500])),),
                buttons=(row(ways.inbox(chat)),),
            ),
            understood=True,
        )
    return replace_text(chat, facts, words)
