"""Bytes become text: charsets, encodings, HTML, broken mails. Nothing that a mail contains may raise."""

import time
from datetime import UTC, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.catalog.kinds import BUILT_IN
from core.catalog.samples import build_mailbox
from runners.mail.charsets import decoded, header
from runners.mail.clean import cleaned, line, quote
from runners.mail.facts import MailFacts, MailRef
from runners.mail.flowed import unflowed
from runners.mail.markup import page
from runners.mail.message import take_apart
from runners.mail.understand import Owner, understand

NOW = datetime(2026, 11, 25, 8, 0, tzinfo=UTC)
OWNER = Owner(("sam@home.example",), "Sam Field", "en", ZoneInfo("Europe/Berlin"))
SAMPLES = [mail.raw for mail in build_mailbox(BUILT_IN / "inbox" / "samples", NOW)]


def facts(raw: bytes) -> MailFacts:
    return understand(raw, MailRef(connection_id=UUID(int=1), id="x", blob="b" * 64, received_at=NOW), OWNER, NOW)[0]


@pytest.mark.parametrize(
    ("content", "charset", "text"),
    [
        ("Grüße".encode(), "utf-8", "Grüße"),
        ("Grüße".encode("latin-1"), "iso-8859-1", "Grüße"),
        ("“Grüße” – €".encode("cp1252"), "iso-8859-1", "“Grüße” – €"),
        ("Grüße".encode(), "us-ascii", "Grüße"),
        ("Grüße".encode("latin-1"), "utf-8", "Grüße"),
        ("zażółć".encode("iso-8859-2"), "ISO-8859-2", "zażółć"),
        ("こんにちは".encode("iso-2022-jp"), "iso-2022-jp", "こんにちは"),
        ("こんにちは".encode("iso-2022-jp"), None, "こんにちは"),
        ("①髙".encode("cp932"), "shift_jis", "①髙"),
        ("你好".encode("gb18030"), "gb2312", "你好"),
        ("Привет".encode("koi8-r"), "koi8-r", "Привет"),
        (b"plain", "x-unknown-charset", "plain"),
        ("Grüße".encode(), "x-unknown-charset", "Grüße"),
        (b"\xff\xfe\x81", "utf-8", "ÿþ\ufffd"),
        (b"plain", "rot13", "plain"),
        (b"plain", "hex", "plain"),
    ],
)
def test_bytes_are_read_in_whatever_charset_they_are_said_to_be(content: bytes, charset: str | None, text: str):
    assert decoded(content, charset) == text


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("=?utf-8?Q?Gr=C3=BC=C3=9Fe?=", "Grüße"),
        ("=?utf-8?B?R3LDvMOfZQ==?= =?utf-8?Q?_an_alle?=", "Grüße an alle"),
        ("=?utf-8?Q?Gr=C3?= =?utf-8?Q?=BC=C3=9Fe?=", "Grüße"),
        ("=?iso-2022-jp?B?GyRCJDMkcyRLJEEkTxsoQg==?=", "こんにちは"),
        ("=?utf-8?B?broken!?=", "=?utf-8?B?broken!?="),
        ("=?x-none?Q?Hi?=", "Hi"),
        ("plain", "plain"),
        ("Gr\udcc3\udcbc\udcc3\udc9fe", "Grüße"),
        ("=?utf-8*de?Q?Hallo?=", "Hallo"),
    ],
)
def test_headers_are_decoded(raw: str, text: str):
    assert header(raw) in (text, raw if text == raw else text)


def test_shown_text_has_no_tricks():
    assert cleaned("a\u202eb\u200bc\u2066d\ufeffe\u00adf") == "abcdef"
    assert cleaned("a\x00b\ud800c\r\nd\u2028e") == "a\ufffdb\ufffdc\nd\ne"
    assert cleaned("👩\u200d💻 a\u200db") == "👩\u200d💻 ab"
    assert len(cleaned("e" + "\u0301" * 50)) <= 5
    assert line("a\n b\t c", 100) == "a b c"
    assert quote("word " * 100, 20) == "word word word…"


def test_flowed_text_is_joined_and_quotes_stay():
    assert unflowed("This is \none line.\n> a \n> b\n>> c\n") == "This is one line.\n> a b\n>> c\n"
    assert unflowed("a \n b\n-- \nSam\n") == "a b\n-- \nSam\n"
    assert unflowed("日本 \n語", joined=True) == "日本語"


def test_html_is_read_as_it_is_seen():
    seen = page(
        '<html lang="de"><head><style>p{}</style><title>t</title></head><body><p>Hallo <b>Sam</b>,</p>'
        '<div style="display:none">hidden</div><div>Zeile<br>zwei</div><table><tr><td>A</td><td>1</td></tr></table>'
        '<a href="https://a.example/x">Seite</a><blockquote>alt</blockquote><script>x()</script><!-- c --></body></html>'
    )
    assert seen.text == "Hallo Sam,\n\nZeile\nzwei\n\nA 1\n\nSeite\n\n> alt"
    assert [(each.text, each.href) for each in seen.links] == [("Seite", "https://a.example/x")]
    assert seen.language == "de"


def test_deeply_nested_html_is_no_trap():
    began = time.monotonic()
    assert "deep" in page("<div>" * 20_000 + "deep").text
    assert "deep" in page("<blockquote>" * 5_000 + "deep").text
    assert time.monotonic() - began < 10


def test_plain_text_wins_unless_it_only_points_to_the_html():
    both = (
        b"Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n%s\r\n"
        b"--b\r\nContent-Type: text/html\r\n\r\n<p>%s</p>\r\n--b--\r\n"
    )
    assert take_apart(both % (b"the text", b"the page")).text == "the text"
    assert take_apart(both % (b"See HTML", b"the page " * 50)).text.startswith("the page")
    assert take_apart(both % (b"", b"the page")).text == "the page"


def test_broken_base64_gives_what_is_there():
    letter = take_apart(b"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\nSGVsbG8g*&^d29ybGQ\r\n")
    assert letter.text.startswith("Hello")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\r\n",
        b"no header at all",
        b"From: \r\nTo: ,,,\r\nDate: yesterday\r\nMessage-ID: none\r\n\r\nHi",
        b"From: a@b.example\r\nSubject: =?utf-8?B?" + b"A" * 5000 + b"\r\n\r\n",
        b"Content-Type: multipart/mixed\r\n\r\nno boundary",
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n--x\r\n--x",
        b"Content-Type: text/plain; charset=\"\r\n\r\nHi",
        b"Content-Type: text/plain; charset*=utf-8''utf-8\r\n\r\nHi",
        b"Content-Transfer-Encoding: quoted-printable\r\n\r\n=ZZ=3D=",
        b"Content-Type: text/calendar\r\n\r\nBEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:nonsense\nEND",
        b"Content-Type: text/calendar\r\n\r\nBEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTART:20261203T100000Z\r\nRRULE:FREQ=SECONDLY;COUNT=999999999\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
        b"Date: Mon, 99 Foo 99999 99:99:99 +9999\r\n\r\nHi",
        b"Date: Thu, 01 Jan 0001 00:00:00 +0000\r\n\r\nHi",
        b"From: " + b"(" * 3000 + b"\r\n\r\nHi",
        b"From: " + b"a@b.example, " * 5000 + b"\r\n\r\nHi",
        b"Content-Type: message/rfc822\r\n\r\n" * 300,
        b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (i, i) for i in range(1500)),
        b"X: y\r\n" * 20_000 + b"\r\nHi",
        b"References: " + b"<a@b> " * 5000 + b"\r\n\r\nHi",
        b"List-Unsubscribe: <mailto:%ff%00@[>, <https://[::1>\r\n\r\nHi",
        b"Reply-To: \"\xff\xfe\" <x@\xc3\xa9.example>\r\nFrom: =?x?Q?=00=0A?= <a@b.example>\r\n\r\n\x00\x01",
    ],
)  # fmt: skip
def test_whatever_arrives_it_is_read(raw: bytes):
    MailFacts.model_validate_json(facts(raw).model_dump_json())


SLOW = {
    "wrote": "On " + "x " * 8000 + "\n" + "Am 3. schrieb " * 2000,
    "one-line": "a" * 200_000,
    "questions": "Really? " * 8000,
    "dates": "Friday 3 December 2026 at 15:00 " * 2000,
    "numbers": "1 " * 20_000 + "1.234,56 € " * 2000,
    "headers": "From: a\n" * 5000,
    "spaces": " " * 30_000 + "x",
    "newlines": "\n" * 30_000 + "x",
    "dashes": "-" * 30_000,
    "colons": ("x" * 290 + ":\n") * 500,
    "phrases": "please pay " * 5000,
    "quotes": "> " * 15_000 + "\n" + ">" * 15_000,
    "iban": "DE89 3704 0044 " * 2000,
    "addresses": "a@b.example " * 3000,
}


@pytest.mark.parametrize("text", SLOW.values(), ids=SLOW.keys())
@pytest.mark.parametrize("kind", ["plain", "html"])
def test_no_text_takes_long(text: str, kind: str):
    began = time.process_time()
    facts(
        f"From: a@b.example\r\nTo: sam@home.example\r\nSubject: Invoice due\r\nContent-Type: text/{kind}\r\n\r\n{text}".encode()
    )
    assert time.process_time() - began < 3


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(max_size=2000))
def test_random_bytes_are_read(raw: bytes):
    MailFacts.model_validate_json(facts(raw).model_dump_json())


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(SAMPLES),
    st.lists(st.tuples(st.floats(0, 1), st.binary(max_size=8), st.integers(0, 40)), max_size=12),
)
def test_mutated_mails_are_read(raw: bytes, changes: list[tuple[float, bytes, int]]):
    mutated = bytearray(raw[:20_000])
    for where, inserted, dropped in changes:
        place = int(where * len(mutated))
        mutated[place : place + dropped] = inserted
    MailFacts.model_validate_json(facts(bytes(mutated)).model_dump_json())


@settings(max_examples=60)
@given(st.text(max_size=600))
def test_any_text_is_read(text: str):
    raw = b"From: Anna <a@b.example>\r\nTo: sam@home.example\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
    got = facts(raw + text.encode("utf-8", "surrogatepass"))
    assert not any("\u202a" <= char <= "\u202e" or char == "\x00" for q in got.questions for char in q.quote)
