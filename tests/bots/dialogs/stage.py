"""Sets the stage: an agent with what it works with, runs that suggest, workers that carry out; through the use cases of core."""

from collections.abc import Callable
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from core.approvals import execute
from core.approvals.models import Suggestion
from core.catalog.configure import create_agent
from core.catalog.models import Agent
from core.connectors.ports import Receipt
from core.kernel.ids import new_id
from core.orchestration import finish
from core.orchestration.models import TriggerKind
from core.orchestration.start import start
from tests.bots.dialogs.person import Person

SOURCE = {"from": "Ana Lima", "date": "2026-11-20T09:12:00+00:00", "subject": "Offer for March"}
MAIL = {
    "sender": "kim@sample.example", "to": ["ana@example.org"], "cc": ["office@example.org"], "subject": "Re: Offer for March",
    "body": "Hi Ana,\n\nyes, Tuesday works for me.\n\nKim", "in_reply_to": "<1@example.org>",
}  # fmt: skip


def agent(person: Person, template: str = "inbox") -> Agent:
    with person.work() as work:
        made = create_agent(work, person.actor, template)
        work.commit()
    return made


def mail(**changes: Any) -> dict[str, Any]:
    """A proposal of a reply."""
    given = {**MAIL, **{k: v for k, v in changes.items() if k in (*MAIL, "references")}}
    return {
        "type": "email", "kind": "reply", "operation": "mail.send", "tool": "mail", "priority": "high", "input": given,
        "why": {"code": "test.why", "data": {}}, "evidence": [{"quote": "can you confirm by Tuesday?", "source": SOURCE}],
        "influenced_by": ["ana@example.org"], "dedupe_key": str(new_id()),
        **{k: v for k, v in changes.items() if k in ("why", "evidence", "priority", "expires_at", "influenced_by", "kind", "dedupe_key", "supersedes")},
    }  # fmt: skip


def event(**given: Any) -> dict[str, Any]:
    base = {
        "title": "Kick-off",
        "start": "2099-03-02T10:00:00+01:00",
        "end": "2099-03-02T11:00:00+01:00",
        "timezone": "Europe/Berlin",
    }
    return {
        "type": "calendar", "kind": "event", "operation": "calendar.create", "tool": "calendar", "priority": "medium",
        "input": {**base, **given}, "why": {"code": "test.why", "data": {}}, "dedupe_key": str(new_id()),
    }  # fmt: skip


def task(**given: Any) -> dict[str, Any]:
    base = {
        "title": "Pay invoice 7", "due": "2099-03-05", "amount": {"amount": "240.00", "currency": "EUR"}, "payee": "Druckerei Klee",
        "reference": "R-7",
    }  # fmt: skip
    return {
        "type": "task", "kind": "task", "operation": "task.create", "tool": "tasks", "priority": "low",
        "input": {**base, **given}, "why": {"code": "test.why", "data": {}}, "dedupe_key": str(new_id()),
    }  # fmt: skip


def unsubscribe(**given: Any) -> dict[str, Any]:
    base = {"list_name": "Cheese letters", "one_click": "https://lists.example.com/leave?id=1"}
    return {
        "type": "email", "kind": "unsubscribe", "operation": "mail.unsubscribe", "tool": "mail", "priority": "low",
        "input": {**base, **given}, "why": {"code": "test.why", "data": {}}, "dedupe_key": str(new_id()),
    }  # fmt: skip


def suggests(
    person: Person, *proposals: dict[str, Any], by: Agent | None = None, trigger: TriggerKind = "chat"
) -> list[Suggestion]:
    """A real run that ends with these proposals; the person's chat gets the cards."""
    by = by or agent(person)
    with person.work() as work:
        run = start(work, person.actor, by.id, trigger, {})
        work.commit()
    with person.work() as work:
        claimed = work.runs.claim(run.id, 30)
        work.commit()
    with person.work() as work:
        ended = finish.succeed(work, run.id, claimed.fence, {"proposals": list(proposals), "read": 3})
        assert ended is not None
        assert ended.output is not None
        assert not ended.output["refused"], ended.output["refused"]
        made = [work.suggestions.get(UUID(one)) for one in ended.output["suggested"]]
        work.commit()
    person.looks()
    return made


@contextmanager
def armed(person: Person, suggestion_id: UUID) -> Any:
    """The moment between arming and recording: the effect would happen now."""
    with person.work() as work:
        execution = work.executions.of(suggestion_id)
        assert execution is not None
        execution.due_at = work.now
        work.commit()
    with person.work() as work:
        claimed = execute.claim(work, execution.id)
        work.commit()
    assert claimed is not None
    with person.work() as work:
        taken = execute.arm(work, claimed)
        work.commit()
    with person.work() as work:
        yield work, taken
        work.commit()
    person.looks()


def carried_out(person: Person, suggestion_id: UUID, reference: str = "<sent-1@nod>") -> None:
    with armed(person, suggestion_id) as (work, taken):
        assert execute.succeed(work, taken, Receipt(reference))


def failed(person: Person, suggestion_id: UUID, code: str, **data: Any) -> None:
    with armed(person, suggestion_id) as (work, taken):
        assert execute.fail(work, taken, code, data, again=False)


def lost_track(person: Person, suggestion_id: UUID) -> None:
    with armed(person, suggestion_id) as (work, taken):
        assert execute.lose_track(work, taken, "connectors.answer_missing", {})


def changed(person: Person, change: Callable[[Any], Any]) -> Any:
    """Something happens elsewhere, in a transaction of its own."""
    with person.work() as work:
        result = change(work)
        work.commit()
    person.looks()
    return result


def of(person: Person, suggestion_id: UUID) -> Suggestion:
    with person.work() as work:
        return work.suggestions.get(suggestion_id)


def local(text: str) -> datetime:
    return datetime.fromisoformat(text)
