"""The signed context: tells PostgreSQL, in a way that SQL cannot forge, for which workspace and person a transaction runs (docs/adr/0002)."""

import hashlib
from collections.abc import Sequence
from uuid import UUID

from storage.vault import NOWHERE, derived

BLOCK = 64
LIFETIME = 600
SETTING = "nod.context"


class ContextSigner:
    """Signs contexts with a key that the database knows as two padded blocks, which the app role cannot read."""

    def __init__(self, master_key: bytes) -> None:
        self._key = derived(master_key, "signed context")
        # Their pads taken in once: a signature is made for every transaction.
        self._inner, self._outer = (hashlib.sha256(pad) for pad in self.pads())

    def __repr__(self) -> str:
        return "ContextSigner()"

    def sign(self, workspace_id: UUID, user_id: UUID, expires: int) -> str:
        """`workspace|user|expiry|hmac`; `expires` in Unix seconds of the database's clock."""
        said = f"{workspace_id.hex}|{user_id.hex}|{expires:010d}"
        return f"{said}|{self._proof(said)}"

    def sign_several(self, workspace_ids: Sequence[UUID], expires: int) -> str:
        """`{workspace,…}|expiry|hmac`, for what is done in several workspaces at once (`nod.proved_places`): a context of one workspace never begins so."""
        said = f"{{{','.join(id.hex for id in workspace_ids)}}}|{expires:010d}"
        return f"{said}|{self._proof(said)}"

    def at_the_door(self, expires: int) -> str:
        """The context of no workspace, for the directory, what is due, and what comes in."""
        return self.sign(NOWHERE, NOWHERE, expires)

    def pads(self) -> tuple[bytes, bytes]:
        """The inner and outer padded key (RFC 2104), so that the database verifies with plain SHA-256."""
        block = self._key.ljust(BLOCK, b"\0")
        return bytes(byte ^ 0x36 for byte in block), bytes(byte ^ 0x5C for byte in block)

    def _proof(self, said: str) -> str:
        """HMAC-SHA256 (RFC 2104)."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(said.encode())
        outer.update(inner.digest())
        return outer.hexdigest()
