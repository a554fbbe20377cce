"""Words of strangers, sent through the product's own paths to every door: whatever they are, they stay words, nothing is longer than the platform takes, and nothing breaks."""

from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import Any

import pytest
from hypothesis import given

from bots.kit import clean
from core.approvals.propose import propose
from core.messaging.post import announce
from core.orchestration.ports import Evidence, Proposal, Words
from tests.runners.world import World
from tests.scenarios.doors import hostile, moments
from tests.scenarios.doors.at_slack import AtSlack, Post
from tests.scenarios.doors.at_telegram import AtTelegram, Bubble
from tests.scenarios.doors.at_web import AtWeb, Line
from tests.scenarios.doors.marking import DOORS, point
from tests.scenarios.doors.person import Person, Seen
from tests.scenarios.doors.product import Product

OURS = frozenset(("bold", "italic", "underline", "strikethrough", "expandable_blockquote", "blockquote", "email"))
"""What Telegram may show besides words: our own formatting. An address is not a link of anybody's: it opens nothing by itself, and the card is about it."""
TAGS = frozenset((
    "article", "div", "h2", "p", "dl", "dt", "dd", "figure", "blockquote", "figcaption", "form", "input", "button", "ul", "li", "ol", "del", "ins", "span", "svg",
    "use", "time", "small", "label", "textarea", "select", "option", "fieldset", "legend", "progress", "img", "a", "datalist",
))  # fmt: skip
NUMBERS = count(1)


@pytest.fixture(scope="module")
def everywhere(product: Product) -> Iterator[dict[str, Person]]:
    """One person who stands at all doors."""
    world = product.world()
    there = {door: product.at(door, world) for door in DOORS}
    yield there
    for person in there.values():
        person.close()


@pytest.fixture(autouse=True)
def nothing_breaks(product: Product) -> Iterator[None]:
    """No error is logged by any process, no platform refuses a call of ours, nobody hears that something went wrong."""
    product.errors.lines.clear()
    before, told, posted = len(product.troubles), len(product.telegram.calls), len(product.slack.calls)
    yield
    assert product.troubles[before:] == []
    refused = [(call.method, call.response) for call in product.telegram.calls[told:] if call.status != 200]
    assert [one for one in refused if "message is not modified" not in one[1]["description"]] == []
    assert [
        (call.method, call.response) for call in product.slack.calls[posted:] if not call.response.get("ok", True)
    ] == []


def _suggested(world: World, *proposals: Proposal) -> int:
    """How many of them became suggestions; what cannot be carried out is refused in words, not in an exception."""

    def ends(work: Any) -> int:
        made, _ = propose(work, world.run(work), list(proposals))
        for one in made:
            announce(work, world.actor.user_id, "suggestion", one.id)
        return len(made)

    return moments.changed(world, ends)


def _proposals(name: str, words: str, body: str) -> Iterator[Proposal]:
    """A card of each kind, with the stranger's words wherever a stranger's words come in."""
    source = {"kind": "mail", "from": words, "subject": words, "date": "2026-11-20T09:12:00+00:00"}
    why = Words(code="suggestion.why.question", data={"sender": words, "date": "2026-11-20T09:12:00+00:00"})
    sent = {
        "sender": "me@example.org",
        "to": ["kim@example.net"],
        "subject": f"{name} {words}",
        "body": body,
        "in_reply_to": "<q@example.net>",
    }
    when = {"start": "2030-03-04T12:00:00+01:00", "end": "2030-03-04T13:00:00+01:00"}
    event = {"title": f"{name} {words}", "location": words, "description": body, **when}
    task = {"title": f"{name} {words}", "notes": body, "payee": words, "reference": words}
    for kind, operation, tool, input in (
        ("email", "mail.send", "mail", sent), ("calendar", "calendar.create", "calendar", event), ("task", "task.create", "tasks", task),
    ):  # fmt: skip
        yield Proposal(
            type=kind, kind="reply" if kind == "email" else kind, operation=operation, tool=tool, input=input, why=why,  # pyright: ignore[reportArgumentType]
            evidence=(Evidence(quote=body[:2000], source=source),), influenced_by=(words[:200] or "x",), dedupe_key=f"{name}:{kind}",
        )  # fmt: skip


def _fits(one: Proposal) -> bool:
    """Whether the product's own rules for an action let it be; what they refuse never becomes a card."""
    from core.connectors.operations import OPERATIONS

    try:
        OPERATIONS[one.operation].model_validate(one.input)
    except ValueError:
        return False
    return True


@point("card.10")
@given(words=hostile.lines, body=hostile.bodies)
@hostile.THOROUGH
def test_words_in_mails_events_and_bills_stay_words_on_their_cards(
    door: str, everywhere: dict[str, Person], words: str, body: str
) -> None:
    person, name = everywhere[door], f"n{next(NUMBERS)}n"
    before = len(person.messages)
    made = _suggested(person.world, *(one for one in _proposals(name, words, body) if _fits(one)))
    person.wait(lambda: True if sum(name in one.words for one in person.messages[before:]) >= made else None)
    fresh = list(person.messages[before:])
    for one in fresh:
        if any(label.startswith("Read all") for label in one.labels):
            person.press("Read all", one)
    _only_words(person, person.messages[before:])


@point("free")
@given(words=hostile.bodies)
@hostile.THOROUGH
def test_whatever_a_person_types_is_answered(door: str, everywhere: dict[str, Person], words: str) -> None:
    if not hostile.sayable(words):
        return
    _answered(everywhere[door], lambda person: person.says(words[:4000]))


@point("files")
@given(words=hostile.lines)
@hostile.THOROUGH
def test_a_file_of_any_name_is_answered(door: str, everywhere: dict[str, Person], words: str) -> None:
    named = (
        "".join(letter for letter in words if letter not in "\x00\r\n" and not "\ud800" <= letter <= "\udfff")[:100]
        or "x"
    )
    _answered(
        everywhere[door],
        lambda person: person.sends(f"{named}.eml", b"From: a@example.org\r\nSubject: Hi\r\n\r\nHello\r\n"),
    )


@point("packs")
@given(words=hostile.lines)
@hostile.THOROUGH
def test_a_thing_may_be_called_anything(door: str, everywhere: dict[str, Person], words: str) -> None:
    person = everywhere[door]
    if not hostile.sayable(words):
        return
    before = len(person.messages)
    person.command("packs")
    person.press("Make a pack", person.wait(lambda: next(iter(reversed(person.messages[before:])), None)))
    person.press("+ Tiny")
    person.press("One after the other", person.sees("1. Tiny", labels=("One after the other",)))
    person.sees("What shall it be called")
    _answered(person, lambda one: one.says(words))


@point("signin", web="The page knows nobody without a session.")
@given(words=hostile.lines)
@hostile.THOROUGH
def test_a_stranger_of_any_name_is_greeted(door: str, product: Product, words: str) -> None:
    called = "".join(letter for letter in words if not "\ud800" <= letter <= "\udfff" and letter != "\x00")[:64] or "x"
    if door == "telegram":
        eve = product.telegram.user(called)
        eve.sends("/start")
        shown = Bubble(eve.chat.wait_for_text("one-time code"))
    else:
        eve = product.team.person(called)
        eve.says("hello")
        shown = Post(eve.dm.wait_for_text("admin of the team"))
    _is_words(shown)


def _answered(person: Person, act: Callable[[Person], None]) -> None:
    before = len(person.messages)
    act(person)
    person.wait(lambda: True if len(person.messages) > before else None)
    _only_words(person, person.messages[before:])


def _only_words(person: Person, shown: Sequence[Seen]) -> None:
    assert isinstance(person, AtWeb | AtTelegram | AtSlack)
    for one in shown:
        _is_words(one)


def _is_words(one: Seen) -> None:
    """Nothing is live in it but what is ours, nothing misleads the eye, nobody is told of a mishap."""
    assert not hostile.invisible(one.words), hostile.invisible(one.words)
    assert "went wrong" not in one.words and "number of this" not in one.words, one.words
    assert not one.previews
    match one:
        case Bubble(message):
            assert {span.type for span in message.spans} <= OURS, [
                span for span in message.spans if span.type not in OURS
            ]
            limit = 1024 if message.file is not None else 4096
            assert clean.utf16(message.text) <= limit
            for row in message.buttons:
                for button in row:
                    assert len((button.data or "").encode()) <= 64 and button.url is None
        case Post(message):
            assert message.references == [], message.references
            assert len(message.blocks) <= 50
        case Line():
            tags = one.now.element.find_all(True)
            assert {tag.name for tag in tags} <= TAGS, {tag.name for tag in tags} - TAGS
            assert not [name for tag in tags for name in tag.attrs if name.startswith("on") or name == "style"]
