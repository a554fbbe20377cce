"""`/questions`: what runs ask the person, and answering it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from bots.api.caller import Calling
from bots.api.pages import Cursor, Limit, Page, after, page
from core.workflows.ask import answer_question
from core.workflows.models import Question

router = APIRouter(tags=["questions"])


class ChoiceOut(BaseModel):
    """A button under a question."""

    value: str
    label: str


class QuestionOut(BaseModel):
    """A question of a run; `to` are the people who are asked, and the first answer counts. At `until` it lapses: `default` is the answer then, or its step fails."""

    id: UUID
    run_id: UUID
    node_id: str
    question: str
    about: Any
    choices: list[ChoiceOut]
    to: list[UUID]
    until: datetime
    default: str | None
    status: str
    answer: str | None
    answered_by: UUID | None
    answered_at: datetime | None
    created_at: datetime


class Answer(BaseModel):
    """One of the question's choices, by its value."""

    model_config = ConfigDict(extra="forbid")

    choice: str = Field(min_length=1, max_length=40)


@router.get("/questions")
def list_questions(caller: Calling, limit: Limit = 50, cursor: Cursor = None) -> Page[QuestionOut]:
    """The questions that wait for an answer of the person, newest first."""
    with caller.reading() as work:
        return page(work.questions.open_for(caller.actor.user_id, after(cursor), limit + 1), limit, _question_out)


@router.get("/questions/{question_id}")
def get_question(question_id: UUID, caller: Calling) -> QuestionOut:
    """One question."""
    with caller.reading() as work:
        return _question_out(work.questions.get(question_id))


@router.post("/questions/{question_id}/answer", response_model=QuestionOut)
def answer(question_id: UUID, asked: Answer, caller: Calling) -> Response:
    """Answers; the run goes on with it. 409 when it is answered or over, 403 when somebody else is asked or the key may not decide."""
    return caller.write(
        asked, 200, lambda work: _question_out(answer_question(work, caller.actor, question_id, asked.choice)),
        f"questions.answer {question_id}", scope="approve",
    )  # fmt: skip


def _question_out(question: Question) -> QuestionOut:
    return QuestionOut(
        id=question.id, run_id=question.run_id, node_id=question.node_id, question=question.question, about=question.about,
        choices=[ChoiceOut(value=each.value, label=each.label) for each in question.choices], to=question.to, until=question.until,
        default=question.default, status=question.status, answer=question.answer, answered_by=question.answered_by,
        answered_at=question.answered_at, created_at=question.created_at,
    )  # fmt: skip
