"""Where the master key comes from: a variable, a file, or a file made on the first start."""

import base64
import binascii
import contextlib
import os
import secrets
from pathlib import Path

from core.kernel.settings import Settings

KEY_BYTES = 32


class MasterKeyBroken(Exception):
    """There is a master key, but it cannot be used. Says where it stands and what is wrong, never what it is."""


def master_keys(settings: Settings) -> tuple[bytes, ...]:
    """The master keys, the current one first; older ones only open what they wrapped.

    Each is 32 bytes in base64. Several, one a line or divided by commas, stand there while keys are rotated. Raises MasterKeyBroken.
    """
    if settings.master_key is not None:
        return _parsed(settings.master_key.get_secret_value(), "NOD_MASTER_KEY")
    path = settings.master_key_file or settings.data_dir / "master.key"
    if settings.master_key_file is None:
        _make(path)
    try:
        return _parsed(path.read_text("ascii"), str(path))
    except (OSError, UnicodeDecodeError) as problem:
        raise MasterKeyBroken(f"{path} cannot be read: {type(problem).__name__}") from None


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
    scratch = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    handle = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(base64.b64encode(secrets.token_bytes(KEY_BYTES)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(scratch, path)
        folder = os.open(path.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)
    finally:
        scratch.unlink()
