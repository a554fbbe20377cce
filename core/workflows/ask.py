"""Questions that runs put to people: asked as cards in their chats, answered once, or lapsed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from core.identity.ports import IdentityWork
from core.kernel.actor import Actor
from core.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from core.kernel.events import Event
from core.kernel.ids import new_id
from core.messaging.post import PostWork, announce, refresh
from core.orchestration.answer import answer_step
from core.orchestration.finish import just_asked
from core.orchestration.models import Run, RunStep
from core.orchestration.ports import OrchestrationWork
from core.workflows.executions import follow
from core.workflows.models import Question
from core.workflows.ports import QuestionsWork, WorkflowsWork
from core.workflows.steps import Choice

SUBJECT = "question"
"""The kind of subject under which deliveries show a question's card."""


class AskWork(QuestionsWork, WorkflowsWork, OrchestrationWork, PostWork, Protocol):
    """What asking and answering need."""


@dataclass(frozen=True)
class QuestionCard:
    """What a door shows: the question, of which run and agent or workflow, whether it is still open for this reader, and who answered."""

    question: Question
    run: Run
    may_answer: bool
    answered_by: str
    label: str


def ask(work: AskWork, run: Run, step: RunStep, until: datetime, data: Mapping[str, Any]) -> Question:
    """Puts a question before people, as a card in each of their chats. `data` is the input of the skill `ask`.
    Raises Invalid `workflows.choice_unknown` for a default that is no choice; NotFound `identity.user_unknown` for somebody outside of the workspace."""
    choices = [Choice.model_validate(choice) for choice in data["choices"]]
    default = data.get("default")
    if default is not None and default not in {choice.value for choice in choices}:
        raise Invalid("workflows.choice_unknown", choice=default)
    members = {member.user_id for member in work.people.members()}
    to = list(dict.fromkeys(UUID(str(id)) for id in data.get("to") or ())) or [run.user_id]
    for user_id in to:
        if user_id not in members:
            raise NotFound("identity.user_unknown", id=str(user_id))
    question = Question(
        id=new_id(), workspace_id=run.workspace_id, user_id=run.user_id, run_id=run.id, node_id=step.node_id, index=step.index,
        question=data["question"], choices=choices, to=to, until=until, created_at=work.now, about=data.get("about"), default=default,
    )  # fmt: skip
    work.questions.add(question)
    for user_id in to:
        asked = user_id == run.user_id and just_asked(run, work.now)
        announce(work, user_id, SUBJECT, question.id, trace=run.trace, agent_id=run.agent_id, asked=asked)
    work.record(Event("question.asked", run.workspace_id, run.user_id, _told(question)))
    return question


def answer_question(work: AskWork, actor: Actor, question_id: UUID, choice: str) -> Question:
    """A person's answer; the run goes on with it, and every copy of the card shows it.

    Raises Conflict `workflows.question_answered` (data: by, at, answer), `workflows.question_over` (data: status); Forbidden `workflows.question_not_yours`;
    Invalid `workflows.choice_unknown`; NotFound `workflows.question_unknown`."""
    actor.need("write")
    # Runs are locked before their questions, by whoever answers and by whoever ends the run.
    work.runs.lock(work.questions.get(question_id).run_id)
    question = work.questions.lock(question_id)
    if actor.user_id not in question.to:
        raise Forbidden("workflows.question_not_yours")
    if question.status == "answered":
        raise Conflict(
            "workflows.question_answered", by=_name(work, question), answer=_label(question),
            at=(question.answered_at or work.now).isoformat(),
        )  # fmt: skip
    if question.status != "open" or question.until <= work.now:
        raise Conflict("workflows.question_over", status=question.status if question.status != "open" else "lapsed")
    if choice not in {each.value for each in question.choices}:
        raise Invalid("workflows.choice_unknown", choice=choice[:80])
    question.status, question.answer = "answered", choice
    question.answered_by, question.answered_at, question.surface = actor.user_id, work.now, actor.surface
    _pass_on(work, question)
    work.record(Event("question.answered", question.workspace_id, actor.user_id, {**_told(question), "answer": choice}))
    return question


def lapse(work: AskWork, question_id: UUID) -> Question:
    """Nobody answered in time: the default is the answer, or the step fails with `workflows.answer_missing`. Nothing happens to one that is not open."""
    work.runs.lock(work.questions.get(question_id).run_id)
    question = work.questions.lock(question_id)
    if question.status == "open":
        question.status, question.answer = "lapsed", question.default
        _pass_on(work, question)
        work.record(Event("question.lapsed", question.workspace_id, question.user_id, _told(question)))
    return question


def withdraw(work: AskWork, run_id: UUID) -> None:
    """The run is over: what it still asked needs no answer any more."""
    for question in work.questions.of_run(run_id):
        if question.status == "open":
            question.status = "withdrawn"
            refresh(work, SUBJECT, question.id)


def card(work: AskWork, actor: Actor, question_id: UUID) -> QuestionCard:
    """What this person is shown of it. Raises NotFound `workflows.question_unknown`."""
    question = work.questions.get(question_id)
    is_open = question.status == "open" and question.until > work.now
    return QuestionCard(
        question, work.runs.get(question.run_id), is_open and actor.user_id in question.to, _name(work, question), _label(question)
    )  # fmt: skip


def _pass_on(work: AskWork, question: Question) -> None:
    """The step's answer is what became of the question."""
    outputs, error = None, None
    if question.answer is None:
        error = {"code": "workflows.answer_missing", "data": {"question": question.question}}
    else:
        outputs = {
            "answer": question.answer, "label": _label(question), "by": str(question.answered_by) if question.answered_by else None,
            "at": work.now.isoformat(), "assumed": question.status == "lapsed",
        }  # fmt: skip
    if answer_step(work, question.run_id, question.node_id, question.index, outputs=outputs, error=error):
        step = work.runs.step(question.run_id, question.node_id, question.index)
        follow(work, work.runs.get(question.run_id), [] if step is None else [step])
    refresh(work, SUBJECT, question.id)


def _label(question: Question) -> str:
    return next((choice.label for choice in question.choices if choice.value == question.answer), question.answer or "")


def _name(work: IdentityWork, question: Question) -> str:
    if question.answered_by is None:
        return ""
    try:
        by = work.people.user(question.answered_by)
    except NotFound:
        return ""
    return by.preferred_name or by.name or by.email


def _told(question: Question) -> dict[str, Any]:
    return {"question_id": str(question.id), "run_id": str(question.run_id)}
