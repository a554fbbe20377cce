"""Events as other calendar programs read and write them."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import date, datetime
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import icalendar
import pytest

from core.connectors.inverse import inverse_of
from core.connectors.ports import EffectFailed
from runners.connectors import connect
from tests.contract.connectors.rigs import EVENT, CalendarFolderRig, place

INVITATION = EVENT | {"uid": "meeting-7@example.net", "organizer": "erika@example.net", "sequence": 2}


@pytest.fixture
def rig(tmp_path: Path) -> CalendarFolderRig:
    """An empty calendar."""
    return CalendarFolderRig(tmp_path)


def create(rig: CalendarFolderRig, key: str, **changes: Any) -> Any:
    """Creates an event, and reads its file with a parser."""
    with rig.open() as client:
        receipt = client.perform("calendar.create", key, EVENT | changes)
    return stored(rig)[receipt.external_ref]


def stored(rig: CalendarFolderRig) -> dict[str, Any]:
    """All events of the folder by UID."""
    files: list[Any] = [icalendar.Calendar.from_ical(p.read_bytes()) for p in rig.root.glob("*.ics")]
    return {str(e["UID"]): e for calendar in files for e in calendar.walk("VEVENT")}


def test_an_event_has_what_the_standard_asks_for(rig: CalendarFolderRig) -> None:
    event = create(rig, "key-1", organizer="erika@example.net", description="Zeile 1\nZeile 2; mit, Zeichen")
    berlin = ZoneInfo("Europe/Berlin")
    assert event["DTSTART"].dt == datetime(2026, 12, 1, 10, tzinfo=berlin)
    assert event["DTEND"].dt == datetime(2026, 12, 1, 10, 30, tzinfo=berlin)
    assert event["DTSTART"].params["TZID"] == "Europe/Berlin"
    assert str(event["ORGANIZER"]) == "mailto:erika@example.net"
    assert str(event["DESCRIPTION"]) == "Zeile 1\nZeile 2; mit, Zeichen"
    assert (int(event["SEQUENCE"]), event["DTSTAMP"].dt.utcoffset().total_seconds()) == (0, 0)
    [file] = rig.root.glob("*.ics")
    raw = file.read_bytes()
    assert file.name == f"{event['UID']}.ics"
    assert b"BEGIN:VTIMEZONE\r\nTZID:Europe/Berlin" in raw
    assert b"METHOD" not in raw
    assert all(len(line) <= 75 for line in raw.split(b"\r\n"))


def test_a_time_in_utc_and_a_whole_day_need_no_timezone(rig: CalendarFolderRig) -> None:
    event = create(rig, "key-1", timezone="UTC")
    assert event["DTSTART"].to_ical() == b"20261201T090000Z"
    event = create(rig, "key-2", start="2026-12-24", end="2026-12-27")
    assert (event["DTSTART"].dt, event["DTEND"].dt) == (date(2026, 12, 24), date(2026, 12, 27))
    assert not any(b"VTIMEZONE" in raw for raw in rig.effects("calendar.create"))


def test_a_series_keeps_its_rule_and_its_own_clock(rig: CalendarFolderRig) -> None:
    event = create(rig, "key-1", recurrence="FREQ=WEEKLY;BYDAY=TU;UNTIL=20270401T080000Z")
    assert event["RRULE"].to_ical() == b"FREQ=WEEKLY;UNTIL=20270401T080000Z;BYDAY=TU"
    assert event["DTSTART"].to_ical() == b"20261201T100000"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"end": EVENT["start"]}, "end"),
        ({"end": "2026-12-02"}, "end"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"timezone": "../../etc/passwd"}, "timezone"),
        ({"recurrence": "FREQ=SOMETIMES"}, "recurrence"),
        ({"recurrence": "COUNT=3"}, "recurrence"),
    ],
)
def test_an_event_that_makes_no_sense_is_not_written(
    rig: CalendarFolderRig, changes: dict[str, Any], field: str
) -> None:
    with rig.open() as client, pytest.raises(EffectFailed) as failed:
        client.perform("calendar.create", "key-1", EVENT | changes)
    named = failed.value.data.get("fields") or [failed.value.data["field"]]
    assert (named, failed.value.lasting) == ([field], True)
    assert rig.effects("calendar.create") == []


def test_text_from_outside_cannot_become_a_property(rig: CalendarFolderRig) -> None:
    event = create(rig, "key-1", description="a\r\nATTACH:file:///etc/passwd\nEND:VEVENT", location="b\x0bX-A:1\x85")
    assert "ATTACH" not in event
    assert len(stored(rig)) == 1


def test_a_newer_invitation_replaces_an_older_one_and_never_the_other_way(rig: CalendarFolderRig) -> None:
    with rig.open() as client:
        for key, changes in (("a", {}), ("b", {"sequence": 3, "title": "Moved"})):
            assert client.perform("calendar.create", key, INVITATION | changes).external_ref == INVITATION["uid"]
        with pytest.raises(EffectFailed) as old:
            client.perform("calendar.create", "c", INVITATION | {"sequence": 1})
    assert (old.value.code, old.value.lasting) == ("connectors.event_outdated", True)
    [event] = stored(rig).values()
    assert (str(event["SUMMARY"]), int(event["SEQUENCE"])) == ("Moved", 3)


def test_an_invitation_that_another_program_filed_is_not_doubled(rig: CalendarFolderRig) -> None:
    with rig.open() as client:
        client.perform("calendar.create", "a", INVITATION)
        [file] = rig.root.glob("*.ics")
        file.rename(rig.root / "as another program names it.ics")
        assert client.find("calendar.create", "b", INVITATION) != "absent"
        client.perform("calendar.create", "b", INVITATION)
        assert len(list(rig.root.glob("*.ics"))) == 1
        client.perform("calendar.create", "c", INVITATION | {"sequence": 9})
    assert [p.name for p in rig.root.glob("*.ics")] == ["as another program names it.ics"]


def test_a_file_with_other_events_is_never_overwritten(rig: CalendarFolderRig) -> None:
    rig.arrive("theirs")
    with rig.open() as client:
        client.perform("calendar.create", "a", INVITATION)
        mine = (rig.root / f"{INVITATION['uid']}.ics").read_text()
        event = mine[mine.index("BEGIN:VEVENT") : mine.index("END:VCALENDAR")]
        shared = (rig.root / "theirs.ics").read_text().replace("END:VCALENDAR", f"{event}END:VCALENDAR")
        (rig.root / "theirs.ics").write_text(shared)
        (rig.root / f"{INVITATION['uid']}.ics").unlink()
        with pytest.raises(EffectFailed) as failed:
            client.perform("calendar.create", "b", INVITATION | {"sequence": 9})
    assert failed.value.code == "connectors.event_file_shared"
    assert (rig.root / "theirs.ics").read_text() == shared


@pytest.mark.parametrize("uid", ["../../escape", "a/b", ".hidden", "x" * 900, "UPPER lower ß 東", ".."])
def test_no_uid_leads_out_of_the_folder(rig: CalendarFolderRig, uid: str) -> None:
    with rig.open() as client:
        assert client.perform("calendar.create", "a", INVITATION | {"uid": uid}).external_ref == uid
        assert client.find("calendar.create", "a", INVITATION | {"uid": uid}) != "absent"
        client.perform("calendar.create", "a", INVITATION | {"uid": uid})
    assert len(list(rig.root.glob("*.ics"))) == 1
    assert sorted(p.name for p in rig.root.parent.iterdir()) == ["calendar"]


def test_eight_workers_leave_the_newest_invitation(rig: CalendarFolderRig) -> None:
    def invite(sequence: int) -> None:
        with rig.open() as client:
            with suppress(EffectFailed):  # outdated by another
                client.perform("calendar.create", f"key-{sequence}", INVITATION | {"sequence": sequence})

    with ThreadPoolExecutor(8) as workers:
        list(workers.map(invite, [5, 11, 3, 8, 1, 9, 2, 10]))
    [event] = stored(rig).values()
    assert int(event["SEQUENCE"]) == 11


def test_a_changed_event_is_read_again_and_a_file_of_many_page_by_page(rig: CalendarFolderRig) -> None:
    rig.arrive("one")
    one = (rig.root / "one.ics").read_text()
    event = one[one.index("BEGIN:VEVENT") : one.index("END:VCALENDAR")]
    many = "".join(event.replace("UID:one", f"UID:{n}") for n in range(7))
    (rig.root / "many.ics").write_text(one.replace(event, many))
    (rig.root / "one.ics").unlink()
    seen: list[str] = []
    with rig.open() as client:
        page = client.read("calendar", None, 3)
        while page.items:
            seen += [item.id for item in page.items]
            assert all(item.raw.count(b"BEGIN:VEVENT") == 1 for item in page.items)
            page = client.read("calendar", page.cursor, 3)
        assert seen == [f"{n}@example.net" for n in range(7)]
        (rig.root / "many.ics").write_text(one)
        assert [item.id for item in client.read("calendar", page.cursor, 3).items] == ["one@example.net"]


def test_damaged_calendars_never_raise(rig: CalendarFolderRig) -> None:
    random = Random(17)
    with rig.open() as client:
        for number in range(3):
            client.perform("calendar.create", f"key-{number}", EVENT | {"recurrence": "FREQ=DAILY;COUNT=3"})
        whole = b"".join(rig.effects("calendar.create"))
        strange = [
            b"BEGIN:VEVENT\r\n" * 300,
            b"END:VEVENT\r\n",
            b"UID:\r\n",
            b"DTSTART:99999999T999999Z\r\n",
            b"SEQUENCE:x\r\n",
        ]
        for _ in range(60):
            damaged = bytearray(whole)
            for _ in range(random.randint(1, 6)):
                at = random.randrange(len(damaged))
                line = damaged.find(b"\r\n", at) + 2
                damaged[line:line] = random.choice(strange)
                damaged[at] = random.randrange(256)
            (rig.root / "damaged.ics").write_bytes(damaged)
            client.read("calendar", None, 50)
            client.find("calendar.create", "key-9", EVENT)


def test_without_a_folder_the_calendar_is_one_of_its_own(tmp_path: Path) -> None:
    with connect("calendar_folder", {}, {}, place(tmp_path / "own")) as client:
        client.perform("calendar.create", "key-1", EVENT)
        assert len(client.read("calendar", None, 5).items) == 1
    assert len(list((tmp_path / "own" / "calendar").glob("*.ics"))) == 1


def _inverse(key: str, uid: str, **changes: Any) -> dict[str, Any]:
    given = inverse_of("calendar_folder", "calendar.create", EVENT | changes, key, uid, {})
    assert given is not None
    assert given[0] == "calendar.delete"
    return given[1]


def test_an_event_that_we_made_is_deleted_again_once_and_no_other(rig: CalendarFolderRig) -> None:
    with rig.open() as client:
        ours = client.perform("calendar.create", "key-1", EVENT).external_ref
        other = client.perform("calendar.create", "key-2", EVENT | {"title": "Other"}).external_ref
        gone = _inverse("key-1", ours)
        assert client.find("calendar.delete", "key-3", gone) == "absent"
        for _ in range(2):
            assert client.perform("calendar.delete", "key-3", gone).external_ref == ours
        assert client.find("calendar.delete", "key-3", gone) != "absent"
        with pytest.raises(EffectFailed) as refused:
            client.perform("calendar.delete", "key-4", _inverse("key-1", other))
        assert refused.value.code == "connectors.event_not_ours" and refused.value.lasting
    assert list(stored(rig)) == [other]


def test_an_event_in_a_file_with_others_is_not_deleted_and_one_that_was_replaced_has_no_inverse(
    rig: CalendarFolderRig,
) -> None:
    with rig.open() as client:
        ours = client.perform("calendar.create", "key-1", EVENT).external_ref
        [file] = rig.root.glob("*.ics")
        second = file.read_bytes().replace(b"Zahnarzt", b"Another").replace(ours.encode(), b"another@example.net")
        file.write_bytes(file.read_bytes() + second)
        with pytest.raises(EffectFailed) as refused:
            client.perform("calendar.delete", "key-3", _inverse("key-1", ours))
        assert refused.value.code == "connectors.event_file_shared"
        client.perform("calendar.create", "key-4", INVITATION)
        newer = client.perform("calendar.create", "key-5", INVITATION | {"sequence": 3})
    assert (
        inverse_of("calendar_folder", "calendar.create", INVITATION, "key-5", newer.external_ref, newer.facts) is None
    )
    assert b"Another" in file.read_bytes() and b"Zahnarzt" in file.read_bytes()
