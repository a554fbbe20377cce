"""Taking everything along, and leaving: one file without secrets, a typed address, thirty days to come back, then nothing is left."""

import io
import json
import threading
import zipfile
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import text

from core.approvals import rewrite
from core.identity.prove import make_key
from core.kernel.actor import Actor
from core.kernel.errors import Conflict, Invalid, NotFound
from core.kernel.settings import Settings
from core.messaging.post import answer
from core.privacy.leave import come_back, leave, who_left
from core.privacy.scrub import LEFT_OUT
from core.privacy.take_along import ask_for_export
from runners import leaving, wiring
from storage.export import LEFT_OUT as NOT_EXPORTED
from storage.export import OF, OWN
from storage.tables import FORGOTTEN, metadata
from storage.vault import SealBroken
from tests.bots.dialogs import stage
from tests.bots.dialogs.person import Person


@pytest.fixture(autouse=True)
def wired(person: Person, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaving, "storage", lambda: person.parts.storage)
    monkeypatch.setattr(wiring, "settings", lambda: settings)


def _export(person: Person) -> dict[str, Any]:
    leaving.attend(threading.Event())
    person.looks()
    document = person.last_screen.document
    assert document is not None
    content = person.parts.storage.blobs(person.actor.workspace_id, person.actor.user_id).get(document.blob)
    assert len(content) == document.size and document.name.endswith(".zip")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {
            name: archive.read(name) if "/files/" in name else json.loads(archive.read(name))
            for name in archive.namelist()
        }


def test_every_table_is_exported_or_left_out_for_a_reason_and_is_forgotten_or_sealed() -> None:
    tables = {table.name for table in metadata.tables.values()}
    assert {*OWN, *OF} & set(NOT_EXPORTED) == set()
    assert {*OWN, *OF, *NOT_EXPORTED} == tables, "a new table: say in storage/export.py whose its rows are"
    alone = {"messages", "events", "inbound_events", "oauth_states", "slack_installations", "history_passes"}
    assert set(FORGOTTEN) == tables - alone, (
        "a new table: storage/tables/__init__.py (FORGOTTEN), and the policy `forgets` and nod.erase_me() in its migration"
    )


def test_everything_of_a_person_comes_as_one_file_without_secrets(person: Person, arrives: Any) -> None:
    stranger = arrives()
    stage.suggests(stranger, stage.mail(subject="not mine"))
    [made] = stage.suggests(person, stage.mail(subject="Re: Offer", body="Yes, Tuesday."))
    person.sends("notes.txt", b"my own notes")
    with person.work() as work:
        _, secret = make_key(work, person.actor, "script", ["read"])
        answer(work, work.people.link(person.actor.link_id), {"say": "x", "data": {"key": secret}})
        work.commit()
    person.says("/settings")
    person.taps("Privacy")
    person.taps("Take everything along")
    assert "as soon as it is ready" in person.last
    person.taps("Take everything along")
    told = _export(person)
    here = str(person.actor.workspace_id)
    assert told["export.json"]["format"] == "nod.export/1" and list(told["export.json"]["workspaces"]) == [here]
    assert {name for name in told if name.endswith(".json")} == {
        "export.json",
        *(f"{here}/{table}.json" for table in (*OWN, *OF)),
    }
    [user] = told[f"{here}/users.json"]
    assert user["id"] == str(person.actor.user_id)
    [revision] = told[f"{here}/suggestion_revisions.json"]
    assert revision["action"]["input"]["body"] == "Yes, Tuesday." and revision["suggestion_id"] == str(made.id)
    said = json.dumps(told[f"{here}/messages.json"])
    assert "notes.txt" in said and secret not in said and LEFT_OUT in said
    assert b"my own notes" in told.values()
    whole = json.dumps({name: rows for name, rows in told.items() if name.endswith(".json")})
    assert "not mine" not in whole and '"hash"' not in whole and "ciphertext" not in whole
    person.says("/settings")
    person.taps("Privacy")
    person.taps("Take everything along")
    again = _export(person)
    assert sum("/files/" in name for name in again) == sum("/files/" in name for name in told), (
        "an export is in no export"
    )


def test_a_process_that_has_to_end_gives_an_export_back(person: Person) -> None:
    with person.work() as work:
        request = ask_for_export(work, person.actor)
        work.commit()
    over = Stops()
    leaving.attend(over)
    with person.work() as work:
        assert (work.privacy.get(request.id).status, work.privacy.get(request.id).attempts) == ("asked", 0)
    assert _export(person)


class Stops(threading.Event):
    """Is set as soon as somebody has begun."""

    def is_set(self) -> bool:
        was, self.asked = getattr(self, "asked", 0), getattr(self, "asked", 0) + 1
        return was > 0


def test_leaving_takes_the_typed_address_stops_everything_and_shows_the_way_back(
    person: Person, settings: Settings
) -> None:
    agent = stage.agent(person)
    waits, held = stage.suggests(person, stage.mail(), stage.event(), by=agent)
    person.taps("Approve")
    with person.work() as work:
        email = work.people.user(person.actor.user_id).email
    person.says("/settings")
    person.taps("Privacy")
    person.taps("Delete my account")
    assert email in person.last and "After 30 days all of it is erased" in person.last
    person.says("yes")
    assert "nothing was deleted" in person.last
    with person.work() as work:
        assert work.people.user(person.actor.user_id).status == "active"
    person.says(email.upper())
    assert "Your account is deleted" in person.last and "keep this code" in person.toast
    code = person.toast.rsplit(" ", 1)[1]
    with person.work() as work:
        assert {work.suggestions.get(one.id).status for one in (waits, held)} == {"withdrawn"}
        assert work.agents.get(agent.id).status == "paused"
        assert not [link for link in work.people.links(person.actor.user_id) if link.reachable]
    directory = person.parts.storage.directory
    assert directory.by_email(email) is None
    with pytest.raises(Invalid):
        who_left(directory, "AAAA-AAAA")
    known = who_left(directory, code.lower())
    with person.work() as work:
        come_back(work, known, "cli")
        work.commit()
    with person.work() as work:
        assert (
            work.people.user(person.actor.user_id).status == "active" and work.agents.get(agent.id).status == "active"
        )
        assert [link.reachable for link in work.people.links(person.actor.user_id)] == [True]
        with pytest.raises(Conflict):
            come_back(work, known, "cli")
    leaving.attend(threading.Event())
    assert directory.by_email(email) is not None, "who came back is not forgotten"


def _wishes(person: Person, suggestion_id: UUID) -> None:
    """Something is to be rewritten."""
    with person.work() as work:
        rewrite.ask(work, person.actor, suggestion_id, 1, "shorter")
        work.commit()


def _leaves(person: Person, settings: Settings, days: int) -> None:
    """The person leaves, and so many days go by."""
    with person.work() as work:
        leave(work, person.actor, work.people.user(person.actor.user_id).email)
        work.commit()
    assert settings.database_url is not None
    with psycopg.connect(settings.database_url.get_secret_value()) as owner:
        gone = timedelta(days=days, minutes=1)
        owner.execute("UPDATE nod.users SET deleted_at = deleted_at - %s WHERE id = %s", (gone, person.actor.user_id))
        owner.execute(
            "UPDATE nod.privacy_requests SET due_at = due_at - %s WHERE user_id = %s", (gone, person.actor.user_id)
        )


def test_after_thirty_days_nothing_of_them_is_left_and_nobody_elses_is_touched(
    person: Person, arrives: Any, settings: Settings
) -> None:
    other = arrives()
    for each in (person, other):
        made, _ = stage.suggests(each, stage.mail(), stage.event())
        each.taps("Approve")
        _wishes(each, made.id)
        each.sends("notes.txt", b"my own notes")
    blobs = settings.data_dir / "blobs" / str(person.actor.workspace_id)
    assert list(blobs.glob("*/*/*"))
    _leaves(person, settings, 29)
    leaving.attend(threading.Event())
    assert list(blobs.glob("*/*/*")), "not before its time"
    with psycopg.connect(settings.database_url.get_secret_value()) as owner:  # type: ignore[union-attr]
        owner.execute(
            "UPDATE nod.users SET deleted_at = now() - interval '31 days' WHERE id = %s", (person.actor.user_id,)
        )
        owner.execute("UPDATE nod.privacy_requests SET due_at = now() WHERE user_id = %s", (person.actor.user_id,))
        owner.commit()
        leaving.attend(threading.Event())
        for table in metadata.tables.values():
            if "workspace_id" not in table.c or table.name in ("messages", "events"):
                continue
            count = (
                "SELECT count(*) FILTER (WHERE workspace_id = %s), count(*) FILTER (WHERE workspace_id = %s) FROM nod."
            )
            row = owner.execute(count + table.name, (person.actor.workspace_id, other.actor.workspace_id)).fetchone()  # type: ignore[arg-type]
            assert row is not None and row[0] == 0, table.name
        email = owner.execute("SELECT email, name FROM nod.users WHERE id = %s", (person.actor.user_id,)).fetchone()
        assert email == (f"erased-{person.actor.user_id}@erased.invalid", "")
        sealed = owner.execute(
            "SELECT wrapped, destroyed_at IS NOT NULL FROM nod.data_keys WHERE user_id = %s", (person.actor.user_id,)
        ).fetchone()
        assert sealed == (None, True)
        left = owner.execute(
            "SELECT count(*) FROM nod.suggestions WHERE workspace_id = %s", (other.actor.workspace_id,)
        ).fetchone()
        assert left == (2,)
    assert not list(blobs.glob("*/*/*"))
    with pytest.raises((NotFound, SealBroken)), person.work() as work:
        work.people.profile(person.actor.user_id)
    assert other.says("/inbox")


def test_the_database_forgets_nobody_who_did_not_leave(person: Person) -> None:
    stage.suggests(person, stage.mail())
    with person.work() as work:
        assert work.privacy.erase() == 0
        work.people.destroy_data_key(person.actor.user_id)
        assert work.privacy.erase() == 0
    with person.work() as work:
        with pytest.raises(Exception, match="permission denied"):
            work.people._t.connection.execute(
                text("SELECT nod.erase_from(:a, :b, :b)"), {"a": person.actor.workspace_id, "b": person.actor.user_id}
            )


def test_in_a_shared_workspace_what_others_share_stays_theirs(person: Person, settings: Settings) -> None:
    from core.identity.models import Membership, User
    from core.kernel.ids import new_id

    stays = new_id()
    with person.parts.storage.work(person.actor.workspace_id, stays) as work:
        work.people.add(User(id=stays, email=f"{stays.hex}@example.org", created_at=work.now))
        work.people.add(
            Membership(
                id=new_id(), workspace_id=person.actor.workspace_id, user_id=stays, role="admin", created_at=work.now
            )
        )
        work.commit()
    agent = stage.agent(person)
    [made] = stage.suggests(person, stage.mail(), by=agent)
    _wishes(person, made.id)
    with person.work() as work:
        with pytest.raises(Conflict) as refused:
            leave(work, person.actor, work.people.user(person.actor.user_id).email)
        assert refused.value.code == "privacy.others_need_you"
    with psycopg.connect(settings.database_url.get_secret_value()) as owner:  # type: ignore[union-attr]
        owner.execute(
            "UPDATE nod.workspaces SET owner_id = %s, kind = 'team' WHERE id = %s", (stays, person.actor.workspace_id)
        )
    _leaves(person, settings, 31)
    leaving.attend(threading.Event())
    with psycopg.connect(settings.database_url.get_secret_value()) as owner:  # type: ignore[union-attr]
        agents = owner.execute(
            "SELECT owner_id FROM nod.agents WHERE workspace_id = %s", (person.actor.workspace_id,)
        ).fetchall()
        assert agents == [(stays,)]
        for table in ("suggestions", "suggestion_revisions", "rewrites", "runs", "identity_links", "privacy_requests"):
            assert owner.execute(
                f"SELECT count(*) FROM nod.{table} WHERE workspace_id = %s", (person.actor.workspace_id,)
            ).fetchone() == (0,), table
        roles = dict(
            owner.execute(
                "SELECT user_id, role FROM nod.memberships WHERE workspace_id = %s", (person.actor.workspace_id,)
            ).fetchall()
        )
        assert roles == {person.actor.user_id: "viewer", stays: "owner"}
    assert isinstance(person.actor, Actor)
