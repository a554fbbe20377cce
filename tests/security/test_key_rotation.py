"""Keys are changed while everybody goes on reading and writing, and what an old key sealed still opens (promise 26)."""

import base64
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from core.kernel.actor import Actor
from core.kernel.settings import Settings
from storage import Storage, open_storage
from storage.master_key import keep_current_key, key_file, master_keys, put_key_in_front
from storage.migrate import migrate
from storage.vault import LocalKeys
from tests.databases import MASTER_KEY, somebody
from tests.storage.arrange import a_message


@pytest.fixture
def by_file(settings: Settings) -> Settings:
    """The same installation, with its key in the file of the data folder."""
    chosen = settings.model_copy(update={"master_key": None})
    key_file(chosen).parent.mkdir(parents=True, exist_ok=True)
    key_file(chosen).write_text(MASTER_KEY + "\n")
    return chosen


def _busy(storage: Storage, actor: Actor, until: threading.Event) -> list[Any]:
    """Writes and reads all the time; answers what was said."""
    said: list[Any] = []
    while not until.is_set() or len(said) < 3:
        with storage.work(actor.workspace_id, actor.user_id) as work:
            message = a_message(work, actor, f"line {len(said)}")
            work.messages.add(message)
            for before in said[-3:]:
                assert work.messages.get(before.id) == before
            work.commit()
        said.append(message)
        said_inbound = storage.inbox.store("telegram", message.id.hex, {"n": len(said)})
        assert said_inbound is not None
        digest = storage.blobs(actor.workspace_id, actor.user_id).put(f"body {len(said)}".encode())
        assert storage.blobs(actor.workspace_id, actor.user_id).get(digest) == f"body {len(said)}".encode()
    return said


def _under_load(storages: list[Storage], people: list[Actor], change: Callable[[], Any]) -> list[list[Any]]:
    """Does `change` while each process has somebody busy; answers what each said."""
    stop = threading.Event()
    with ThreadPoolExecutor(len(storages)) as pool:
        busy = [pool.submit(_busy, storage, actor, stop) for storage, actor in zip(storages, people, strict=True)]
        try:
            change()
        finally:
            stop.set()
        return [each.result(60) for each in busy]


def test_processes_that_run_take_a_new_master_key_without_a_restart(
    by_file: Settings, storage: Storage, owner_url: str
) -> None:
    first, second = open_storage(by_file), open_storage(by_file)
    people = [somebody(first) for _ in range(2)]
    old = LocalKeys(master_keys(by_file)).current

    def rotate() -> None:
        put_key_in_front(by_file)
        with_new = open_storage(by_file)
        assert with_new.rewrap() >= 2
        with_new.close()

    said = _under_load([first, second], people, rotate)
    assert first.rewrap() + second.rewrap() <= sum(map(len, said)), "what was sealed just before is left at most"
    new = LocalKeys(master_keys(by_file)).current
    assert new != old and len(master_keys(by_file)) == 2
    with psycopg.connect(owner_url) as owner:
        assert owner.execute("SELECT DISTINCT master_key_id FROM nod.data_keys").fetchall() == [(new,)]
    events = first.inbox.claim("telegram", 60, 10_000)
    assert len(events) == sum(map(len, said)), "each opens"
    for process, actor, lines in zip((second, first), people, said, strict=True):
        with process.work(actor.workspace_id, actor.user_id) as work:
            assert all(work.messages.get(line.id) == line for line in lines)
    first.close()
    second.close()


def test_the_old_master_key_is_taken_out_once_nothing_needs_it(
    by_file: Settings, storage: Storage, settings: Settings
) -> None:
    opened = open_storage(by_file)
    actor = somebody(opened)
    put_key_in_front(by_file)
    opened.rewrap()
    opened.close()
    assert oct(os.stat(key_file(by_file)).st_mode & 0o777) == "0o600"
    assert keep_current_key(by_file) == 1 and keep_current_key(by_file) == 0
    try:
        migrate(by_file)
        later = open_storage(by_file)
        with later.work(actor.workspace_id, actor.user_id) as work:
            work.messages.add(a_message(work, actor, "still here"))
            work.commit()
        later.close()
    finally:
        # The app role belongs to the whole server: the other tests know it by the first key.
        with_both = base64.b64encode(master_keys(by_file)[0]).decode() + f",{MASTER_KEY}"
        migrate(settings.model_copy(update={"master_key": type(settings.master_key)(with_both)}))  # type: ignore[misc]


def test_everybody_gets_a_further_data_key_and_what_the_earlier_ones_sealed_still_opens(
    storage: Storage, by_file: Settings
) -> None:
    other = open_storage(by_file)
    people = [somebody(storage) for _ in range(2)]
    held = storage.blobs(people[0].workspace_id, people[0].user_id)
    digest = held.put(b"before")

    def renew() -> None:
        assert storage.renew_data_keys() == 2
        assert other.renew_data_keys() == 2

    said = _under_load([storage, other], people, renew)
    for actor, lines in zip(people, said, strict=True):
        with other.work(actor.workspace_id, actor.user_id) as work:
            assert all(work.messages.get(line.id) == line for line in lines)
    fresh = other.blobs(people[0].workspace_id, people[0].user_id)
    newer = fresh.put(b"after")
    assert (held.get(newer), fresh.get(digest)) == (b"after", b"before"), "also with keys that were looked up before"
    other.close()


def test_a_destroyed_key_gets_no_further_one(storage: Storage) -> None:
    gone, here = somebody(storage), somebody(storage)
    with storage.work(gone.workspace_id, gone.user_id) as work:
        work.people.destroy_data_key(gone.user_id)
        work.commit()
    assert storage.renew_data_keys() == 1
    assert here.user_id
