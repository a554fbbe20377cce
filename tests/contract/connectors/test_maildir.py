"""A Maildir that other programs use at the same time."""

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from core.connectors.ports import EffectFailed
from core.kernel.errors import Invalid, Unavailable
from runners.connectors import connect
from tests.contract.connectors.rigs import NOW, REPLY, MaildirRig, mail, place


@pytest.fixture
def rig(tmp_path: Path) -> MaildirRig:
    """An empty Maildir."""
    return MaildirRig(tmp_path)


def test_a_mail_that_was_opened_meanwhile_is_not_new(rig: MaildirRig) -> None:
    rig.arrive("one")
    with rig.open() as client:
        cursor = client.read("mail", None, 5).cursor
        [file] = (rig.root / "new").iterdir()
        file.rename(rig.root / "cur" / f"{file.name}:2,S")
        assert client.read("mail", cursor, 5).items == ()
        (rig.root / "cur" / f"{file.name}:2,S").rename(rig.root / "cur" / f"{file.name}:2,FRS")
        assert client.read("mail", cursor, 5).items == ()
        [item] = client.read("mail", None, 5).items
    assert item.meta == {"folder": "INBOX", "flags": ["\\Flagged", "\\Answered", "\\Seen"]}


def test_a_mail_that_arrives_with_an_older_time_is_not_missed(rig: MaildirRig) -> None:
    rig.arrive("new")
    with rig.open() as client:
        cursor = client.read("mail", None, 5).cursor
        rig.arrive("late")
        late = next(p for p in (rig.root / "new").iterdir() if b"late" in p.read_bytes())
        _date(late, NOW - timedelta(days=3))
        [item] = client.read("mail", cursor, 5).items
    assert item.received_at == NOW - timedelta(days=3)


def test_old_mail_is_not_read_but_what_came_while_nobody_read_is(rig: MaildirRig) -> None:
    rig.arrive("ancient")
    [ancient] = (rig.root / "new").iterdir()
    _date(ancient, NOW - timedelta(days=90))
    with rig.open() as client:
        page = client.read("mail", None, 5)
    assert page.items == ()
    rig.arrive("while away")
    with rig.open(NOW + timedelta(days=200)) as client:
        assert [b"while away" in i.raw for i in client.read("mail", page.cursor, 5).items] == [True]


def test_the_oldest_is_read_first_and_sent_mail_before_the_inbox(rig: MaildirRig) -> None:
    rig.arrive("b", "a")
    for age, file in enumerate(sorted((rig.root / "new").iterdir(), key=lambda p: p.read_bytes())):
        _date(file, NOW - timedelta(hours=age))
    with rig.open() as client:
        client.perform("mail.send", "key-1", REPLY)
        subjects = [item.raw.split(b"Subject: ")[1][:2] for item in client.read("mail", None, 5).items]
    assert subjects == [b"Re", b"b\r", b"a\r"]


@pytest.mark.parametrize("names", [("Sent",), ("INBOX", "Sent"), (".Sent Items",)])
def test_the_folders_of_other_layouts_are_found(tmp_path: Path, names: tuple[str, ...]) -> None:
    for name in names if "INBOX" in names else ("", *names):
        for part in ("cur", "new", "tmp"):
            (tmp_path / "box" / name / part).mkdir(parents=True, exist_ok=True)
    with connect("maildir", {"folder": str(tmp_path / "box")}, {}, place(tmp_path / "own")) as client:
        client.perform("mail.send", "key-1", REPLY)
    assert len(list((tmp_path / "box" / names[-1] / "cur").iterdir())) == 1


def test_eight_workers_with_one_key_file_one_mail(rig: MaildirRig) -> None:
    def send(_: int) -> str:
        with rig.open() as client:
            return client.perform("mail.send", "key-1", REPLY).external_ref

    with ThreadPoolExecutor(8) as workers:
        assert len(set(workers.map(send, range(32)))) == 1
    assert len(rig.effects("mail.send")) == 1
    assert list((rig.root / ".Sent" / "tmp").iterdir()) == []


def test_a_sent_mail_that_was_flagged_meanwhile_is_found_and_not_doubled(rig: MaildirRig) -> None:
    with rig.open() as client:
        receipt = client.perform("mail.send", "key-1", REPLY)
        [file] = (rig.root / ".Sent" / "cur").iterdir()
        file.rename(file.with_name(file.name.replace(":2,S", ":2,FS")))
        assert client.perform("mail.send", "key-1", REPLY) == receipt == client.find("mail.send", "key-1", REPLY)
    assert len(rig.effects("mail.send")) == 1


def test_a_folder_that_cannot_be_written_is_a_failure_that_may_pass(rig: MaildirRig) -> None:
    (rig.root / ".Sent").write_bytes(b"a file stands in the way")
    with rig.open() as client, pytest.raises(EffectFailed) as failed:
        client.perform("mail.send", "key-1", REPLY)
    assert (failed.value.code, failed.value.lasting) == ("connectors.folder_unwritable", False)


def test_names_of_any_bytes_are_read(rig: MaildirRig) -> None:
    with open(os.fsencode(rig.root / "new") + b"/caf\xe9\n\xff", "wb") as file:
        file.write(mail("odd"))
    with rig.open() as client:
        page = client.read("mail", None, 5)
        assert client.read("mail", page.cursor, 5).items == ()
    page.items[0].id.encode("utf-8")


@pytest.mark.parametrize(("folder", "error"), [("/nowhere/at/all", Unavailable), ("Maildir", Invalid)])
def test_a_path_that_is_no_maildir_is_refused(rig: MaildirRig, folder: str, error: type[Exception]) -> None:
    rig.config["folder"] = folder
    with pytest.raises(error), rig.open():
        pass


def _date(file: Path, moment: datetime) -> None:
    os.utime(file, (moment.timestamp(), moment.timestamp()))
