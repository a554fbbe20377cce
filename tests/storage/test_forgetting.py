"""What came in, what was answered and what was begun is forgotten when it can come again no more, and not before."""

from datetime import timedelta
from uuid import UUID

import psycopg
import pytest
from pydantic import SecretStr

from core.kernel.ids import new_id
from core.kernel.settings import Settings
from core.messaging.answered import AnsweredRequest
from storage import Storage
from storage.master_key import MasterKeyBroken
from storage.migrate import migrate
from tests.databases import somebody
from tests.storage.arrange import app_connection, enter
from tests.storage.test_sealing import OTHER_KEY


def _aged(owner_url: str, table: str, days: int, which: UUID) -> None:
    """Makes a row as old as that: ids begin with their time."""
    with psycopg.connect(owner_url) as owner:
        owner.execute(
            f"UPDATE nod.{table} SET id = (substring(nod.first_id(now() - make_interval(days => %s))::text FOR 24) || right(id::text, 12))::uuid WHERE id = %s",  # type: ignore[arg-type]
            (days, which),
        )


def test_events_are_forgotten_long_after_they_were_handled_or_given_up(storage: Storage, owner_url: str) -> None:
    stored = {
        name: storage.inbox.store("telegram", name, {"n": name})
        for name in ("old", "new", "lost", "long lost", "waiting")
    }
    for event in storage.inbox.claim("telegram", 60, 10):
        if event.external_id in ("old", "new"):
            assert storage.inbox.done([event])
        elif event.external_id != "waiting":
            assert storage.inbox.failed(event, "broken", False)
    for name, days in (("old", 31), ("new", 29), ("lost", 89), ("long lost", 91), ("waiting", 365)):
        id = stored[name]
        assert id is not None
        _aged(owner_url, "inbound_events", days, id)
    assert (storage.inbox.forget(1), storage.inbox.forget(10), storage.inbox.forget(10)) == (1, 1, 0)
    with psycopg.connect(owner_url) as owner:
        assert owner.execute(
            "SELECT array_agg(external_id ORDER BY external_id) FROM nod.inbound_events"
        ).fetchone() == (["lost", "new", "waiting"],)
    assert storage.inbox.store("telegram", "new", {}) is None, "it is still known"


def test_answers_are_forgotten_after_a_week_by_the_pass_of_their_workspace(
    storage: Storage, settings: Settings, owner_url: str
) -> None:
    ann, bob = somebody(storage), somebody(storage)
    ids = {}
    for actor in (ann, bob):
        for key in ("old", "new"):
            with storage.work(actor.workspace_id, actor.user_id) as work:
                answered = AnsweredRequest(new_id(), actor.workspace_id, actor.user_id, key, "f", 200, {}, work.now)
                work.answered.add(answered)
                ids[actor.user_id, key] = answered.id
                work.commit()
            _aged(owner_url, "answered_requests", 8 if key == "old" else 6, ids[actor.user_id, key])
    with storage.history(ann.workspace_id, ann.user_id) as work:
        assert work.history.remove_answers() == 1
        assert work.history.remove_answers() == 0
        work.commit()
    with storage.work(ann.workspace_id, ann.user_id) as work:
        assert work.answered.find(ann.user_id, "old") is None and work.answered.find(ann.user_id, "new") is not None
    with app_connection(settings) as app:
        enter(app, settings, bob)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            app.execute("UPDATE nod.answered_requests SET status = 500")
    with storage.work(bob.workspace_id, bob.user_id) as work:
        assert work.answered.find(bob.user_id, "old") is not None, "that is somebody else's turn"


def test_states_of_installations_are_forgotten_a_day_after_they_ended(storage: Storage) -> None:
    storage.installations.issue("long ago", -timedelta(days=2).total_seconds())
    storage.installations.issue("lately", -60)
    assert (storage.installations.forget(), storage.installations.forget()) == (1, 0)


@pytest.mark.parametrize("what", ["installation", "event"])
def test_a_master_key_that_only_an_installation_or_an_event_needs_is_not_taken_away(
    storage: Storage, settings: Settings, what: str
) -> None:
    if what == "installation":
        storage.installations.save("T1", "", {"bot_token": "xoxb-secret"})
    else:
        storage.inbox.store("telegram", "1", {"text": "hi"})
    with pytest.raises(MasterKeyBroken, match="restore that key"):
        migrate(settings.model_copy(update={"master_key": SecretStr(f"{OTHER_KEY},{OTHER_KEY}")}))
    if what == "installation":
        assert storage.installations.revoke("T1")
    else:
        (event,) = storage.inbox.claim("telegram", 10, 1)
        storage.inbox.done([event])
    with psycopg.connect(settings.database_url.get_secret_value()) as owner:  # type: ignore[union-attr]
        owner.execute("SET ROLE nod_owner")
        assert owner.execute("SELECT * FROM nod.master_keys_in_use()").fetchall() == []
