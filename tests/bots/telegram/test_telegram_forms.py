"""Forms as questions: the real settings, the real catalog, and a form with every kind of field."""

from collections.abc import Iterator
from typing import Any

import pytest

from bots.kit import dialog, forms
from bots.kit.dialog import Chat, Reply
from bots.kit.parts import Parts
from bots.kit.screen import Form, Heading, Paragraph, Screen
from bots.kit.tokens import LIMIT
from core.kernel.errors import Conflict, Invalid
from core.kernel.settings import Settings
from core.messaging.models import Conversation
from core.messaging.post import refresh
from tests.bots.telegram.running import Phone, Running
from tests.emulators.telegram import Message, TelegramEmulator
from tests.runners.world import World

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "title": "Name", "minLength": 2, "maxLength": 20, "description": "As on the door"},
        "days": {"type": "integer", "title": "Days", "minimum": 1, "maximum": 30, "default": 7},
        "tone": {"type": "string", "title": "Tone", "oneOf": [{"const": "a", "title": "Warm"}, {"const": "b", "title": "Cool"}]},
        "kinds": {"type": "array", "title": "Kinds", "items": {"enum": ["mail", "event", "task"]}, "default": ["mail"]},
        "loud": {"type": "boolean", "title": "Loud", "default": True},
        "zone": {"type": "string", "title": "Zone", "enum": [f"Zone {number:02}" for number in range(20)]},
        "note": {"type": "string", "title": "Note", "format": "multiline"},
    },
    "required": ["name", "tone", "zone"],
}  # fmt: skip
SECRET = {"type": "object", "properties": {"password": {"type": "string", "title": "Password", "writeOnly": True}}}
taken: list[dict[str, Any]] = []


@pytest.fixture(autouse=True)
def form_dialog() -> Iterator[None]:
    """A command that shows a form, and what it does with the answers."""
    taken.clear()

    def show(chat: Chat, rest: str) -> Reply:
        chat.work.conversations.put(
            Conversation(
                chat.link.id, chat.link.workspace_id, chat.user.id, chat.link.id, "outer", "asking", {"kept": "safe"}, chat.work.now,
                chat.work.now.replace(year=2100),
            )
        )  # fmt: skip
        schema = SECRET if rest == "secret" else SCHEMA
        form = Form(action="try.form", args=("x",), fields=forms.fields(schema), submit="Go")
        return Reply(Screen(blocks=(Heading(text="All about it"),), form=form))

    def take(chat: Chat, arg: str, values: dict[str, Any]) -> Reply:
        conversation = chat.work.conversations.current(chat.link.id)
        assert conversation is not None and (conversation.dialog, conversation.state) == ("outer", {"kept": "safe"})
        given = forms.read(SCHEMA, values)
        if given["name"] == "Taken":
            raise Invalid("form.field_invalid", field="name", rule="other")
        if given["name"] == "Busy":
            raise Conflict("kernel.version_stale")
        taken.append({"arg": arg, **given})
        return Reply(Screen(blocks=(Paragraph(text=f"Noted for {given['name']}"),)), mode="replace")

    dialog.commands["tryform"], dialog.actions["try.form"] = show, take
    yield
    del dialog.commands["tryform"], dialog.actions["try.form"]


def _question(phone: Phone, label: str, after: Message | None = None) -> Message:
    """The newest question, once it is that one: with buttons, or with the open field."""
    found = phone.person.chat.wait_for(
        lambda shown: label in shown.text and ("Cancel" in shown.labels or _field(shown) is not None), after=after
    )
    assert all(len(button.data or "") <= LIMIT for row in found.buttons for button in row)
    return found


def _field(message: Message) -> str | None:
    """What stands in the field that the message opens; None when it opens none."""
    return (message.markup or {}).get("input_field_placeholder")


def _taps(phone: Phone, message: Message, label: str) -> str:
    return phone.person.taps(message, label).answer()


def _begun(phone: Phone) -> Message:
    phone.person.sends("/tryform")
    return _question(phone, "All about it")


def test_a_form_is_asked_question_by_question_and_taken_once(phone: Phone) -> None:
    first = _begun(phone)
    assert "Question 1 of 7" in first.text and "As on the door" in first.text and first.labels == []
    assert _field(first) == "Name" and "/cancel: leaves" in first.text and "/back" not in first.text
    assert ("bot_command", "/cancel") in [(span.type, span.text) for span in first.spans], "it can be pressed"
    answer = phone.person.answers("Mia")
    days = _question(phone, "Question 2 of 7", after=first)
    answer.wait_for(lambda sent: [one[0]["emoji"] for one in sent.reactions.values()] == ["👌"])
    assert days.labels == ["Keep: 7", "Back", "Cancel"]
    unclear = phone.person.sends("many")
    again = _question(phone, "A whole number", after=days)
    assert not unclear.reactions, "what was not understood is not nodded at"
    phone.person.sends("31")
    again = _question(phone, "At most 30", after=again)
    phone.person.sends("30")
    tone = _question(phone, "Question 3 of 7", after=again)
    assert tone.labels[:2] == ["Warm", "Cool"]
    _taps(phone, tone, "Cool")
    kinds = _question(phone, "Question 4 of 7")
    assert kinds.id == tone.id and kinds.labels[:4] == ["✓ mail", "○ event", "○ task", "Done"]
    _taps(phone, kinds, "task")
    kinds.wait_for(lambda shown: "✓ task" in shown.labels)
    _taps(phone, kinds, "Done")
    loud = _question(phone, "Question 5 of 7")
    _taps(phone, loud, "No")
    zone = _question(phone, "Question 6 of 7")
    assert "Zone 07" in zone.labels and "Zone 08" not in zone.labels
    _taps(phone, zone, "›")
    zone.wait_for(lambda shown: "Zone 08" in shown.labels)
    phone.person.sends("zone 1")
    found = _question(phone, "Question 6 of 7", after=zone)
    assert found.labels[0] == "Zone 10"
    _taps(phone, found, "Zone 12")
    note = _question(phone, "Question 7 of 7")
    _taps(phone, note, "Skip")
    note.wait_for(lambda shown: "Noted for Mia" in shown.text)
    assert taken == [
        {
            "arg": "x",
            "name": "Mia",
            "days": 30,
            "tone": "b",
            "kinds": ["mail", "task"],
            "loud": False,
            "zone": "Zone 12",
        }
    ]


def _answered_up_to_the_note(phone: Phone, name: str) -> Message:
    first = _begun(phone)
    phone.person.sends(name)
    days = _question(phone, "Question 2 of 7", after=first)
    _taps(phone, days, "Keep")
    _taps(phone, _question(phone, "Question 3 of 7"), "Warm")
    _taps(phone, _question(phone, "Question 4 of 7"), "Done")
    _taps(phone, _question(phone, "Question 5 of 7"), "Keep: Yes")
    _taps(phone, _question(phone, "Question 6 of 7"), "Zone 01")
    return _question(phone, "Question 7 of 7")


def test_an_answer_that_is_refused_at_the_end_is_asked_again_alone(phone: Phone) -> None:
    note = _answered_up_to_the_note(phone, "Taken")
    phone.person.sends("Bring bread")
    wrong = _question(phone, "This does not fit", after=note)
    assert "Name" in wrong.text and "Question" not in wrong.text and taken == []
    phone.person.sends("Free")
    phone.person.chat.wait_for_text("Noted for Free", after=wrong)
    assert [(one["name"], one["note"], one["loud"]) for one in taken] == [("Free", "Bring bread", True)]


def test_what_fails_otherwise_is_said_and_the_answers_stay(phone: Phone) -> None:
    note = _answered_up_to_the_note(phone, "Busy")
    toast = phone.person.taps(note, "Skip").answer()
    assert "same moment" in toast and taken == []
    _taps(phone, note, "Back")
    phone.person.chat.wait_for(lambda shown: "Question 6 of 7" in shown.text and "Keep: Zone 01" in shown.labels)


def test_back_shows_what_was_said_and_old_buttons_do_nothing(phone: Phone) -> None:
    first = _begun(phone)
    phone.person.sends("Mia")
    days = _question(phone, "Question 2 of 7", after=first)
    old = days.button("Keep").data
    assert old is not None
    _taps(phone, days, "Back")
    name = phone.person.chat.wait_for(lambda shown: "Keep: Mia" in shown.labels)
    assert "answered already" in phone.person.taps_data(days, old).answer()
    _taps(phone, name, "Cancel")
    phone.person.chat.wait_for(lambda shown: "Cancel" not in shown.labels, after=days)
    assert "not in the middle" in phone.person.taps_data(days, old).answer()
    assert taken == []


def test_a_command_ends_the_form(phone: Phone) -> None:
    first = _begun(phone)
    phone.person.sends("/help")
    answer = phone.person.chat.wait_for_text("/inbox", after=first)
    phone.person.sends("Mia")
    phone.person.chat.wait_for_text("never guess", after=answer)


def test_a_form_goes_on_after_a_restart(
    parts: Parts, chosen: Settings, telegram: TelegramEmulator, world: World
) -> None:
    with Running(parts, chosen):
        phone = Phone.linked(telegram, world)
        first = _begun(phone)
    phone.person.sends("Mia")
    with Running(parts, chosen):
        _question(phone, "Question 2 of 7", after=first)


def test_the_same_answer_delivered_twice_answers_one_question(phone: Phone, telegram: TelegramEmulator) -> None:
    first = _begun(phone)
    sent = phone.person.sends("Mia")
    days = _question(phone, "Question 2 of 7", after=first)
    telegram.redeliver(sent.update)
    telegram.wait_until_confirmed()
    phone.person.sends("hullabaloo")
    assert "Question 2 of 7" in _question(phone, "A whole number", after=days).text


def test_secrets_are_not_asked_here(phone: Phone) -> None:
    phone.person.sends("/tryform secret")
    refusal = phone.person.chat.wait_for_text("never ask")
    assert "connect" in refusal.text and "Open the web chat" not in refusal.labels


def test_a_public_page_is_offered_for_secrets(
    parts: Parts, chosen: Settings, telegram: TelegramEmulator, world: World
) -> None:
    with Running(parts, chosen.model_copy(update={"public_url": "https://nod.example.org"})):
        phone = Phone.linked(telegram, world)
        phone.person.sends("/tryform secret")
        refusal = phone.person.chat.wait_for_text("never ask")
    assert [button.url for row in refusal.buttons for button in row if button.url] == ["https://nod.example.org/"]


def _goes_through(phone: Phone, shown: Message, answers: tuple[str, ...]) -> Message:
    """Taps the first of these answers that each question offers, until there is none; each is asked in the same message or a newer one."""
    while True:
        want = next((label for one in answers for label in shown.labels if label.startswith(one)), None)
        if want is None:
            return shown
        old, before = shown, (shown.text, shown.labels)
        phone.person.taps(shown, want).answer()
        shown = phone.person.chat.wait_for(
            lambda message, old=old, before=before: (
                message.id > old.id or (message is old and (message.text, message.labels) != before)
            )
        )


def test_the_settings_are_changed_by_questions(phone: Phone, world: World) -> None:
    phone.person.sends("/settings")
    settings = phone.person.chat.wait_for_text("Your settings")
    phone.person.taps(settings, settings.labels[0]).answer()
    name = phone.person.chat.wait_for_text("Question 1 of")
    phone.person.sends("Captain")
    second = phone.person.chat.wait_for_text("Question 2 of", after=name)
    _goes_through(phone, second, ("Keep", "No", "Skip"))
    with world.work() as work:
        assert work.people.user(world.actor.user_id).preferred_name == "Captain"


def test_the_first_agent_is_made_by_questions_alone(phone: Phone, world: World) -> None:
    phone.person.sends("/new inbox")
    page = phone.person.chat.wait_for(lambda shown: "Set it up" in shown.labels)
    phone.person.taps(page, "Set it up").answer()
    page.wait_for(lambda shown: "Question 1 of" in shown.text)
    answers = ("Go on", "Sample", "Yes, I agree", "Keep", "Done", "No", "Skip")
    card = _goes_through(phone, page, answers)
    assert "Checking" in card.text
    with world.work() as work:
        [connection] = [one for one in work.connections.of(world.actor.user_id) if one.integration == "sample"]
        connection.last_used_at = work.now  # As the runner does that tries it.
        refresh(work, "connection", connection.id)
        work.commit()
    card.wait_for(lambda shown: "Checking" not in shown.text)
    last = _goes_through(phone, card, answers)
    with world.work() as work:
        names = [agent.template for agent in work.agents.page(world.actor.user_id, None, 10)]
    assert "inbox" in names, (last.labels, phone.person.chat.transcript())
