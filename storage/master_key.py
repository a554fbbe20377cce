"""Where the master key comes from: a variable, a file, or a file made on the first start."""

import base64
import binascii
import contextlib
import os
import secrets
from collections.abc import Callable
from pathlib import Path

from core.kernel.settings import Settings
from storage.vault import KEY_BYTES


class MasterKeyBroken(Exception):
    """There is a master key, but it cannot be used. Says where it stands and what is wrong, never what it is."""

    what = "The master key cannot be used."
    remedy = "Check NOD_MASTER_KEY, NOD_MASTER_KEY_FILE or master.key in the data folder (docs/operations.md, Keys)."

    @property
    def why(self) -> str:
        """The middle one of three sentences for the terminal."""
        return f"{self}."


def master_keys(settings: Settings) -> tuple[bytes, ...]:
    """The master keys, the current one first; older ones only open what they wrapped.

    Each is 32 bytes in base64. Several, one a line or divided by commas, stand there while keys are rotated. Raises MasterKeyBroken.
    """
    if settings.master_key is not None:
        return _parsed(settings.master_key.get_secret_value(), "NOD_MASTER_KEY")
    path = key_file(settings)
    if settings.master_key_file is None:
        _make(path)
    return _read(path)


def key_file(settings: Settings) -> Path:
    """Where the master keys stand when no variable holds them."""
    return settings.master_key_file or settings.data_dir / "master.key"


def changed_keys(settings: Settings) -> Callable[[], tuple[bytes, ...] | None]:
    """Answers the master keys when their file is another one than at the last question, None otherwise. A variable never changes."""
    if settings.master_key is not None:
        return lambda: None
    path = key_file(settings)
    seen = [_state(path)]

    def ask() -> tuple[bytes, ...] | None:
        now = _state(path)
        if now is None or now == seen[0]:
            return None
        try:
            keys = _read(path)
        except MasterKeyBroken:
            return None  # What was read before still stands.
        seen[0] = now
        return keys

    return ask


def put_key_in_front(settings: Settings) -> None:
    """Makes a new master key the current one; those before it still open what they sealed. Whole or not at all. Raises MasterKeyBroken."""
    path, new = key_file(settings), secrets.token_bytes(KEY_BYTES)
    _replace(path, (new, *master_keys(settings)))


def keep_current_key(settings: Settings) -> int:
    """Takes out every master key but the current one; answers how many went. Raises MasterKeyBroken."""
    keys = master_keys(settings)
    if len(keys) > 1:
        _replace(key_file(settings), keys[:1])
    return len(keys) - 1


def _read(path: Path) -> tuple[bytes, ...]:
    try:
        return _parsed(path.read_text("ascii"), str(path))
    except (OSError, UnicodeDecodeError) as problem:
        raise MasterKeyBroken(f"{path} cannot be read: {type(problem).__name__}") from None


def _state(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def _parsed(text: str, where: str) -> tuple[bytes, ...]:
    keys = []
    for line in text.replace(",", "\n").split():
        try:
            key = base64.b64decode(line.replace("-", "+").replace("_", "/"), validate=True)
        except (binascii.Error, ValueError):
            raise MasterKeyBroken(f"{where} is not base64") from None
        if len(key) != KEY_BYTES:
            raise MasterKeyBroken(f"{where} holds {len(key)} bytes, a master key has {KEY_BYTES}")
        keys.append(key)
    if not keys:
        raise MasterKeyBroken(f"{where} is empty")
    return tuple(keys)


def _make(path: Path) -> None:
    """Writes a new key that only its owner may read, whole or not at all; of several processes the first one wins."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = _written(path, (secrets.token_bytes(KEY_BYTES),))
    try:
        with contextlib.suppress(FileExistsError):
            os.link(scratch, path)
        _durable(path.parent)
    finally:
        scratch.unlink()


def _replace(path: Path, keys: tuple[bytes, ...]) -> None:
    try:
        owner = path.stat()
        scratch = _written(path, keys)
        if owner.st_uid != os.geteuid():
            os.chown(scratch, owner.st_uid, owner.st_gid)
        scratch.replace(path)
        _durable(path.parent)
    except OSError as problem:
        raise MasterKeyBroken(f"{path} cannot be written: {problem.strerror}") from None


def _written(path: Path, keys: tuple[bytes, ...]) -> Path:
    scratch = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(b"".join(base64.b64encode(key) + b"\n" for key in keys))
        file.flush()
        os.fsync(file.fileno())
    return scratch


def _durable(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
