"""Callback tokens: what comes back is what was packed, in the chat for which it was packed, and in no other."""

from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.kit.screen import Button
from bots.kit.tokens import LIMIT, Tokens
from core.kernel.errors import Invalid

NAMES = ("suggestion.approve", "suggestion.snooze", "agent.open", "x")
TOKENS = Tokens(b"k" * 32, lambda: NAMES)
LINK = UUID("0198c0de-0000-7000-8000-000000000001")

short_words = st.lists(
    st.one_of(st.uuids().map(str), st.text(st.characters(exclude_categories=["Cs"]), max_size=6)), max_size=2
).map(tuple)


def pack(action: str, args: tuple[str, ...], link: UUID = LINK) -> str | None:
    try:
        return TOKENS.pack(Button(label="", action=action, args=args), link)
    except ValueError:
        return None


@given(st.sampled_from(NAMES), short_words)
def test_what_comes_back_is_what_was_packed_and_never_more_than_64_bytes(action: str, args: tuple[str, ...]) -> None:
    token = pack(action, args)
    if token is not None:
        assert len(token.encode()) <= LIMIT
        assert TOKENS.unpack(token, LINK) == (action, args)


def test_an_id_and_a_few_words_always_fit() -> None:
    args = (str(uuid4()), "2", "tomorrow-9:00")
    assert TOKENS.unpack(pack("suggestion.snooze", args) or "", LINK) == ("suggestion.snooze", args)


@given(st.sampled_from(NAMES), st.uuids(), st.uuids())
def test_a_button_of_one_chat_works_in_no_other(action: str, first: UUID, second: UUID) -> None:
    token = pack(action, (), first)
    assert token is not None
    if first != second:
        with pytest.raises(Invalid, match=r"messaging\.button_forged"):
            TOKENS.unpack(token, second)


@given(st.text(max_size=80))
def test_no_made_up_words_are_a_button(made_up: str) -> None:
    with pytest.raises(Invalid, match=r"messaging\.button_forged"):
        TOKENS.unpack(made_up, LINK)


@given(short_words, st.data())
def test_a_token_with_one_character_changed_is_refused(args: tuple[str, ...], data: st.DataObject) -> None:
    token = pack("agent.open", args)
    if token is None:
        return
    at = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.characters().filter(lambda character: character != token[at]))
    with pytest.raises(Invalid, match=r"messaging\.button_forged"):
        TOKENS.unpack(token[:at] + other + token[at + 1 :], LINK)


def test_another_key_makes_other_buttons() -> None:
    token = Tokens(b"other" * 7, lambda: NAMES).pack(Button(label="", action="x"), LINK)
    with pytest.raises(Invalid, match=r"messaging\.button_forged"):
        TOKENS.unpack(token, LINK)


def test_a_genuine_button_of_an_action_that_is_no_more_is_unknown_not_forged() -> None:
    token = Tokens(b"k" * 32, lambda: ("old.action",)).pack(Button(label="", action="old.action"), LINK)
    with pytest.raises(Invalid, match=r"messaging\.button_unknown"):
        TOKENS.unpack(token, LINK)


def test_a_button_that_does_not_fit_or_does_nothing_is_the_dialogs_mistake() -> None:
    with pytest.raises(ValueError, match="64 bytes"):
        TOKENS.pack(Button(label="", action="x", args=("a" * 60,)), LINK)
    with pytest.raises(ValueError, match="not an action"):
        TOKENS.pack(Button(label="", action="nobody.home"), LINK)
