"""What is sealed opens in its own place for its own people, and nowhere in the database stands in plain text."""

import base64
import os
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pydantic import SecretStr

from core.kernel.actor import Actor
from core.kernel.errors import Conflict, NotFound
from core.kernel.events import Event
from core.kernel.ids import new_id
from core.kernel.settings import Settings
from core.messaging.models import Conversation
from storage import Storage, open_storage
from storage.master_key import MasterKeyBroken, master_keys
from storage.migrate import migrate
from storage.tables import metadata
from storage.vault import DataKey, LocalKeys, Place, SealBroken, new_data_key
from tests.databases import MASTER_KEY, make_settings, somebody
from tests.storage.arrange import a_connection, a_message, a_suggestion, app_connection

KNOWN_SECRET = "hunter2-the-mailbox-password"
KNOWN_WORDS = "the words of a private message"
OTHER_KEY = base64.b64encode(b"another master key for the tests").decode()


def _say(storage: Storage, actor: Actor) -> Any:
    """A message, an event, a conversation, a suggestion, a credential and an inbound event that hold what must not be seen."""
    with storage.work(actor.workspace_id, actor.user_id) as work:
        message = a_message(work, actor, KNOWN_WORDS)
        work.messages.add(message)
        work.record(Event("thing.said", actor.workspace_id, actor.user_id, {"words": KNOWN_WORDS}))
        assert actor.link_id is not None
        work.conversations.put(
            Conversation(
                new_id(), actor.workspace_id, actor.user_id, actor.link_id, "new", "name", {"typed": KNOWN_WORDS}, work.now, work.now
            )
        )  # fmt: skip
        work.commit()
    connection = a_connection(storage, actor)
    with storage.work(actor.workspace_id, actor.user_id) as work:
        work.connections.keep_secrets(work.connections.get(connection.id), {"password": KNOWN_SECRET})
        work.commit()
    a_suggestion(storage, actor, text=KNOWN_WORDS, key=new_id().hex)
    storage.inbox.store("telegram", new_id().hex, {"text": KNOWN_WORDS})
    return message, connection


def test_a_dump_of_the_database_holds_nothing_private(storage: Storage, settings: Settings, owner_url: str) -> None:
    _say(storage, somebody(storage))
    dumped = bytearray()
    with psycopg.connect(owner_url) as owner:
        for table in metadata.tables.values():
            for form in ("binary", "text"):
                question = f"COPY (SELECT * FROM nod.{table.name}) TO STDOUT (FORMAT {form})"
                with owner.cursor().copy(question) as rows:  # type: ignore[arg-type]
                    for row in rows:
                        dumped += row
    assert len(dumped) > 10_000
    for hidden in (KNOWN_SECRET.encode(), KNOWN_WORDS.encode(), MASTER_KEY.encode(), master_keys(settings)[0]):
        assert hidden not in dumped
        assert hidden.hex().encode() not in dumped


def test_what_was_sealed_opens_again(storage: Storage) -> None:
    actor = somebody(storage)
    message, connection = _say(storage, actor)
    with storage.work(actor.workspace_id, actor.user_id) as work:
        assert work.messages.get(message.id) == message
        assert work.connections.secrets(work.connections.get(connection.id)) == {"password": KNOWN_SECRET}
        assert actor.link_id is not None
        talk = work.conversations.current(actor.link_id)
        assert talk is not None
        assert talk.state == {"typed": KNOWN_WORDS}
    assert storage.inbox.claim("telegram", 10, 1)[0].payload == {"text": KNOWN_WORDS}


def test_a_ciphertext_works_only_in_its_own_row(storage: Storage, owner_url: str) -> None:
    actor = somebody(storage)
    with storage.work(actor.workspace_id, actor.user_id) as work:
        first, second = a_message(work, actor, "one"), a_message(work, actor, "two")
        work.messages.add(first)
        work.messages.add(second)
        work.commit()
    with psycopg.connect(owner_url) as owner:
        owner.execute(
            "UPDATE nod.messages SET payload = (SELECT payload FROM nod.messages WHERE id = %s) WHERE id = %s",
            (first.id, second.id),
        )
    with storage.work(actor.workspace_id, actor.user_id) as work:
        assert work.messages.get(first.id).payload == {"text": "one"}
        with pytest.raises(SealBroken):
            work.messages.get(second.id)


@pytest.mark.parametrize(
    "elsewhere",
    [
        Place("t", _W := new_id(), _R := new_id(), "other"),
        Place("t", _W, new_id(), "c"),
        Place("t", new_id(), _R, "c"),
        Place("other", _W, _R, "c"),
    ],
)
def test_a_seal_is_bound_to_table_workspace_row_and_column(elsewhere: Place) -> None:
    key = DataKey("u1", new_data_key())
    sealed = key.seal(b"content", Place("t", _W, _R, "c"))
    assert key.open(sealed, Place("t", _W, _R, "c")) == b"content"
    with pytest.raises(SealBroken):
        key.open(sealed, elsewhere)


def test_a_changed_cut_or_foreign_seal_does_not_open() -> None:
    place = Place("t", new_id(), new_id(), "c")
    secret = new_data_key()
    key = DataKey("u1", secret)
    sealed = key.seal(b"content", place)
    for broken in (
        b"",
        b"\x01",
        b"plain",
        sealed[:-1],
        sealed[:10],
        sealed[:-1] + bytes([sealed[-1] ^ 1]),
        b"\x02" + sealed[1:],
    ):
        with pytest.raises(SealBroken):
            key.open(broken, place)
    with pytest.raises(SealBroken):
        DataKey("u1", new_data_key()).open(sealed, place)
    with pytest.raises(SealBroken):
        DataKey("u2", secret).open(sealed, place)
    assert key.seal(b"content", place) != sealed, "a nonce is used once"


def test_a_destroyed_key_makes_everything_of_its_person_unreadable(storage: Storage) -> None:
    actor, other = somebody(storage), somebody(storage)
    message, connection = _say(storage, actor)
    kept, _ = _say(storage, other)
    digest = storage.blobs(actor.workspace_id, actor.user_id).put(b"a body")
    with storage.work(actor.workspace_id, actor.user_id) as work:
        work.people.destroy_data_key(actor.user_id)
        work.commit()
    with storage.work(actor.workspace_id, actor.user_id) as work:
        for ask in (
            lambda: work.messages.get(message.id),
            lambda: work.connections.secrets(work.connections.get(connection.id)),
            lambda: work.conversations.current(actor.link_id),
            lambda: work.messages.add(a_message(work, actor, "late")),
            lambda: storage.blobs(actor.workspace_id, actor.user_id).get(digest),
        ):
            with pytest.raises(NotFound) as erased:
                ask()
            assert erased.value.code == "privacy.data_erased"
    with storage.work(actor.workspace_id, actor.user_id) as work:
        work.record(Event("thing.late", actor.workspace_id, actor.user_id, {}))
        with pytest.raises(NotFound):
            work.commit()
    with storage.work(other.workspace_id, other.user_id) as work:
        assert work.messages.get(kept.id) == kept


def test_new_secrets_revoke_the_earlier_ones_and_none_at_all_revoke_the_last(storage: Storage, owner_url: str) -> None:
    actor = somebody(storage)
    connection = a_connection(storage, actor)
    for password in ("first", "second"):
        with storage.work(actor.workspace_id, actor.user_id) as work:
            work.connections.keep_secrets(work.connections.get(connection.id), {"password": password})
            work.commit()
    with storage.work(actor.workspace_id, actor.user_id) as work:
        mine = work.connections.get(connection.id)
        assert work.connections.secrets(mine) == {"password": "second"}
        assert work.connections.credential_active(mine)
        work.connections.keep_secrets(mine, {})
        assert not work.connections.credential_active(mine)
        with pytest.raises(Conflict) as revoked:
            work.connections.secrets(mine)
        assert revoked.value.code == "connectors.credential_revoked"
        work.commit()
    with psycopg.connect(owner_url) as owner:
        assert owner.execute(
            "SELECT count(*), count(revoked_at), sum(length(ciphertext)) FROM nod.credentials"
        ).fetchone() == (2, 2, 0)


def test_keys_are_shown_by_nobody(settings: Settings, storage: Storage) -> None:
    keys = master_keys(settings)
    shown = " ".join(
        (repr(LocalKeys(keys)), repr(DataKey("u1", keys[0])), repr(settings), str(settings), repr(storage.__dict__))
    )
    for secret in (MASTER_KEY, keys[0].hex(), repr(keys[0])):
        assert secret not in shown
    with pytest.raises(MasterKeyBroken) as broken:
        master_keys(settings.model_copy(update={"master_key": SecretStr("not a key at all")}))
    assert "not a key" not in str(broken.value)


def test_the_master_key_can_be_changed_while_people_write(storage: Storage, settings: Settings) -> None:
    people = [somebody(storage) for _ in range(4)]
    said = {actor.user_id: _say(storage, actor)[0] for actor in people}
    both = open_storage(settings.model_copy(update={"master_key": SecretStr(f"{OTHER_KEY},{MASTER_KEY}")}))
    stop, failures = threading.Event(), []

    def keep_talking(actor: Actor) -> int:
        heard = 0
        while not stop.is_set():
            try:
                with both.work(actor.workspace_id, actor.user_id) as work:
                    work.messages.add(a_message(work, actor, "on and on"))
                    assert work.messages.get(said[actor.user_id].id) == said[actor.user_id]
                    work.commit()
                heard += 1
            except Exception as failed:
                failures.append(failed)
                return heard
        return heard

    with ThreadPoolExecutor(2) as talkers:
        talking = [talkers.submit(keep_talking, actor) for actor in people[:2]]
        try:
            changed = [both.rewrap(batch=2), both.rewrap()]
        finally:
            stop.set()
        assert all(talk.result() > 0 for talk in talking)
    assert changed == [8, 0], "a data key and an event that waits, of each"
    assert failures == []
    both.close()
    migrate(settings.model_copy(update={"master_key": SecretStr(f"{OTHER_KEY},{MASTER_KEY}")}))


def test_a_database_sealed_by_another_master_key_refuses_to_start(storage: Storage, settings: Settings) -> None:
    somebody(storage)
    with pytest.raises(MasterKeyBroken) as refused:
        migrate(settings.model_copy(update={"master_key": SecretStr(f"{OTHER_KEY},{OTHER_KEY}")}))
    assert "restore that key" in str(refused.value)
    somebody(storage)
    with app_connection(settings) as app:
        assert app.execute("SELECT 1").fetchone() == (1,), "the app role's password is as it was"


def test_a_master_key_is_made_once_however_many_processes_start(tmp_path: Path) -> None:
    settings = make_settings("postgresql://x/y", tmp_path / "data").model_copy(update={"master_key": None})
    together = threading.Barrier(8)

    def start() -> tuple[bytes, ...]:
        together.wait()
        return master_keys(settings)

    with ThreadPoolExecutor(8) as starts:
        made = {started.result() for started in [starts.submit(start) for _ in range(8)]}
    assert len(made) == 1
    file = tmp_path / "data" / "master.key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert os.listdir(file.parent) == ["master.key"]


def test_a_master_key_file_of_ones_own_is_never_made(tmp_path: Path) -> None:
    settings = make_settings("postgresql://x/y", tmp_path).model_copy(
        update={"master_key": None, "master_key_file": tmp_path / "missing"}
    )
    with pytest.raises(MasterKeyBroken):
        master_keys(settings)
    (tmp_path / "missing").write_text(f"{OTHER_KEY}\n{MASTER_KEY}\n")
    assert [len(key) for key in master_keys(settings)] == [32, 32]


@pytest.mark.parametrize("wrong", ["", "   ", "c2hvcnQ=", "%%%", "é"])
def test_a_broken_master_key_is_refused(settings: Settings, wrong: str) -> None:
    with pytest.raises(MasterKeyBroken):
        master_keys(settings.model_copy(update={"master_key": SecretStr(wrong)}))
