"""The content store: sealed files that are found by what is in them."""

import hashlib
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from core.kernel.errors import NotFound
from core.kernel.settings import Settings
from storage import Storage
from storage.vault import SealBroken
from tests.databases import somebody


def _files(settings: Settings) -> list[Path]:
    return [path for path in (settings.data_dir / "blobs").rglob("*") if path.is_file()]


def test_content_is_found_by_its_hash_and_lies_sealed_for_its_owner(storage: Storage, settings: Settings) -> None:
    actor = somebody(storage)
    blobs = storage.blobs(actor.workspace_id, actor.user_id)
    content = b"From: a@example.org\r\n\r\nprivate words" * 1000
    digest = blobs.put(content)
    assert digest == hashlib.sha256(content).hexdigest()
    assert blobs.put(content) == digest
    assert storage.blobs(actor.workspace_id, actor.user_id).get(digest) == content
    (file,) = _files(settings)
    assert b"private words" not in file.read_bytes()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert blobs.get(blobs.put(b"")) == b""


def test_nobody_else_finds_it(storage: Storage) -> None:
    ann, bob = somebody(storage), somebody(storage)
    digest = storage.blobs(ann.workspace_id, ann.user_id).put(b"mine")
    with pytest.raises(NotFound):
        storage.blobs(bob.workspace_id, bob.user_id).get(digest)
    with pytest.raises(NotFound):
        storage.blobs(bob.workspace_id, ann.user_id).get(digest)


@pytest.mark.parametrize("odd", ["", "../../master.key", "0" * 63, "A" * 64, "0" * 64, "/etc/passwd", "0" * 64 + "\n"])
def test_what_is_no_hash_of_ours_is_not_found(storage: Storage, odd: str) -> None:
    actor = somebody(storage)
    with pytest.raises(NotFound) as unknown:
        storage.blobs(actor.workspace_id, actor.user_id).get(odd)
    assert unknown.value.code == "messaging.blob_unknown"


def test_a_file_that_was_changed_or_moved_does_not_open(storage: Storage, settings: Settings) -> None:
    actor = somebody(storage)
    blobs = storage.blobs(actor.workspace_id, actor.user_id)
    one, two = blobs.put(b"one"), blobs.put(b"two")
    first, second = (next(f for f in _files(settings) if f.name == digest) for digest in (one, two))
    second.write_bytes(first.read_bytes())
    with pytest.raises(SealBroken):
        blobs.get(two)
    first.write_bytes(first.read_bytes()[:-1])
    with pytest.raises(SealBroken):
        blobs.get(one)


def test_many_who_put_the_same_leave_one_whole_file(storage: Storage, settings: Settings) -> None:
    actor = somebody(storage)
    content = os.urandom(200_000)

    def put() -> str:
        return storage.blobs(actor.workspace_id, actor.user_id).put(content)

    with ThreadPoolExecutor(8) as crowd:
        (digest,) = {put.result() for put in [crowd.submit(put) for _ in range(8)]}
    assert [file.name for file in _files(settings)] == [digest]
    assert storage.blobs(actor.workspace_id, actor.user_id).get(digest) == content
