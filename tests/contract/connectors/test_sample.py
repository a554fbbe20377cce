"""The sample mailbox is a world of its own."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

from runners.connectors import connect, manifest
from tests.contract.connectors.rigs import NOW, REPLY, SampleRig


def test_it_is_made_once_with_fresh_dates_and_both_folders(tmp_path: Path) -> None:
    rig = SampleRig(tmp_path)
    with rig.open() as client:
        first = client.read("mail", None, 500)
        assert client.check().account == "alex@example.org"
    with rig.open(NOW + timedelta(days=30)) as client:
        assert client.read("mail", None, 500).items == first.items
    assert len(first.items) >= 40
    assert {item.meta["folder"] for item in first.items} == {"INBOX", "Sent"}
    assert max(item.received_at for item in first.items if item.received_at) <= NOW
    assert any("\\Seen" in item.meta["flags"] for item in first.items)
    assert manifest("sample").sample


def test_workers_that_open_it_at_the_same_time_see_the_same_mailbox(tmp_path: Path) -> None:
    rig = SampleRig(tmp_path)

    def count(_: int) -> int:
        with rig.open() as client:
            return len(client.read("mail", None, 500).items)

    with ThreadPoolExecutor(4) as workers:
        assert len(set(workers.map(count, range(4)))) == 1
    assert [p.name for p in rig.place.folder.iterdir()] == ["mailbox"]


def test_nothing_leaves_it(tmp_path: Path) -> None:
    rig = SampleRig(tmp_path)
    leave = {"list_name": "A list", "one_click": "https://lists.example/leave?token=17"}
    with connect("sample", {}, {}, rig.place) as client:
        assert client.find("mail.unsubscribe", "key-1", leave) == "absent"
        receipt = client.perform("mail.unsubscribe", "key-1", leave)
        assert client.find("mail.unsubscribe", "key-1", leave) == receipt
        client.perform("mail.send", "key-2", REPLY)
    [record] = rig.effects("mail.unsubscribe")
    assert b"token=17" in record
    assert {p.name for p in tmp_path.iterdir()} == {"own"}
