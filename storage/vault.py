"""Sealing: AES-256-GCM under a person's data key, which is wrapped by the master key (docs/adr/0003).

A sealed value opens only in its own place: workspace, table, row and column are authenticated with it.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from core.kernel.errors import NotFound

NONCE_BYTES = 12
KEY_BYTES = 32
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


class PersonKeys:
    """A person's data keys, oldest first: the newest seals, and each opens what it sealed. As bytes they are one after the other."""

    __slots__ = ("_keys", "_newest")

    def __init__(self, secrets: bytes) -> None:
        parts = [secrets[start : start + KEY_BYTES] for start in range(0, len(secrets), KEY_BYTES)]
        keys = [DataKey(f"u{number}", part) for number, part in enumerate(parts, start=1)]
        self._keys, self._newest = {key.id: key for key in keys}, keys[-1]

    def __repr__(self) -> str:
        return f"PersonKeys({', '.join(self._keys)})"

    @property
    def id(self) -> str:
        """Of the one that seals."""
        return self._newest.id

    def knows(self, sealed: bytes) -> bool:
        """Whether one of them sealed it. Raises SealBroken when it is no sealed value."""
        return sealed_by(sealed) in self._keys

    def seal(self, content: bytes, place: Place) -> bytes:
        """The content, sealed by the newest."""
        return self._newest.seal(content, place)

    def open(self, sealed: bytes, place: Place) -> bytes:
        """What was sealed. Raises SealBroken."""
        return self._keys.get(sealed_by(sealed), self._newest).open(sealed, place)


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


@dataclass(frozen=True)
class _Masters:
    """What is derived of the master keys: for each purpose, by the key's id."""

    current: str
    wrapping: dict[str, DataKey]
    inbound: dict[str, DataKey]
    installed: dict[str, DataKey]


class LocalKeys:
    """The master keys of this installation, the current one first. `again` answers all of them anew when they changed where they stand, None otherwise: it is asked before
    anything is sealed and when a key is not known, so that a rotation needs no restart."""

    def __init__(self, keys: tuple[bytes, ...], again: Callable[[], tuple[bytes, ...] | None] = lambda: None) -> None:
        self._masters, self._again = _derive(keys), again

    def __repr__(self) -> str:
        return f"LocalKeys({', '.join(self._masters.wrapping)})"

    @property
    def current(self) -> str:
        """The id of the key that wraps from now on."""
        return self._newest().current

    @property
    def ids(self) -> tuple[str, ...]:
        """Of all of them, the current one first."""
        return tuple(self._newest().wrapping)

    def known(self, key_id: str) -> bool:
        """Whether what that key wrapped can be opened."""
        return key_id in self._newest().wrapping

    def wrap(self, key: bytes, owner: UUID) -> bytes:
        masters = self._newest()
        return masters.wrapping[masters.current].seal(key, _wrapped_place(owner))

    def unwrap(self, wrapped: bytes, owner: UUID) -> bytes:
        return self._by(wrapped).wrapping[sealed_by(wrapped)].open(wrapped, _wrapped_place(owner))

    def seal_inbound(self, content: bytes, row: UUID) -> bytes:
        """Seals what came in before anybody knows whose it is."""
        masters = self._newest()
        return masters.inbound[masters.current].seal(content, _inbound_place(row))

    def open_inbound(self, sealed: bytes, row: UUID) -> bytes:
        """Raises SealBroken."""
        return self._by(sealed).inbound[sealed_by(sealed)].open(sealed, _inbound_place(row))

    def seal_installation(self, content: bytes, row: UUID) -> bytes:
        """Seals the tokens of an installation, which is nobody's own."""
        masters = self._newest()
        return masters.installed[masters.current].seal(content, _installed_place(row))

    def open_installation(self, sealed: bytes, row: UUID) -> bytes:
        """Raises SealBroken."""
        return self._by(sealed).installed[sealed_by(sealed)].open(sealed, _installed_place(row))

    def _newest(self) -> _Masters:
        changed = self._again()
        if changed is not None:
            self._masters = _derive(changed)
        return self._masters

    def _by(self, sealed: bytes) -> _Masters:
        """The keys among which the one is that sealed it."""
        key_id = sealed_by(sealed)
        masters = self._masters if key_id in self._masters.wrapping else self._newest()
        if key_id not in masters.wrapping:
            raise SealBroken("sealed by a master key that this process does not have")
        return masters


def _derive(keys: tuple[bytes, ...]) -> _Masters:
    def for_purpose(purpose: str) -> dict[str, DataKey]:
        return {_fingerprint(key): DataKey(_fingerprint(key), derived(key, purpose)) for key in keys}

    return _Masters(
        _fingerprint(keys[0]),
        for_purpose("wrap data keys"),
        for_purpose("inbound events"),
        for_purpose("installations"),
    )


def new_data_key() -> bytes:
    """32 random bytes."""
    return secrets.token_bytes(KEY_BYTES)


def erased(user_id: UUID) -> NotFound:
    """What everybody is told who asks for something of a person whose key was destroyed."""
    return NotFound("privacy.data_erased", user_id=str(user_id))


def derived(key: bytes, purpose: str) -> bytes:
    """A key of its own for one purpose (HKDF-SHA256, RFC 5869)."""
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=f"nod {purpose}".encode()).derive(key)


def _fingerprint(key: bytes) -> str:
    return hmac.new(key, b"nod key id", hashlib.sha256).hexdigest()[:12]


def _wrapped_place(owner: UUID) -> Place:
    return Place("data_keys", NOWHERE, owner, "wrapped")


def _inbound_place(row: UUID) -> Place:
    return Place("inbound_events", NOWHERE, row, "payload")


def _installed_place(row: UUID) -> Place:
    return Place("slack_installations", NOWHERE, row, "facts")
