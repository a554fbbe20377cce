"""Forms from JSON Schema: every property becomes a question, every answer a valid value or an error beside its question."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bots.kit import forms
from core.kernel.errors import Invalid

SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["host", "password"],
    "properties": {
        "host": {"type": "string", "title": "Server", "description": "Where the mail is", "pattern": r"^[\w.]+$"},
        "password": {"type": "string", "title": "Password", "writeOnly": True},
        "port": {"type": "integer", "minimum": 1, "maximum": 65535, "default": 993},
        "share": {"type": "number", "exclusiveMinimum": 0},
        "tls": {"type": "boolean", "default": True},
        "mode": {"enum": ["starttls", "tls"], "default": "tls"},
        "days": {"type": "array", "items": {"oneOf": [{"const": 1, "title": "Mon"}, {"const": 2, "title": "Tue"}]}},
        "at": {"type": "string", "format": "time"},
        "day": {"type": "string", "format": "date"},
        "note": {"type": "string", "format": "multiline", "maxLength": 10},
        "zone": {"type": "string", "format": "timezone"},
        "mail": {"type": "string", "format": "email"},
    },
}
GOOD = {"host": "mail.example.org", "password": " se cret "}


def test_each_property_becomes_a_question_of_its_kind() -> None:
    fields = {field.name: field for field in forms.fields(SCHEMA, {"password": "old", "host": "h"})}
    assert {name: field.kind for name, field in fields.items()} == {
        "host": "text", "password": "secret", "port": "integer", "share": "number", "tls": "boolean", "mode": "choice",
        "days": "choices", "at": "time", "day": "date", "note": "multiline", "zone": "text", "mail": "text",
    }  # fmt: skip
    assert (fields["host"].label, fields["host"].help, fields["host"].required, fields["host"].value) == (
        "Server", "Where the mail is", True, "h",
    )  # fmt: skip
    assert fields["password"].value is None
    assert (fields["port"].minimum, fields["port"].maximum, fields["port"].value) == (1, 65535, 993)
    assert fields["days"].options == (("1", "Mon"), ("2", "Tue"))
    assert ("Europe/Berlin", "Europe/Berlin") in fields["zone"].options
    assert fields["note"].max_length == 10


def test_labels_are_put_into_the_persons_words() -> None:
    assert forms.fields(SCHEMA, translate=str.upper)[0].label == "SERVER"


def test_answers_become_values() -> None:
    posted = {
        **GOOD, "port": "143", "share": "1,5", "tls": "on", "mode": "starttls", "days": ["1", "2"], "at": "8:30",
        "day": "2027-03-31", "note": " hi\r\nyou ", "zone": "Europe/Berlin", "mail": "you@localhost",
    }  # fmt: skip
    assert forms.read(SCHEMA, posted) == {
        "host": "mail.example.org", "password": " se cret ", "port": 143, "share": 1.5, "tls": True, "mode": "starttls",
        "days": [1, 2], "at": "08:30", "day": "2027-03-31", "note": "hi\nyou", "zone": "Europe/Berlin",
        "mail": "you@localhost",
    }  # fmt: skip


def test_an_empty_answer_is_none_and_an_unasked_question_has_its_default() -> None:
    assert forms.read(SCHEMA, {**GOOD, "port": "", "tls": ""}) == {**GOOD, "tls": False, "mode": "tls"}


@pytest.mark.parametrize(
    ("field", "words", "rule"),
    [
        ("host", "", "required"),
        ("host", "mail example", "pattern"),
        ("port", "many", "type"),
        ("port", "0", "minimum"),
        ("port", "70000", "maximum"),
        ("share", "0", "exclusiveMinimum"),
        ("mode", "none", "enum"),
        ("days", ["3"], "oneOf"),
        ("at", "25:00", "format"),
        ("day", "31.3.", "format"),
        ("note", "eleven char", "maxLength"),
        ("zone", "Berlin", "format"),
        ("mail", "you at home", "format"),
        ("extra", "1", "unknown"),
    ],
)
def test_a_wrong_answer_is_told_beside_its_question(field: str, words: Any, rule: str) -> None:
    with pytest.raises(Invalid) as wrong:
        forms.read(SCHEMA, {**GOOD, field: words})
    assert wrong.value.code == "form.field_invalid"
    assert (wrong.value.data["field"], wrong.value.data["rule"]) == (field, rule)
    assert "se cret" not in repr(wrong.value.data)


def test_every_wrong_answer_is_told_at_once_in_the_order_of_the_form() -> None:
    with pytest.raises(Invalid) as wrong:
        forms.read(SCHEMA, {"port": "0", "host": ""})
    assert [(error["field"], error["rule"]) for error in wrong.value.data["errors"]] == [
        ("host", "required"), ("password", "required"), ("port", "minimum"),
    ]  # fmt: skip


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(
        st.sampled_from(list(SCHEMA["properties"])),
        st.one_of(st.text(max_size=20), st.lists(st.text(max_size=5), max_size=3)),
    )
)
def test_no_words_break_a_form(posted: dict[str, Any]) -> None:
    with suppress(Invalid):
        forms.read(SCHEMA, posted)


def test_a_schema_that_no_form_can_ask_for_is_refused() -> None:
    with pytest.raises(ValueError, match="object"):
        forms.fields({"properties": {"x": {"type": "object"}}})
