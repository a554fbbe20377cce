"""Screens as Block Kit: within every limit, and words stay words."""

from datetime import UTC, datetime

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bots.kit import clean
from bots.kit.place import place
from bots.kit.screen import Bullets, Button, Change, Facts, Field, Form, Heading, Paragraph, Quote, Screen
from bots.kit.words import Words
from bots.slack import blocks, modal
from bots.slack.pieces import fits, pieces

WORDS = st.text(max_size=60) | st.sampled_from(
    ["<!channel>", "<@U1>", "*b* _i_ ~s~ `c`", "<https://e.example|bank>", "&lt;", ":tada:", "a" * 9000, "w " * 3000, "\n" * 50, ">x", "\u202eabc"]
)  # fmt: skip
BLOCK = (
    WORDS.map(lambda text: Heading(text=text))
    | st.builds(Paragraph, text=WORDS, muted=st.booleans())
    | st.lists(WORDS, max_size=5).map(lambda items: Bullets(items=tuple(items)))
    | st.lists(st.tuples(WORDS, WORDS), max_size=8).map(lambda rows: Facts(rows=tuple(rows)))
    | st.builds(Quote, text=WORDS, source=WORDS)
    | st.lists(st.tuples(st.sampled_from(["keep", "remove", "add"]), WORDS), max_size=5).map(
        lambda lines: Change(lines=tuple(lines))
    )  # type: ignore[arg-type]
)
SAFE = settings(max_examples=60, suppress_health_check=list(HealthCheck))


def _say(words: Words):
    return words.in_language(place("en", "UTC", datetime(2026, 11, 22, tzinfo=UTC)))


def _texts(made):
    for one in made if isinstance(made, list) else made.values():
        if isinstance(one, dict):
            if "text" in one and isinstance(one["text"], str):
                yield one
            else:
                yield from _texts(one)
        elif isinstance(one, list):
            yield from _texts(one)


@SAFE
@given(shown=st.lists(BLOCK, max_size=25))
def test_every_piece_is_within_slacks_limits_and_nothing_is_markup(shown, catalogue: Words) -> None:
    say = _say(catalogue)
    screen = clean.screen(Screen(blocks=tuple(shown), buttons=((Button(label="x", action="command.run"),),)))
    for part in pieces(screen, say):
        assert fits(part, say)
        made = blocks.drawn(part.blocks, say)
        assert len(made) <= 48
        for one in made:
            limits = {"section": 3000, "header": 150, "context": 2000, "rich_text": 3000}
            assert len(one.get("fields", ())) <= 10
            for text in _texts([one]):
                assert 0 < len(text["text"]) <= limits[one["type"]]
                if text["type"] == "mrkdwn":
                    inner = text["text"].removeprefix("*").removesuffix("*")
                    assert "<" not in inner and text["verbatim"]
                    assert not any(mark in inner.replace(f"{mark}\u2060", "") for mark in "*_~`")
                elif one["type"] == "rich_text":
                    assert set(text) == {"type", "text"} and text["type"] == "text"
                else:
                    assert text["type"] == "plain_text" and text["emoji"] is False


def test_what_somebody_wrote_and_what_is_to_be_copied_stand_apart_from_what_nod_says(catalogue: Words) -> None:
    said, code = blocks.drawn((Quote(text="*Hi* <!here>"), Quote(text="K7QM-2XHD", exact=True)), _say(catalogue))
    assert [one["elements"][0]["type"] for one in (said, code)] == ["rich_text_quote", "rich_text_preformatted"]
    assert said["elements"][0]["elements"] == [{"type": "text", "text": "*Hi* <!here>"}]


def test_a_quote_of_a_sender_without_end_is_in_pieces_with_all_its_words(catalogue: Words) -> None:
    say = _say(catalogue)
    screen = Screen(
        blocks=(Quote(text="b" * 9000, source="a" * 9000),), buttons=((Button(label="x", action="command.run"),),)
    )
    made = pieces(screen, say)
    assert all(fits(part, say) for part in made)
    letters = "".join(text["text"] for part in made for text in _texts(blocks.drawn(part.blocks, say)))
    assert (letters.count("a"), letters.count("b")) == (9000, 9000)


@SAFE
@given(outside=WORDS)
def test_the_words_of_a_notification_can_begin_no_markup(outside: str) -> None:
    told = blocks.fallback(Screen(blocks=(Paragraph(text=outside),)))
    assert "<" not in told and ">" not in told
    assert not any(mark in told.replace(f"{mark}\u2060", "") for mark in "*_~`@#")


def test_what_a_modal_asked_comes_back_as_a_form_posts_it(catalogue: Words) -> None:
    fields = (
        Field(name="name", label="Name", value="Ann", required=True),
        Field(name="kind", label="Kind", kind="choice", options=(("a", "A"), ("b", "B")), value="b"),
        Field(name="ticks", label="Ticks", kind="choices", options=(("x", "X"), ("y", "Y")), value=["x"]),
        Field(name="on", label="On", kind="boolean", value=True),
    )
    form = Form(action="command.run", fields=fields, submit="Save")
    view = modal.form(Screen(blocks=(), form=form), _say(catalogue), "t" * 40, None)
    state = {}
    for one in view["blocks"]:
        element, given = one["element"], {}
        if "initial_options" in element:
            given["selected_options"] = element["initial_options"]
        elif "initial_option" in element:
            given["selected_option"] = element["initial_option"]
        else:
            given["value"] = element["initial_value"]
        state[one["block_id"]] = {element["action_id"]: given}
    sent = {**view, "state": {"values": state}}
    assert modal.answers(sent) == {"name": "Ann", "kind": "b", "ticks": ["x"], "on": "true"}
    assert modal.wrong(sent, {"kind": "no such"}, "general") == {"t.kind": "no such"}
    assert modal.wrong(sent, {}, "general") == {"t.name": "general"}
