"""Uploads as people have them, and as enemies make them."""

import io
import stat
import zipfile
from pathlib import Path
from random import Random

import pytest

from core.connectors.ports import Item, Page, Problem
from core.kernel.errors import Invalid, Unavailable
from runners.connectors import connect
from tests.contract.connectors.rigs import mail, place

FROM = b"From erika@example.net Sun Nov 22 08:00:00 2026\n"


def read(folder: Path, name: str, content: bytes, limit: int = 100) -> tuple[list[Item], list[Problem]]:
    """Everything of one upload, page by page."""
    (folder / name).write_bytes(content)
    items: list[Item] = []
    problems: list[Problem] = []
    page = Page((), {}, True)
    with connect("mailfile", {"file": name}, {}, place(folder)) as client:
        while page.more:
            page = client.read("mail", page.cursor, limit)
            items += page.items
            problems += page.problems
    assert len({i.id for i in items}) == len(items)
    return items, problems


def packed(*entries: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return buffer.getvalue()


def test_a_single_mail_is_read_with_its_own_date(tmp_path: Path) -> None:
    [item], problems = read(tmp_path, "one.eml", mail("one"))
    assert (item.id, item.raw, problems) == ("one.eml", mail("one"), [])
    assert item.received_at is not None
    assert item.received_at.isoformat() == "2026-11-22T08:00:00+00:00"


@pytest.mark.parametrize("limit", [1, 2, 100])
def test_an_mbox_is_read_mail_by_mail_whatever_the_page(tmp_path: Path, limit: int) -> None:
    body = b"Subject: a\n\n>From the start\nFrom here at 10:15 on 3 May 2026, no blank line before\n\nFrom now on\n"
    box = (
        FROM
        + body
        + b"\n"
        + FROM.replace(b"\n", b"\r\n")
        + mail("b")
        + b"\r\n"
        + b"From - Sun Nov 22 09:00:00 2026\n"
        + mail("c")
    )
    items, problems = read(tmp_path, "all.mbox", box, limit)
    assert problems == []
    assert [item.raw for item in items] == [
        body.replace(b">From the", b"From the") + b"\n",
        mail("b") + b"\r\n",
        mail("c"),
    ]


def test_a_zip_may_hold_mails_boxes_and_maildirs(tmp_path: Path) -> None:
    content = packed(
        ("Takeout/Mail/All mail.mbox", FROM + mail("in a box")),
        ("Inbox", FROM + mail("without suffix")),
        ("Sent.mbox", FROM + mail("sent")),
        ("Maildir/cur/17.host:2,S", mail("in a maildir")),
        ("one.eml", mail("alone")),
        ("__MACOSX/._one.eml", b"junk"),
        (".DS_Store", b"junk"),
    )
    items, problems = read(tmp_path, "mail.zip", content)
    assert [(i.raw.split(b"Subject: ")[1].splitlines()[0].decode(), i.meta["folder"]) for i in items] == [
        ("in a box", "INBOX"),
        ("without suffix", "INBOX"),
        ("sent", "Sent"),
        ("in a maildir", "INBOX"),
        ("alone", "INBOX"),
    ]
    assert problems == []


def test_entries_that_reach_outside_are_reported_and_nothing_is_unpacked(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("link.eml")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    names = ["../up.eml", "/etc/cron.d/x.eml", "a/../../b.eml", "..\\windows.eml", "C:\\x.eml"]
    content = packed(*((name, mail("evil")) for name in names), (link, b"/etc/passwd"), ("good.eml", mail("good")))
    before = set(tmp_path.parent.rglob("*"))
    items, problems = read(tmp_path, "mail.zip", content)
    assert [b"good" in i.raw for i in items] == [True]
    assert [p.data["reason"] for p in problems] == ["path"] * 5 + ["link"]
    assert {p.name for p in set(tmp_path.parent.rglob("*")) - before} == {"mail.zip"}


def test_locked_nested_and_strange_entries_are_reported_and_the_rest_is_read(tmp_path: Path) -> None:
    content = bytearray(
        packed(("locked.eml", mail("locked")), ("good.eml", mail("good")), ("in.zip", b"PK"), ("a.pst", b"x"))
    )
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(mark) + at] |= 1
    items, problems = read(tmp_path, "mail.zip", bytes(content))
    assert [b"good" in i.raw for i in items] == [True]
    assert [(p.item_id, p.data["reason"]) for p in problems] == [
        ("locked.eml", "encrypted"),
        ("in.zip", "kind"),
        ("a.pst", "kind"),
    ]
    _, problems = read(tmp_path, "lzma.zip", packed(("a.eml", mail("a")), method=zipfile.ZIP_LZMA))
    assert [p.data["reason"] for p in problems] == ["compression"]


def test_a_damaged_entry_is_a_problem_and_the_rest_is_read(tmp_path: Path) -> None:
    content = packed(("bad.mbox", FROM + mail("bad")), ("good.eml", mail("good")), method=zipfile.ZIP_STORED)
    items, problems = read(tmp_path, "mail.zip", content.replace(b"Subject: bad", b"Subject: BAD"))
    assert [b"good" in i.raw for i in items] == [True]
    assert [(p.item_id, p.code) for p in problems] == [("bad.mbox", "connectors.archive_entry_broken")]


def test_a_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runners.connectors.mailfile.archive.TOTAL_LIMIT", 50 * 1024 * 1024)
    huge = b"\0" * (12 * 1024 * 1024)
    items, problems = read(
        tmp_path, "bomb.zip", packed(*((f"{n}.eml", huge) for n in range(6)), ("good.eml", mail("good")))
    )
    assert [b"good" in i.raw for i in items] == [True]
    assert {p.code for p in problems[:4]} == {"connectors.mail_too_large"}
    assert [p.data.get("reason") for p in problems[4:]] == ["too_large"] * 2


def test_a_million_entries_are_not_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runners.connectors.mailfile.archive.ENTRY_LIMIT", 50)
    items, problems = read(tmp_path, "many.zip", packed(*((f"{n}.eml", mail(str(n))) for n in range(60))))
    assert (len(items), [p.data["reason"] for p in problems]) == (50, ["too_many"])


@pytest.mark.parametrize("name", ["all.mbox", "mail.zip", "one.eml"])
@pytest.mark.parametrize("content", [b"", b"\0" * 1000, b"PK\x03\x04 no zip", b"From ", b"hello", b"\xff\xfe\x00\x01"])
def test_a_file_that_is_none_is_one_problem(tmp_path: Path, name: str, content: bytes) -> None:
    items, problems = read(tmp_path, name, content)
    assert (items, len(problems)) == ([], 1)


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("broken.zip", b"PK\x03\x04 not really a zip", "connectors.archive_broken"),
        ("noise.eml", b"\0\1\2" * 500, "connectors.mail_broken"),
        ("outside.zip", packed(("../out.eml", mail("out"))), "connectors.archive_entry_skipped"),
    ],
)
def test_the_check_of_a_file_that_cannot_be_read_says_why(tmp_path: Path, name: str, content: bytes, code: str) -> None:
    (tmp_path / name).write_bytes(content)
    with connect("mailfile", {"file": name}, {}, place(tmp_path)) as client, pytest.raises(Invalid) as wrong:
        client.check()
    assert wrong.value.code == code


def test_the_check_of_a_file_with_one_good_mail_among_broken_entries_is_well(tmp_path: Path) -> None:
    (tmp_path / "mixed.zip").write_bytes(packed(("../out.eml", mail("out")), ("in.eml", mail("in"))))
    with connect("mailfile", {"file": "mixed.zip"}, {}, place(tmp_path)) as client:
        assert client.check().permissions == ("read", "write")


def test_damaged_archives_never_raise(tmp_path: Path) -> None:
    random = Random(17)
    whole = packed(("a.mbox", (FROM + mail("a")) * 20), ("b.eml", mail("b")), ("c", FROM + mail("c")))
    for number in range(60):
        damaged = bytearray(whole)
        for _ in range(random.randint(1, 8)):
            damaged[random.randrange(len(damaged))] = random.randrange(256)
        read(tmp_path, f"{number}.zip", bytes(damaged[: random.choice((None, random.randrange(len(whole))))]), 7)


def test_a_mail_larger_than_the_limit_is_passed_over_in_a_box(tmp_path: Path) -> None:
    box = FROM + mail("huge") + b"x" * 11 * 1024 * 1024 + b"\n\n" + FROM + mail("good")
    items, problems = read(tmp_path, "all.mbox", box)
    assert [b"good" in i.raw for i in items] == [True]
    assert [p.code for p in problems] == ["connectors.mail_too_large"]


@pytest.mark.parametrize(("file", "error"), [("../secret.eml", Invalid), ("missing.eml", Unavailable)])
def test_a_path_outside_or_missing_is_refused(tmp_path: Path, file: str, error: type[Exception]) -> None:
    (tmp_path / "secret.eml").write_bytes(mail("secret"))
    own = tmp_path / "own"
    own.mkdir()
    (own / "link.eml").symlink_to(tmp_path / "secret.eml")
    for path, expected in ((file, error), ("link.eml", Invalid)):
        with pytest.raises(expected), connect("mailfile", {"file": path}, {}, place(own)):
            pass
