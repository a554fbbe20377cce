"""What became of a suggestion, and what can be done about it now: the part of a card that changes."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from bots.dialogs import contexts, ways
from bots.dialogs.people import made_by
from bots.kit.dialog import Chat
from bots.kit.screen import Block, Button, Countdown, Paragraph, Progress, row
from bots.kit.speak import speak
from core.approvals.invert import inverse, undoing
from core.approvals.models import ActionExecution, Approval, Suggestion, SuggestionRevision
from core.approvals.revoke import WITHOUT_CONSENT

REASONS = ("not_needed", "wrong", "tone", "myself")
NEVER = timedelta(days=365)


@dataclass(frozen=True)
class State:
    """How a suggestion stands: blocks, rows of buttons, and the tone of the whole card."""

    blocks: list[Block] = field(default_factory=list)
    buttons: list[tuple[Button, ...]] = field(default_factory=list)
    tone: str = "ask"


@dataclass(frozen=True)
class Facts:
    """All that a card is drawn from."""

    suggestion: Suggestion
    revision: SuggestionRevision
    decisions: list[Approval]
    execution: ActionExecution | None


def state(chat: Chat, facts: Facts) -> State:
    """How it stands, for what is not pending any more."""
    match facts.suggestion.status:
        case "approved":
            return _approved(chat, facts)
        case "rejected":
            return _rejected(chat, facts)
        case "snoozed":
            return _snoozed(chat, facts)
        case "expired":
            return _expired(chat, facts)
        case _:
            return _withdrawn(chat, facts)


def _withdrawn(chat: Chat, facts: Facts) -> State:
    again = _again(chat, facts) if facts.suggestion.reason == WITHOUT_CONSENT else None
    return State(
        [Paragraph(text=_why_withdrawn(chat, facts))],
        ways.rows(row(again), (_details(chat, facts), ways.inbox(chat))),  # pyright: ignore[reportArgumentType]
        "plain",
    )


def _why_withdrawn(chat: Chat, facts: Facts) -> str:
    return chat.say("card.withdrawn.consent" if facts.suggestion.reason == WITHOUT_CONSENT else "card.withdrawn")


def line(chat: Chat, facts: Facts) -> str:
    """How it stands, in a sentence: where many stand below each other."""
    match facts.suggestion.status:
        case "pending":
            return chat.say("card.line.pending")
        case "snoozed":
            return _until(chat, facts)
        case "rejected":
            return did(chat, "card.rejected", facts, **by(chat, facts, "reject"))
        case "expired":
            return did(chat, "card.expired", facts, at=facts.suggestion.expires_at or chat.place.now)
        case "withdrawn":
            return _why_withdrawn(chat, facts)
    execution = facts.execution
    match execution.status if execution else "":
        case "ready" | "claimed" | "sending":
            return did(chat, "card.doing", facts)
        case "succeeded" if execution:
            return did(chat, "card.done", facts, at=execution.executed_at or execution.due_at)
        case "failed" | "unknown" if execution:
            return did(chat, f"card.{execution.status}", facts, why=_why(chat, execution))
        case "undone":
            return did(chat, "card.undone", facts)
        case _:
            return chat.say("card.approved", **by(chat, facts, "approve"))


def button(chat: Chat, code: str, action: str, facts: Facts, *args: str, style: Any = "plain") -> Button:
    """A button about this suggestion."""
    return Button(label=chat.say(code), action=action, args=(str(facts.suggestion.id), *args), style=style)


def _details(chat: Chat, facts: Facts) -> Button:
    return button(chat, "card.details", "suggestion.details", facts)


def did(chat: Chat, code: str, facts: Facts, **data: Any) -> str:
    """A sentence about the action in its own verb (`…mail.send`), else in general (`…other`)."""
    return done(chat, code, facts.revision.action.operation, **data)


def done(chat: Chat, code: str, operation: str, **data: Any) -> str:
    """The same of an action that is known by its operation alone."""
    own = f"{code}.{operation}"
    return chat.say(own if chat.say.knows(own) else f"{code}.other", **data)


def by(chat: Chat, facts: Facts, decision: str) -> dict[str, Any]:
    """Who decided so last, and when."""
    made = [d for d in facts.decisions if d.decision == decision]
    last = made[-1] if made else None
    return {
        "who": made_by(chat, last.user_id, last.for_user_id) if last else chat.say("person.gone"),
        "at": last.decided_at if last else facts.suggestion.decided_at or chat.place.now,
    }


def _approved(chat: Chat, facts: Facts) -> State:
    execution = facts.execution
    said = chat.say("card.approved", **by(chat, facts, "approve"))
    if execution is None:
        return State([Paragraph(text=said)], [(_details(chat, facts),)], "plain")
    match execution.status:
        case "held":
            return _held(chat, facts, execution, said)
        case "ready" | "claimed" | "sending":
            return _under_way(chat, facts, execution, said)
        case "succeeded":
            return _succeeded(chat, facts, execution, said)
        case "failed":
            return _failed(chat, facts, execution, said)
        case "unknown":
            return _unknown(chat, facts, execution, said)
        case "undone":
            return _undone(chat, facts, execution, said)
        case _:
            return State([Paragraph(text=said)], [(_details(chat, facts), ways.inbox(chat))], "plain")


def _undone(chat: Chat, facts: Facts, execution: ActionExecution, said: str) -> State:
    told = [Paragraph(text=said), Paragraph(text=did(chat, "card.undone", facts))]
    by = undoing(chat.work, execution)
    if by is not None:
        made = [a for a in chat.work.suggestions.approvals(by.suggestion.id) if a.decision == "approve"]
        told += [
            Paragraph(
                text=chat.say("card.undone.by", who=made_by(chat, a.user_id, a.for_user_id), at=a.decided_at),
                muted=True,
            )
            for a in made[-1:]
        ]
    return State([*told], [(_details(chat, facts), ways.inbox(chat))], "plain")


def _held(chat: Chat, facts: Facts, execution: ActionExecution, said: str) -> State:
    counting = Countdown(text=did(chat, "card.held", facts, seconds="{seconds}"), until=execution.due_at)
    undo = button(chat, "card.undo", "suggestion.undo", facts, style="primary")
    return State([Paragraph(text=said), counting], [(undo, _details(chat, facts))], "done")


def _under_way(chat: Chat, facts: Facts, execution: ActionExecution, said: str) -> State:
    shown: list[Block] = [Paragraph(text=said)]
    if execution.status == "ready" and execution.error and execution.due_at > chat.place.now:
        shown.append(Paragraph(text=chat.say("card.later", why=_why(chat, execution), at=execution.due_at)))
    else:
        shown.append(Progress(label=did(chat, "card.doing", facts), done=0))
    return State(shown, [(_details(chat, facts),)], "done")


def _succeeded(chat: Chat, facts: Facts, execution: ActionExecution, said: str) -> State:
    done = did(chat, "card.done", facts, at=execution.executed_at or execution.due_at)
    shown: list[Block] = [Paragraph(text=said), Paragraph(text=done)]
    if execution.external_ref:
        shown.append(Paragraph(text=chat.say("card.reference", reference=execution.external_ref), muted=True))
    told, again = _taking_back(chat, facts, execution)
    return State([*shown, *told], ways.rows(row(again), (_details(chat, facts), ways.inbox(chat))), "done")  # pyright: ignore[reportArgumentType]


def _taking_back(chat: Chat, facts: Facts, execution: ActionExecution) -> tuple[list[Block], Button | None]:
    """The way to undo what was done, where there is one; how far it is, where somebody has begun."""
    if (action := inverse(chat.work, execution)) is None:
        return [], None
    under_way = undoing(chat.work, execution)
    offer = Button(
        label=chat.say(f"card.invert.{action.operation}"), action="suggestion.invert", args=(str(facts.suggestion.id),)
    )
    if under_way is None:
        return [], offer
    if under_way.over:
        return [Paragraph(text=chat.say("card.invert.failed"))], offer
    if under_way.execution is None:
        return [Paragraph(text=chat.say("card.invert.waits"))], None
    return [Progress(label=chat.say("card.invert.doing"), done=0)], None


def _failed(chat: Chat, facts: Facts, execution: ActionExecution, said: str) -> State:
    if execution.error is None or execution.error.get("code") == "approvals.dropped":
        dropped = Paragraph(text=did(chat, "card.dropped", facts))
        return State([Paragraph(text=said), dropped], [(_again(chat, facts), _details(chat, facts))], "plain")
    code, data = str(execution.error.get("code", "")), execution.error.get("data") or {}
    spoken = speak(chat.say, code, data)
    shown: list[Block] = [Paragraph(text=said), Paragraph(text=did(chat, "card.failed", facts, why=spoken.text))]
    if spoken.todo:
        shown.append(Paragraph(text=spoken.todo))
    return State(shown, [row(_remedy(chat, facts, code), _again(chat, facts)), (_details(chat, facts),)], "problem")


def _again(chat: Chat, facts: Facts) -> Button:
    return button(chat, "card.again", "suggestion.again", facts, str(facts.suggestion.revision))


def _remedy(chat: Chat, facts: Facts, code: str) -> Button | None:
    """The button that mends what failed, where there is one."""
    connection = str(facts.revision.action.connection_id)
    if code in ("connectors.login_refused", "approvals.connection_unusable", "connectors.credential_revoked"):
        return Button(
            label=chat.say("connection.reconnect"), action="connection.renew", args=(connection,), style="primary"
        )
    if code == "catalog.agent_paused":
        return Button(
            label=chat.say("agent.resume"),
            action="agent.resume",
            args=(str(facts.suggestion.agent_id),),
            style="primary",
        )
    if code == "preferences.consent_missing":
        return ways.settings(chat)
    return None


def _why(chat: Chat, execution: ActionExecution) -> str:
    error = execution.error or {}
    return speak(chat.say, str(error.get("code", "")), error.get("data") or {}).text


def _unknown(chat: Chat, facts: Facts, execution: ActionExecution, said: str) -> State:
    shown: list[Block] = [
        Paragraph(text=said),
        Paragraph(text=did(chat, "card.unknown", facts, why=_why(chat, execution))),
    ]
    if execution.due_at - chat.place.now < NEVER:
        at = max(execution.due_at, chat.place.now)
        shown.append(Paragraph(text=chat.say("card.unknown.looking", at=at), muted=True))
    else:
        shown.append(Paragraph(text=chat.say("card.unknown.ask")))
    choices = tuple(
        button(chat, f"card.unknown.{choice}", "suggestion.resolve", facts, choice)
        for choice in ("done", "again", "drop")
    )
    return State(shown, [choices, (_details(chat, facts),)], "problem")


def _rejected(chat: Chat, facts: Facts) -> State:
    shown: list[Block] = [Paragraph(text=did(chat, "card.rejected", facts, **by(chat, facts, "reject")))]
    if facts.suggestion.reason:
        shown.append(Paragraph(text=why_not(chat, facts.suggestion.reason), muted=True))
        return State(shown, [(_details(chat, facts), ways.inbox(chat))], "plain")
    shown.append(Paragraph(text=chat.say("card.reason.ask"), muted=True))
    reasons = [button(chat, f"card.reason.{reason}", "suggestion.reason", facts, reason) for reason in REASONS]
    return State(shown, [tuple(reasons[:2]), tuple(reasons[2:]), (_details(chat, facts), ways.inbox(chat))], "plain")


def why_not(chat: Chat, reason: str) -> str:
    """`Reason: not needed`, or in the person's own words."""
    return chat.say("card.reason", reason=chat.say(f"card.reason.{reason}") if reason in REASONS else reason)


def _until(chat: Chat, facts: Facts) -> str:
    """When a snooze ends: at a time, or when the person is somewhere, and then at a time at the latest."""
    at = facts.suggestion.snoozed_until or chat.place.now
    name = contexts.of_id(chat, facts.suggestion.snoozed_context)
    return chat.say("card.snoozed", at=at) if name is None else chat.say("card.snoozed.context", name=name, at=at)


def _snoozed(chat: Chat, facts: Facts) -> State:
    wake = button(chat, "card.wake", "suggestion.wake", facts, style="primary")
    reject = button(chat, "card.reject", "suggestion.reject", facts, str(facts.suggestion.revision))
    return State([Paragraph(text=_until(chat, facts))], [(wake, reject), (_details(chat, facts),)], "plain")


def _expired(chat: Chat, facts: Facts) -> State:
    at = facts.suggestion.expires_at or facts.suggestion.decided_at or chat.place.now
    return State(
        [Paragraph(text=did(chat, "card.expired", facts, at=at))],
        [(_again(chat, facts), _details(chat, facts)), (ways.inbox(chat),)],
        "problem",
    )
