"""Whatever was approved, the mail that leaves says that and nothing more."""

import re
from datetime import UTC, datetime, timedelta, timezone
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import cast

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.connectors.operations import MailSend
from core.kernel.errors import Invalid
from runners.mail.compose import compose, message_id, needs_utf8

DATE = datetime(2026, 11, 22, 9, 5, tzinfo=timezone(timedelta(hours=1)))
EXPECTED = ["message-id", "from", "to", "subject", "date", "content-type", "content-transfer-encoding", "mime-version"]

few = settings(max_examples=50)

_word = st.from_regex(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,20}", fullmatch=True)
_domain = st.from_regex(r"[a-z0-9]{1,20}(\.[a-z0-9]{1,20}){1,3}", fullmatch=True)
_address = st.builds("{}@{}".format, _word, _domain)
_line = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0"), max_size=300)
_id = st.builds("<{}@{}>".format, st.from_regex(r"[A-Za-z0-9.$+=_-]{1,300}", fullmatch=True), _domain)


def mail(**changes: object) -> MailSend:
    return MailSend.model_validate(
        {"sender": "me@example.org", "to": ["you@example.net"], "subject": "Re: Offer", "body": "Yes.\n"} | changes
    )


def parsed(raw: bytes) -> EmailMessage:
    return cast(EmailMessage, message_from_bytes(raw, policy=policy.default))


@few
@given(_line)
def test_a_subject_arrives_as_it_was_approved_and_brings_no_field_with_it(subject: str) -> None:
    raw = compose(mail(subject=subject), "k", DATE)
    message = parsed(raw)
    assert [name.lower() for name in message] == EXPECTED
    expected = re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+", " ", subject)
    assert "".join(str(message["Subject"]).split()) == "".join(expected.split())


@few
@given(st.text(max_size=2000))
@example("")
@example("\r0")
@example("\n\n a\rb\n")
def test_a_text_arrives_as_it_was_approved(body: str) -> None:
    message = parsed(compose(mail(body=body), "k", DATE))
    expected = body.replace("\r\n", "\n").replace("\r", "\n")
    # The parser keeps the wire's line ends in some texts, and a lone \r of an empty one.
    arrived = message.get_content().replace("\r\n", "\n").rstrip("\r\n")
    assert arrived == expected.rstrip("\n")
    assert message.get_content_type() == "text/plain"


@few
@given(st.text(max_size=500), _line, st.lists(_id, max_size=8))
def test_every_line_is_short_seven_bit_and_ends_with_crlf(body: str, subject: str, references: list[str]) -> None:
    raw = compose(mail(body=body, subject=subject, references=references), "k", DATE)
    assert raw.endswith(b"\r\n")
    assert all(len(line) <= 998 for line in raw.split(b"\r\n"))
    assert raw.isascii()
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert b"\r" not in raw.replace(b"\r\n", b"")


@few
@given(st.lists(_address, min_size=1, max_size=12), st.lists(_address, max_size=12))
def test_a_mail_names_all_its_recipients(to: list[str], cc: list[str]) -> None:
    message = parsed(compose(mail(to=to, cc=cc), "k", DATE))
    assert [a.addr_spec for a in message["To"].addresses] == to
    assert [a.addr_spec for a in message["Cc"].addresses] == cc if cc else message["Cc"] is None


@few
@given(_id, st.lists(_id, min_size=1, max_size=20))
def test_a_thread_keeps_every_id_whole_however_long(answered: str, thread: list[str]) -> None:
    raw = compose(mail(in_reply_to=answered, references=thread), "k", DATE)
    plain = message_from_bytes(raw, policy=policy.compat32)
    assert plain["In-Reply-To"] == answered
    assert str(plain["References"]).split() == thread


@few
@given(_line, st.lists(_line, max_size=5))
def test_what_is_no_id_cannot_become_a_field(answered: str, thread: list[str]) -> None:
    raw = compose(mail(in_reply_to=answered, references=thread), "k", DATE)
    allowed = {*EXPECTED, "in-reply-to", "references"}
    assert {name.lower() for name in parsed(raw)} <= allowed


@few
@given(st.text(min_size=1, max_size=60).map(lambda s: s + "@example.net"))
def test_an_address_is_either_written_whole_or_refused(address: str) -> None:
    try:
        wanted = mail(to=[address])
        raw = compose(wanted, "k", DATE)
    except (Invalid, ValueError):
        return
    message = parsed(raw)
    assert [name.lower() for name in message] == EXPECTED
    written = [a.addr_spec for a in message["To"].addresses]
    assert [a.encode("ascii", "surrogateescape").decode() for a in written] == [address]


@pytest.mark.parametrize("field", ["subject", "in_reply_to", "sender"])
def test_a_line_break_in_a_field_is_no_mail_at_all(field: str) -> None:
    with pytest.raises(ValueError):
        mail(**{field: "me@example.org\r\nBcc: spy@example.net"})


def test_the_same_mail_key_and_date_give_the_same_bytes() -> None:
    assert compose(mail(), "k", DATE) == compose(mail(), "k", DATE)
    assert compose(mail(), "k", DATE) != compose(mail(), "l", DATE)


def test_the_message_id_depends_on_the_key_alone() -> None:
    assert message_id("k", "me@example.org") == message_id("k", "you@example.org")
    assert parsed(compose(mail(), "k", DATE))["Message-ID"] == message_id("k", "me@example.org")
    assert re.fullmatch(r"<nod\.[0-9a-f]{32}@example\.org>", message_id("execution 7", "me@example.org"))


def test_a_date_keeps_its_offset() -> None:
    assert parsed(compose(mail(), "k", DATE))["Date"].datetime == DATE
    assert b"Date: Sun, 22 Nov 2026 09:05:00 +0100\r\n" in compose(mail(), "k", DATE)
    assert b"Date: Sun, 22 Nov 2026 09:05:00 +0000\r\n" in compose(mail(), "k", DATE.replace(tzinfo=UTC))


def test_a_domain_in_any_script_is_written_in_ascii_and_a_name_asks_for_smtputf8() -> None:
    assert b"To: you@xn--bcher-kva.example\r\n" in compose(mail(to=["you@bücher.example"]), "k", DATE)
    assert not needs_utf8(mail(to=["you@bücher.example"]))
    assert needs_utf8(mail(cc=["用户@example.net"]))
    assert "用户@example.net".encode() in compose(mail(cc=["用户@example.net"]), "k", DATE)


def test_only_the_fields_of_a_plain_letter_leave() -> None:
    full = mail(cc=["third@example.net"], in_reply_to="<a@b>", references=["<a@b>"])
    names = [name.lower() for name in parsed(compose(full, "k", DATE))]
    assert sorted(names) == sorted([*EXPECTED, "cc", "in-reply-to", "references"])
