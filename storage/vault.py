"""Sealing: AES-256-GCM under a person's data key, which is wrapped by the master key (docs/adr/0003).

A sealed value opens only in its own place: workspace, table, row and column are authenticated with it.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from core.kernel.errors import NotFound

NONCE_BYTES = 12
FORMAT = b"\x01"
NOWHERE = UUID(int=0)


class SealBroken(Exception):
    """A sealed value does not open here: it was changed, moved from another place, or sealed by an unknown key."""


@dataclass(frozen=True)
class Place:
    """Where a sealed value stands. Rows outside of workspaces use the nil UUID."""

    table: str
    workspace_id: UUID
    row: UUID | str
    column: str

    def bound_to(self, key_id: str) -> bytes:
        """The additional data of the AEAD (RFC 5116)."""
        return "\x1f".join((self.table, str(self.workspace_id), str(self.row), self.column, key_id)).encode()


class DataKey:
    """A key that seals. `id` goes with what it seals; its bytes are shown to nobody."""

    __slots__ = ("_cipher", "id")

    def __init__(self, id: str, secret: bytes) -> None:
        self.id = id
        self._cipher = AESGCM(secret)

    def __repr__(self) -> str:
        return f"DataKey({self.id})"

    def seal(self, content: bytes, place: Place) -> bytes:
        """The content, unreadable anywhere but in `place`."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        name = self.id.encode()
        return (
            FORMAT + bytes((len(name),)) + name + nonce + self._cipher.encrypt(nonce, content, place.bound_to(self.id))
        )

    def open(self, sealed: bytes, place: Place) -> bytes:
        """What was sealed. Raises SealBroken."""
        key_id, start = sealed_by(sealed), 2 + sealed[1]
        if key_id != self.id:
            raise SealBroken(f"{place.table}.{place.column} was sealed by another key")
        nonce, rest = sealed[start : start + NONCE_BYTES], sealed[start + NONCE_BYTES :]
        try:
            return self._cipher.decrypt(nonce, rest, place.bound_to(key_id))
        except (InvalidTag, ValueError):
            raise SealBroken(f"{place.table}.{place.column} does not open in this row") from None


def sealed_by(sealed: bytes) -> str:
    """The id of the key that sealed it. Raises SealBroken when it is no sealed value."""
    if len(sealed) < 2 or sealed[:1] != FORMAT or len(sealed) < 2 + sealed[1] + NONCE_BYTES:
        raise SealBroken("not a sealed value")
    return sealed[2 : 2 + sealed[1]].decode("ascii", "replace")


class KeyKeeper(Protocol):
    """Wraps and unwraps data keys without giving its own away; a KMS fits behind it. May block."""

    @property
    def current(self) -> str:
        """The id of the key that wraps from now on."""
        ...

    def wrap(self, key: bytes, owner: UUID) -> bytes: ...

    def unwrap(self, wrapped: bytes, owner: UUID) -> bytes:
        """Raises SealBroken."""
        ...


class LocalKeys:
    """The master keys of this installation, the current one first."""

    def __init__(self, keys: tuple[bytes, ...]) -> None:
        self._keys = {_fingerprint(key): DataKey(_fingerprint(key), derived(key, "wrap data keys")) for key in keys}
        self._inbound = {_fingerprint(key): DataKey(_fingerprint(key), derived(key, "inbound events")) for key in keys}
        self._installed = {_fingerprint(key): DataKey(_fingerprint(key), derived(key, "installations")) for key in keys}
        self.current = _fingerprint(keys[0])

    def __repr__(self) -> str:
        return f"LocalKeys({', '.join(self._keys)})"

    def known(self, key_id: str) -> bool:
        """Whether what that key wrapped can be opened."""
        return key_id in self._keys

    def wrap(self, key: bytes, owner: UUID) -> bytes:
        return self._keys[self.current].seal(key, _wrapped_place(owner))

    def unwrap(self, wrapped: bytes, owner: UUID) -> bytes:
        return _by_id(self._keys, wrapped).open(wrapped, _wrapped_place(owner))

    def seal_inbound(self, content: bytes, row: UUID) -> bytes:
        """Seals what came in before anybody knows whose it is."""
        return self._inbound[self.current].seal(content, _inbound_place(row))

    def open_inbound(self, sealed: bytes, row: UUID) -> bytes:
        """Raises SealBroken."""
        return _by_id(self._inbound, sealed).open(sealed, _inbound_place(row))

    def seal_installation(self, content: bytes, row: UUID) -> bytes:
        """Seals the tokens of an installation, which is nobody's own."""
        return self._installed[self.current].seal(content, _installed_place(row))

    def open_installation(self, sealed: bytes, row: UUID) -> bytes:
        """Raises SealBroken."""
        return _by_id(self._installed, sealed).open(sealed, _installed_place(row))


def new_data_key() -> bytes:
    """32 random bytes."""
    return secrets.token_bytes(32)


def erased(user_id: UUID) -> NotFound:
    """What everybody is told who asks for something of a person whose key was destroyed."""
    return NotFound("privacy.data_erased", user_id=str(user_id))


def derived(key: bytes, purpose: str) -> bytes:
    """A key of its own for one purpose (HKDF-SHA256, RFC 5869)."""
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=f"nod {purpose}".encode()).derive(key)


def _by_id(keys: dict[str, DataKey], sealed: bytes) -> DataKey:
    try:
        return keys[sealed_by(sealed)]
    except KeyError:
        raise SealBroken("sealed by a master key that this process does not have") from None


def _fingerprint(key: bytes) -> str:
    return hmac.new(key, b"nod key id", hashlib.sha256).hexdigest()[:12]


def _wrapped_place(owner: UUID) -> Place:
    return Place("data_keys", NOWHERE, owner, "wrapped")


def _inbound_place(row: UUID) -> Place:
    return Place("inbound_events", NOWHERE, row, "payload")


def _installed_place(row: UUID) -> Place:
    return Place("slack_installations", NOWHERE, row, "facts")
