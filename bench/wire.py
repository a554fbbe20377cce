"""A line between a process and PostgreSQL that counts what goes over it: round trips, statements, commits. Sees the PostgreSQL protocol
(version 3, chapter "Frontend/Backend Protocol" of its manual) go by and changes nothing."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import make_url

SOCKET = ".s.PGSQL.5432"
CHUNK = 65_536


@dataclass
class Counts:
    """`trips`: how often the process sent something and waited for the answer. `statements`: commands that the server completed, without BEGIN,
    COMMIT and ROLLBACK. `commits`: COMMITs, and transactions of statements that came without a BEGIN, ended well."""

    trips: int = 0
    statements: int = 0
    commits: int = 0

    def __sub__(self, earlier: "Counts") -> "Counts":
        return Counts(self.trips - earlier.trips, self.statements - earlier.statements, self.commits - earlier.commits)

    def copy(self) -> "Counts":
        """As it is now."""
        return Counts(self.trips, self.statements, self.commits)


@dataclass(frozen=True)
class Wire:
    """`url` is the address to give to the process."""

    url: str
    counts: Counts


@contextmanager
def wire(url: str, folder: Path) -> Iterator[Wire]:
    """A line to the server of `url`, through a socket in `folder`."""
    folder.mkdir(parents=True)
    address = make_url(url)
    there = f"{address.query['host']}/{SOCKET}"
    counts = Counts()
    loop = asyncio.new_event_loop()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.CancelledError, ConnectionError):
            await _Line(counts).carry(reader, writer, there)

    server = loop.run_until_complete(asyncio.start_unix_server(connected, str(folder / SOCKET)))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        mine = address.update_query_dict({"host": str(folder)}).render_as_string(hide_password=False)
        yield Wire(mine, counts)
    finally:
        server.close()
        asyncio.run_coroutine_threadsafe(_hang_up(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _hang_up() -> None:
    lines = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for line in lines:
        line.cancel()
    await asyncio.gather(*lines, return_exceptions=True)


class _Line:
    """One connection."""

    def __init__(self, counts: Counts) -> None:
        self._counts = counts
        self._heard = True
        self._rest = b""
        self._status = b"I"
        self._did = False

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, there: str) -> None:
        """Until either end hangs up."""
        server_reader, server_writer = await asyncio.open_unix_connection(there)
        await asyncio.gather(self._ask(reader, server_writer), self._answer(server_reader, writer))

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(CHUNK):
            if self._heard:
                self._heard = False
                self._counts.trips += 1
            writer.write(data)
        writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(CHUNK):
            self._heard = True
            writer.write(data)
            self._read(self._rest + data)
        writer.close()

    def _read(self, data: bytes) -> None:
        """Messages: a letter, four bytes of length that count themselves, content. What is not whole waits for more."""
        at = 0
        while len(data) >= at + 5:
            length = int.from_bytes(data[at + 1 : at + 5])
            if len(data) < at + 1 + length:
                break
            self._see(data[at : at + 1], data[at + 5 : at + 1 + length])
            at += 1 + length
        self._rest = data[at:]

    def _see(self, kind: bytes, content: bytes) -> None:
        if kind == b"C":
            tag = content.split(b" ")[0].rstrip(b"\0")
            if tag == b"COMMIT":
                self._counts.commits += 1
            elif tag not in (b"BEGIN", b"ROLLBACK"):
                self._counts.statements += 1
                self._did = True
        elif kind == b"Z":
            if self._status == b"I" and content == b"I" and self._did:
                self._counts.commits += 1
            self._status, self._did = content, False
