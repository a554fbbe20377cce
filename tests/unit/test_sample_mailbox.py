"""The sample mailbox is what a new user sees first: it has to be whole, honest about its encodings, and true on any day."""

import email
import html
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from email import policy
from email.message import EmailMessage
from email.utils import getaddresses, parsedate_to_datetime
from functools import cache
from pathlib import Path
from typing import cast
from zoneinfo import ZoneInfo

import icalendar
import pytest

import core.catalog.samples as samples

SAMPLES = Path(samples.__file__).parents[1] / "templates" / "inbox" / "samples"
BERLIN = ZoneInfo("Europe/Berlin")
CALENDARS = ("text/calendar", "application/ics")
BROKEN = "092-broken-mail"
RESERVED = re.compile(r"(?:^|\.)(?:example|invalid|test|example\.(?:org|com|net))$")
NOWS = [datetime(2026, 11, 16, 14, 20, tzinfo=UTC) + timedelta(days=day, hours=3 * day) for day in range(7)] + [
    datetime(2026, 3, 29, 0, 59, tzinfo=UTC),
    datetime(2026, 3, 29, 1, 1, tzinfo=UTC),
    datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
    datetime(2026, 10, 25, 1, 30, tzinfo=UTC),
    datetime(2026, 12, 31, 22, 59, tzinfo=UTC),
    datetime(2027, 1, 1, 0, 5, tzinfo=BERLIN),
    datetime(2028, 2, 29, 9, 0, tzinfo=ZoneInfo("Asia/Tokyo")),
]
any_day = pytest.mark.parametrize("now", NOWS, ids=str)


@cache
def built(now: datetime = NOWS[0]) -> list[samples.SampleMail]:
    return samples.build_mailbox(SAMPLES, now)


@cache
def parsed(now: datetime = NOWS[0]) -> dict[str, EmailMessage]:
    return {
        mail.name: cast(EmailMessage, email.message_from_bytes(mail.raw, policy=policy.default)) for mail in built(now)
    }


@cache
def labelled(now: datetime = NOWS[0]) -> dict[str, list[samples.ExpectedSuggestion]]:
    return samples.load_labels(SAMPLES, now)


def sound(now: datetime = NOWS[0]) -> dict[str, EmailMessage]:
    return {name: message for name, message in parsed(now).items() if name != BROKEN}


def text_of(message: EmailMessage) -> str:
    """What a person reads of it, attachments and white space aside."""
    body = message.get_body(("plain", "html"))
    if body is None:
        return ""
    charset = body.get_content_charset("ascii").replace("x-koi-radio-7", "ascii")
    text = cast(bytes, body.get_payload(decode=True)).decode(charset)
    if body.get_content_subtype() == "html":
        text = html.unescape(re.sub(r"<[^>]*>", " ", text))
    return text


def without_quotes(text: str) -> str:
    return "\n".join(line for line in text.split("\n") if not line.startswith(">"))


def squeezed(text: str) -> str:
    return re.sub(r"\s", "", text)


def invitations(message: EmailMessage) -> list[icalendar.Calendar]:
    parts = [part for part in message.walk() if part.get_content_type() in CALENDARS]
    return [
        cast(icalendar.Calendar, icalendar.Calendar.from_ical(cast(bytes, part.get_payload(decode=True))))
        for part in parts
    ]


def expected(now: datetime, kind: str) -> list[tuple[str, samples.ExpectedSuggestion]]:
    labels = labelled(now)
    return [(name, each) for name, expect in labels.items() for each in expect if each.kind == kind]


@any_day
def test_every_source_becomes_a_mail_of_the_past_and_nothing_stays_unrendered(now: datetime) -> None:
    mails = built(now)
    assert {mail.name for mail in mails} == {path.stem for path in (SAMPLES / "mail").iterdir()}
    assert [mail.received for mail in mails] == sorted(mail.received for mail in mails)
    for mail in mails:
        assert mail.received < now, mail.name
        assert b"{{" not in mail.raw, mail.name
        assert b"}}" not in mail.raw, mail.name
    for name, message in sound(now).items():
        for part in message.walk():
            content = part.get_payload(decode=True)
            assert b"{{" not in (content if isinstance(content, bytes) else b""), name


def test_there_are_enough_mails_of_every_kind_and_language() -> None:
    labels = labelled()
    every = [each for expect in labels.values() for each in expect]
    kinds = Counter(each.kind for each in every)
    assert len(labels) >= 48
    assert kinds["reply"] >= 10
    assert kinds["event"] >= 9
    assert kinds["task"] >= 6
    assert kinds["nudge"] >= 4
    assert {each.language for each in every if each.kind == "reply"} == {
        "en",
        "de",
        "es",
        "fr",
        "it",
        "nl",
        "pt",
        "pl",
        "ja",
    }
    assert {each.currency for each in every if each.kind == "task"} == {"EUR", "USD", "GBP"}
    assert Counter(each.method for each in every if each.kind == "unsubscribe") == {"one_click": 4, "mailto": 2}
    assert sum(each.uid is None for each in every if each.kind == "event") >= 4
    assert sum(not expect for expect in labels.values()) >= 25


def test_every_mail_has_one_label_and_one_reason() -> None:
    names = {mail.name for mail in built()}
    reasons = samples.load_reasons(SAMPLES)
    assert labelled().keys() == names
    assert reasons.keys() == names
    assert all(reason.endswith(".") for reason in reasons.values())


def test_fraud_and_spam_never_lead_to_anything() -> None:
    labels = labelled()
    hostile = [name for name in labels if re.search("phish|spam", name)]
    assert len(hostile) == 6
    assert not any(labels[name] for name in hostile)


@any_day
def test_both_parsers_of_the_standard_library_read_every_mail_but_the_broken_one_without_a_defect(
    now: datetime,
) -> None:
    for mail in built(now):
        for rules in (policy.default, policy.compat32):
            message = email.message_from_bytes(mail.raw, policy=rules)
            if mail.name == BROKEN:
                assert message.defects
                continue
            assert not [defect for part in message.walk() for defect in part.defects], mail.name
            assert message["Subject"] is not None
            assert len(getaddresses([str(message["From"])])) == 1, mail.name
            assert parsedate_to_datetime(message["Date"]) == mail.received, mail.name


def test_lines_end_one_way_and_headers_are_short() -> None:
    for mail in built():
        assert mail.raw.count(b"\r\n") in (0, mail.raw.count(b"\n")), mail.name
        assert b"\r" not in mail.raw.replace(b"\r\n", b""), mail.name
        if mail.name != BROKEN:
            head = mail.raw.replace(b"\r\n", b"\n").partition(b"\n\n")[0]
            assert all(len(line) < 120 for line in head.split(b"\n")), mail.name


def test_bodies_are_in_the_charset_and_encoding_that_they_claim() -> None:
    seen: set[tuple[str | None, str]] = set()
    for name, message in sound().items():
        for part in message.walk():
            if part.get_content_maintype() != "text":
                continue
            charset = part.get_content_charset()
            seen.add((charset, part["Content-Transfer-Encoding"]))
            if name != "093-unknown-charset":
                text = cast(bytes, part.get_payload(decode=True)).decode(charset or "ascii")
                assert not re.search("[ÃÂ][\\x80-\\xbf]", text), name
    assert seen >= {
        ("utf-8", "base64"),
        ("utf-8", "8bit"),
        ("utf-8", "quoted-printable"),
        ("iso-8859-1", "quoted-printable"),
        ("iso-8859-1", "8bit"),
        ("iso-8859-2", "quoted-printable"),
        ("windows-1252", "quoted-printable"),
        ("iso-2022-jp", "7bit"),
    }


def test_japanese_mail_switches_character_sets_and_stays_seven_bit() -> None:
    raw = next(mail.raw for mail in built() if mail.name == "009-kaze-cover")
    assert raw.isascii()
    assert b"\x1b$B" in raw
    assert "詩集の表紙デザイン" in parsed()["009-kaze-cover"]["Subject"]


def test_flowed_paragraphs_are_broken_softly() -> None:
    body = cast(str, parsed()["005-studio-nove-copertina"].get_payload(decode=False))
    lines = body.splitlines()
    assert max(map(len, lines)) <= 78
    assert any(line.endswith(" ") for line in lines)


def test_the_odd_ones_are_there() -> None:
    mails = parsed()
    assert len(mails["015-visitor-survey"].as_bytes()) > 60_000
    assert text_of(mails["091-scan-only"]).strip() == ""
    assert "\u202e" in str(mails["080-spam-bidi-sender"]["From"])
    assert "\u200b" in str(mails["080-spam-bidi-sender"]["From"])
    assert "⛺" in mails["013-ruben-tent"]["Subject"]
    assert mails["006-de-werf-foto"].get_content_type() == "text/html"
    assert "ignore previous instructions" in text_of(mails["014-contract-clause"])


def test_attached_papers_are_pdfs_whose_table_of_contents_is_where_it_says() -> None:
    papers = [
        cast(bytes, part.get_payload(decode=True))
        for message in sound().values()
        for part in message.walk()
        if part.get_content_type() == "application/pdf"
    ]
    assert len(papers) >= 5
    for paper in papers:
        assert paper.startswith(b"%PDF-")
        assert paper[int(paper.split()[-2]) :].startswith(b"xref")


def test_message_ids_are_unique_and_the_same_on_every_day() -> None:
    ids = {name: message["Message-ID"] for name, message in sound(NOWS[0]).items()}
    assert len(set(ids.values())) == len(ids)
    assert {name: message["Message-ID"] for name, message in sound(NOWS[-1]).items()} == ids


@any_day
def test_answers_follow_a_mail_that_is_in_the_mailbox(now: datetime) -> None:
    by_id = {str(message["Message-ID"]): message for message in sound(now).values()}
    answers = [message for message in sound(now).values() if message["In-Reply-To"]]
    assert len(answers) >= 10
    for answer in answers:
        earlier = by_id[str(answer["In-Reply-To"])]
        assert parsedate_to_datetime(earlier["Date"]) < parsedate_to_datetime(answer["Date"]), answer["Subject"]
        assert set(str(answer["References"]).split()) <= by_id.keys()


@any_day
def test_invitations_say_what_their_labels_say_and_lie_in_the_future(now: datetime) -> None:
    mails = parsed(now)
    invited = [(name, each) for name, each in expected(now, "event") if isinstance(each, samples.ExpectedEvent)]
    for name, label in invited:
        assert label.start > (now.astimezone(BERLIN).date() if label.all_day else now), name
        for calendar in invitations(mails[name]):
            event = calendar.events[0]
            assert event["UID"] == label.uid
            assert event["SUMMARY"] == label.title
            assert event.get("LOCATION") == label.location
            assert label.start == event.DTSTART, name
            assert event.end == label.end, name
            assert ("RRULE" in event) is label.weekly


def test_invitations_come_in_every_method_and_the_moved_one_in_two_versions() -> None:
    calendars = [calendar for message in sound().values() for calendar in invitations(message)]
    methods = Counter(str(calendar["METHOD"]) for calendar in calendars)
    assert methods["REQUEST"] >= 5
    assert methods["CANCEL"] == methods["REPLY"] == 1
    moved = [
        invitations(sound()[name])[0].walk("VEVENT")[0] for name in ("033-invite-review", "034-invite-review-moved")
    ]
    assert moved[0]["UID"] == moved[1]["UID"]
    assert [int(str(event["SEQUENCE"])) for event in moved] == [0, 2]


def test_lines_of_a_calendar_part_are_at_most_75_octets_long() -> None:
    parts = [part for message in sound().values() for part in message.walk() if part.get_content_type() in CALENDARS]
    assert len(parts) >= 8
    for part in parts:
        assert max(map(len, cast(bytes, part.get_payload(decode=True)).splitlines())) <= 75


@any_day
def test_dates_of_the_labels_stand_in_the_mails(now: datetime) -> None:
    mails = sound(now)
    for name, label in expected(now, "event"):
        assert isinstance(label, samples.ExpectedEvent)
        if label.uid is None:
            assert re.search(
                rf"(?<!\d){label.start.day}(?!\d)|{label.start:%d}|{label.start:%A}", text_of(mails[name])
            ), name
    for name, label in expected(now, "task"):
        assert isinstance(label, samples.ExpectedTask)
        text = text_of(mails[name])
        assert label.due > now.astimezone(BERLIN).date()
        assert "due in 14 days" in text or (f"{label.due.year}" in text and f"{label.due.day}" in text), name
        assert re.sub(r"\D", "", str(label.amount)) in re.sub(r"(?<=\d)[.,\s](?=\d)", "", text), name
        assert label.title in str(mails[name]["Subject"]) + text
    for name, label in expected(now, "reply"):
        assert isinstance(label, samples.ExpectedReply)
        if label.deadline:
            words = rf"{label.deadline:%A}|{label.deadline:%d}|\b{label.deadline.day}\b"
            assert label.deadline >= now.astimezone(BERLIN).date()
            assert re.search(words, text_of(mails[name])), name


@any_day
def test_a_weekday_without_a_date_is_less_than_a_week_after_the_mail(now: datetime) -> None:
    received = {mail.name: mail.received.date() for mail in built(now)}
    labels = labelled(now)
    named = {"001-logo-files": "deadline", "011-rowing-supper": "deadline", "015-visitor-survey": "deadline"}
    days = {name: getattr(labels[name][0], field) for name, field in named.items()}
    days["040-coffee-at-the-linde"] = getattr(labels["040-coffee-at-the-linde"][0], "start").date()
    for name, day in days.items():
        assert 0 < (day - received[name]).days < 7, name


@any_day
def test_the_question_of_a_label_is_asked_in_the_mail_itself_and_not_in_a_quote(now: datetime) -> None:
    mails = sound(now)
    for name, label in expected(now, "reply"):
        assert isinstance(label, samples.ExpectedReply)
        assert squeezed(label.asks) in squeezed(without_quotes(text_of(mails[name]))), name


def test_newsletters_carry_the_way_out_that_their_labels_name() -> None:
    mails = parsed()
    for name, label in expected(NOWS[0], "unsubscribe"):
        assert isinstance(label, samples.ExpectedUnsubscribe)
        assert f"<{label.target}>" in mails[name]["List-Unsubscribe"]
        one_click = mails[name]["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert one_click is (label.method == "one_click")


@any_day
def test_nudges_are_for_sent_questions_that_only_machines_have_answered(now: datetime) -> None:
    mails = sound(now)
    folders = {mail.name: mail.folder for mail in built(now)}
    for name, label in expected(now, "nudge"):
        assert isinstance(label, samples.ExpectedNudge)
        assert folders[name] == "Sent"
        assert label.to in str(mails[name]["To"])
        assert label.waiting_days >= 4
        assert "?" in text_of(mails[name])
        answers = [each for each in mails.values() if each["In-Reply-To"] == mails[name]["Message-ID"]]
        assert all(each["Auto-Submitted"] == "auto-replied" for each in answers)


def test_only_reserved_domains_appear_and_sent_mail_is_the_owner_s_own() -> None:
    for mail in built():
        message = email.message_from_bytes(mail.raw, policy=policy.compat32)
        contents = [part.get_payload(decode=True) for part in message.walk()]
        everything = mail.raw + b"\n".join(content for content in contents if isinstance(content, bytes))
        text = everything.decode("latin-1").replace("=\r\n", "").replace("\r\n ", "").replace("=3D", "=")
        hosts = re.findall(r"(?:[\w.+-]@|https?://|\bfrom )([a-z0-9-]+(?:\.[a-z0-9-]+)+)", text)
        assert hosts or mail.name == BROKEN
        assert [host for host in hosts if not RESERVED.search(host)] == [], mail.name
        if mail.folder == "Sent":
            assert getaddresses([message["From"]]) == [("Alex Morgan", "alex@example.org")]


def test_the_same_day_gives_the_same_bytes_and_another_owner_gets_their_own_address() -> None:
    assert samples.build_mailbox(SAMPLES, NOWS[1]) == samples.build_mailbox(SAMPLES, NOWS[1])
    raws = [mail.raw for mail in samples.build_mailbox(SAMPLES, NOWS[1], owner="robin@example.net")]
    assert not any(b"alex@example.org" in raw for raw in raws)
    assert sum(b"robin@example.net" in raw for raw in raws) > 80
