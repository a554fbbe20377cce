"""The content store: large bodies as files, each sealed with its owner's key, found by the SHA-256 of what is in it."""

import hashlib
import os
import re
import secrets
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

from core.kernel.errors import NotFound
from storage.vault import PersonKeys, Place, SealBroken

DIGEST = re.compile(r"[0-9a-f]{64}")


class LocalBlobs:
    """core.orchestration.ports.Blobs in a local folder: `<folder>/<workspace>/<user>/<ab>/<digest>`. `key` answers the owner's data keys, and
    with True as they are now."""

    def __init__(self, folder: Path, workspace_id: UUID, user_id: UUID, key: Callable[[bool], PersonKeys]) -> None:
        self._all, self._workspace_id, self._user_id = folder, workspace_id, user_id
        self._key = key

    def put(self, content: bytes) -> str:
        """Durable once it returns; the same content twice is kept once."""
        digest = hashlib.sha256(content).hexdigest()
        path = self._path(digest)
        if not path.exists():
            self._write(path, self._key(False).seal(content, self._place(digest)))
        return digest

    def get(self, digest: str) -> bytes:
        """Raises NotFound `messaging.blob_unknown`, `privacy.data_erased`; SealBroken when the file was tampered with."""
        if not DIGEST.fullmatch(digest):
            raise NotFound("messaging.blob_unknown", digest=digest[:64])
        try:
            sealed = self._path(digest).read_bytes()
        except FileNotFoundError:
            raise NotFound("messaging.blob_unknown", digest=digest) from None
        key = self._key(False)
        if not key.knows(sealed):
            key = self._key(True)
        content = key.open(sealed, self._place(digest))
        if hashlib.sha256(content).hexdigest() != digest:
            raise SealBroken(f"blob {digest} holds something else")
        return content

    def digests(self) -> list[str]:
        """Everything that is in it."""
        return sorted(path.name for path in self._folder.glob("*/*") if DIGEST.fullmatch(path.name))

    @property
    def _folder(self) -> Path:
        return self._all / str(self._workspace_id) / str(self._user_id)

    def _path(self, digest: str) -> Path:
        return self._folder / digest[:2] / digest

    def _place(self, digest: str) -> Place:
        return Place("blobs", self._workspace_id, digest, "content")

    def _write(self, path: Path, content: bytes) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        scratch = path.with_name(f".{secrets.token_hex(8)}")
        try:
            with open(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            scratch.replace(path)
        except BaseException:
            scratch.unlink(missing_ok=True)
            raise
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
