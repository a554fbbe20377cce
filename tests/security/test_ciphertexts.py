"""A ciphertext opens in its own row alone, whatever is sealed, and what is meant to be seen by nobody stands nowhere in the clear (promises 24, 25)."""

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import LargeBinary

from core.approvals import rewrite
from core.kernel.actor import Actor
from core.kernel.ids import new_id
from core.kernel.settings import Settings
from core.messaging.models import Conversation
from storage import Storage
from storage.tables import metadata
from storage.vault import SealBroken
from tests.databases import somebody
from tests.storage.arrange import a_connection, a_message, a_suggestion

SEALED = {(t.name, c.name) for t in metadata.tables.values() for c in t.c if isinstance(c.type, LargeBinary)}
Ask = Callable[[], Any]


def _credential(storage: Storage, actor: Actor) -> Ask:
    connection = a_connection(storage, actor)
    with storage.work(actor.workspace_id, actor.user_id) as work:
        work.connections.keep_secrets(work.connections.get(connection.id), {"password": "p"})
        work.commit()
    return _in(storage, actor, lambda work: work.connections.secrets(work.connections.get(connection.id)))


def _conversation(storage: Storage, actor: Actor) -> Ask:
    assert actor.link_id is not None
    with storage.work(actor.workspace_id, actor.user_id) as work:
        work.conversations.put(Conversation(new_id(), actor.workspace_id, actor.user_id, actor.link_id, "d", "s", {"a": 1}, work.now, work.now))  # fmt: skip
        work.commit()
    return _in(storage, actor, lambda work: work.conversations.current(actor.link_id))


def _message(storage: Storage, actor: Actor) -> Ask:
    with storage.work(actor.workspace_id, actor.user_id) as work:
        message = a_message(work, actor, "words")
        work.messages.add(message)
        work.commit()
    return _in(storage, actor, lambda work: work.messages.get(message.id))


def _revision(storage: Storage, actor: Actor) -> Ask:
    suggestion, _ = a_suggestion(storage, actor, key=new_id().hex)
    return _in(storage, actor, lambda work: work.suggestions.revision(suggestion.id, 1))


def _rewrite(storage: Storage, actor: Actor) -> Ask:
    suggestion, _ = a_suggestion(storage, actor, key=new_id().hex)
    with storage.work(actor.workspace_id, actor.user_id) as work:
        wish = rewrite.ask(work, actor, suggestion.id, 1, "shorter")
        work.commit()
    return _in(storage, actor, lambda work: work.rewrites.words(work.rewrites.get(wish.id)))


def _inbound(storage: Storage, actor: Actor) -> Ask:
    storage.inbox.store("x", new_id().hex, {"a": 1})
    return lambda: storage.inbox.claim("x", 0, 10)


def _installation(storage: Storage, actor: Actor) -> Ask:
    storage.installations.save(actor.user_id.hex, "", {"token": "t"})
    return lambda: storage.installations.find(actor.user_id.hex)


def _data_key(storage: Storage, actor: Actor) -> Ask:
    return lambda: storage.blobs(actor.workspace_id, actor.user_id).put(new_id().bytes)


def _in(storage: Storage, actor: Actor, question: Callable[[Any], Any]) -> Ask:
    def ask() -> Any:
        with storage.work(actor.workspace_id, actor.user_id) as work:
            return question(work)

    return ask


MADE: dict[tuple[str, str], Callable[[Storage, Actor], Ask]] = {
    ("messages", "payload"): _message, ("conversations", "state"): _conversation, ("credentials", "ciphertext"): _credential,
    ("suggestion_revisions", "action"): _revision, ("rewrites", "words"): _rewrite, ("inbound_events", "payload"): _inbound,
    ("slack_installations", "facts"): _installation, ("data_keys", "wrapped"): _data_key,
}  # fmt: skip
ELSEWHERE = {("triggers", "secret"), ("events", "payload")}


def test_everything_that_is_sealed_is_tried_here() -> None:
    assert set(MADE) | ELSEWHERE == SEALED, "a new sealed column needs a line in MADE"


@pytest.mark.parametrize("where", sorted(MADE), ids=".".join)
def test_a_ciphertext_of_another_row_does_not_open(storage: Storage, owner_url: str, where: tuple[str, str]) -> None:
    (table, column), people = where, [somebody(storage), somebody(storage)]
    asks = [MADE[where](storage, actor) for actor in people]
    for ask in asks:
        assert ask() is not None
    with psycopg.connect(owner_url) as owner:
        rows = owner.execute(
            f"SELECT ctid, {column} FROM nod.{table} WHERE {column} IS NOT NULL AND length({column}) > 0 ORDER BY ctid"
        ).fetchall()  # type: ignore[arg-type]
        assert len(rows) >= 2
        for (place, _), (_, other) in zip(rows, [*rows[1:], rows[0]], strict=True):
            owner.execute(f"UPDATE nod.{table} SET {column} = %s WHERE ctid = %s", (other, place))  # type: ignore[arg-type]
    for ask in asks:
        with pytest.raises(SealBroken):
            ask()


def test_a_ciphertext_of_another_column_or_person_does_not_open(storage: Storage, owner_url: str) -> None:
    ann, bob = somebody(storage), somebody(storage)
    asks = {name: _message(storage, actor) for name, actor in (("ann", ann), ("bob", bob))}
    _credential(storage, ann)
    with psycopg.connect(owner_url) as owner:
        owner.execute(
            "UPDATE nod.messages SET payload = (SELECT ciphertext FROM nod.credentials LIMIT 1) WHERE user_id = %s",
            (ann.user_id,),
        )
        owner.execute("UPDATE nod.messages SET payload = (SELECT payload FROM nod.messages WHERE user_id = %s LIMIT 1) WHERE user_id = %s", (ann.user_id, bob.user_id))  # fmt: skip
    for ask in asks.values():
        with pytest.raises(SealBroken):
            ask()


def test_a_file_of_the_content_store_opens_in_its_own_place_alone(storage: Storage, settings: Settings) -> None:
    ann, bob = somebody(storage), somebody(storage)
    digests = [storage.blobs(actor.workspace_id, actor.user_id).put(b"the same content") for actor in (ann, bob)]
    assert digests[0] == digests[1]
    files = [
        next((settings.data_dir / "blobs" / str(a.workspace_id) / str(a.user_id)).rglob(digests[0])) for a in (ann, bob)
    ]
    assert b"the same content" not in files[0].read_bytes()
    for one, other in itertools.permutations(files):
        kept = one.read_bytes()
        one.write_bytes(other.read_bytes())
        owner = ann if one == files[0] else bob
        with pytest.raises(SealBroken):
            storage.blobs(owner.workspace_id, owner.user_id).get(digests[0])
        one.write_bytes(kept)
    assert all(oct(Path(file).stat().st_mode & 0o777) == "0o600" for file in files)
