"""A line to PostgreSQL that breaks at the worst moment: the server has committed, and nobody hears of it. Reads the protocol (version 3, chapter "Frontend/Backend
Protocol" of its manual) as it goes by."""

import random
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr
from sqlalchemy import make_url

from core.kernel.settings import Settings

SOCKET = ".s.PGSQL.5432"
CHUNK = 65_536


@dataclass
class Line:
    """`settings` are those of a process that speaks over it. Each commit goes unheard by the chance `unheard`, and so many of the `next` ones do; `cuts` counts them."""

    settings: Settings
    unheard: float = 0.0
    next: int = 0
    cuts: int = 0


@contextmanager
def line(settings: Settings, folder: Path, chance: random.Random) -> Iterator[Line]:
    """A line to the server of these settings, through a socket in `folder`."""
    folder.mkdir()
    assert settings.database_url is not None
    address = make_url(settings.database_url.get_secret_value())
    there = f"{address.query['host']}/{SOCKET}"
    mine = address.update_query_dict({"host": str(folder)}).render_as_string(hide_password=False)
    made = Line(settings.model_copy(update={"database_url": SecretStr(mine)}))
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(folder / SOCKET))
    (folder / SOCKET).chmod(0o777)
    listener.listen(256)
    threading.Thread(target=_accept, args=(listener, there, made, chance), daemon=True).start()
    try:
        yield made
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def _accept(listener: socket.socket, there: str, made: Line, chance: random.Random) -> None:
    while True:
        try:
            near, _ = listener.accept()
        except OSError:
            return
        far = socket.socket(socket.AF_UNIX)
        try:
            far.connect(there)
        except OSError:
            near.close()
            continue
        threading.Thread(target=_ask, args=(near, far), daemon=True).start()
        threading.Thread(target=_answer, args=(near, far, made, chance), daemon=True).start()


def _ask(near: socket.socket, far: socket.socket) -> None:
    with suppress(OSError):
        while data := near.recv(CHUNK):
            far.sendall(data)
    _hang_up(near, far)


def _answer(near: socket.socket, far: socket.socket, made: Line, chance: random.Random) -> None:
    seen = _Seen()
    with suppress(OSError):
        while data := far.recv(CHUNK):
            if seen.commits(data) and (made.next > 0 or chance.random() < made.unheard):
                made.next -= 1
                made.cuts += 1
                break
            near.sendall(data)
    _hang_up(near, far)


def _hang_up(*ends: socket.socket) -> None:
    for end in ends:
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()


class _Seen:
    """What one connection's server has said so far."""

    def __init__(self) -> None:
        self._rest = b""
        self._status = b"I"
        self._did = False

    def commits(self, data: bytes) -> bool:
        """Whether a commit is told in this piece: a COMMIT that was completed, or statements without a BEGIN that ended well."""
        told, at, data = False, 0, self._rest + data
        while len(data) >= at + 5:
            length = int.from_bytes(data[at + 1 : at + 5])
            if len(data) < at + 1 + length:
                break
            told |= self._see(data[at : at + 1], data[at + 5 : at + 1 + length])
            at += 1 + length
        self._rest = data[at:]
        return told

    def _see(self, kind: bytes, content: bytes) -> bool:
        told = False
        if kind == b"C":
            tag = content.split(b" ")[0].rstrip(b"\0")
            told = tag == b"COMMIT"
            self._did |= tag in (b"INSERT", b"UPDATE", b"DELETE", b"SELECT")
        elif kind == b"Z":
            told = self._status == b"I" and content == b"I" and self._did
            self._status, self._did = content, False
        return told
