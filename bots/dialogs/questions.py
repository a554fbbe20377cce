"""A question that a run puts to people: a card with a button for each choice, in every chat of theirs, true to what became of it."""

from uuid import UUID

from bots.dialogs import values, ways
from bots.dialogs.people import who
from bots.dialogs.run_facts import name_of
from bots.kit import clean
from bots.kit.dialog import Chat, Reply, action, renderer
from bots.kit.screen import Block, Button, Heading, Paragraph, Screen, row
from core.kernel.errors import Invalid
from core.workflows.ask import SUBJECT, QuestionCard, answer_question, card
from core.workflows.models import Question

LABEL = 60
WIDE = 20
"""Choices whose labels are all shorter than this stand side by side."""
MOST = 50


def open_questions(chat: Chat) -> list[Question]:
    """What waits for an answer of this person, soonest over first."""
    waiting = chat.work.questions.open_for(chat.user.id, None, MOST)
    return sorted((q for q in waiting if q.until > chat.work.now), key=lambda q: q.until)


def entry(chat: Chat, question: Question) -> Button:
    """The question as a line of a list."""
    label = clean.line(chat.say("question.listed", question=question.question), LABEL)
    return Button(label=label, action="question.open", args=(str(question.id),))


@renderer(SUBJECT)
def show(chat: Chat, question_id: UUID) -> Screen:
    """The card as it is now."""
    told = card(chat.work, chat.actor, question_id)
    question = told.question
    blocks: list[Block] = [
        Heading(text=chat.say("question.heading", what=name_of(chat, told.run))),
        Paragraph(text=question.question),
        *values.shown(question.about),
    ]
    run = Button(label=chat.say("question.run"), action="run.open", args=(str(question.run_id),))
    if told.may_answer:
        blocks.append(Paragraph(text=_until(chat, question), muted=True))
        return Screen(blocks=tuple(blocks), buttons=ways.rows(*_choices(question), row(run)), tone="ask")
    blocks.append(Paragraph(text=_became(chat, told)))
    return Screen(blocks=tuple(blocks), buttons=(row(run),), tone="done" if question.status == "answered" else "plain")


def _choices(question: Question) -> list[tuple[Button, ...]]:
    """A button carries the place of its choice: values may be longer than a button can hold."""
    buttons = [
        Button(label=choice.label, action="question.answer", args=(str(question.id), str(at)), style="primary" if at == 0 else "plain")
        for at, choice in enumerate(question.choices)
    ]  # fmt: skip
    beside = 2 if all(len(choice.label) < WIDE for choice in question.choices) else 1
    return [tuple(buttons[at : at + beside]) for at in range(0, len(buttons), beside)]


def _until(chat: Chat, question: Question) -> str:
    if question.default is None:
        return chat.say("question.until_fails", until=question.until)
    return chat.say("question.until_default", until=question.until, answer=_label(question, question.default))


def _became(chat: Chat, told: QuestionCard) -> str:
    question = told.question
    match question.status:
        case "answered":
            by = who(chat, question.answered_by) if question.answered_by else told.answered_by
            data = {
                "who": by[:1].upper() + by[1:],
                "at": question.answered_at or question.created_at,
                "answer": told.label,
            }
            surface = f"surface.{question.surface}"
            if question.surface and chat.say.knows(surface):
                return chat.say("question.answered_on", surface=chat.say(surface), **data)
            return chat.say("question.answered", **data)
        case "lapsed" if question.answer is None:
            return chat.say("question.lapsed_fails", until=question.until)
        case "lapsed":
            return chat.say("question.lapsed", until=question.until, answer=told.label)
        case "withdrawn":
            return chat.say("question.withdrawn")
        case _ if question.until <= chat.work.now:
            return chat.say("question.over", until=question.until)
        case _:
            return chat.say("question.asked_others", names=[who(chat, user_id) for user_id in question.to])


def _label(question: Question, value: str) -> str:
    return next((choice.label for choice in question.choices if choice.value == value), value)


@action("question.open")
def open_question(chat: Chat, question_id: str) -> Reply:
    """Its card."""
    chat.work.questions.get(UUID(question_id))
    return Reply(subject=(SUBJECT, UUID(question_id)))


@action("question.answer")
def answer(chat: Chat, question_id: str, place: str) -> Reply:
    """The first tap counts; every copy of the card shows it. A late one hears what became of the question."""
    question = chat.work.questions.get(UUID(question_id))
    if not place.isdecimal() or int(place) >= len(question.choices):
        raise Invalid("messaging.button_unknown", action="question.answer")
    chosen = question.choices[int(place)]
    answer_question(chat.work, chat.actor, question.id, chosen.value)
    return Reply(toast=chat.say("question.taken", answer=chosen.label))
