"""Opens connections: an agent's tools for a run, one connection for an action."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePath
from threading import Lock
from types import TracebackType
from typing import Any, Self
from uuid import UUID

from core.connectors.connect import login_refused
from core.connectors.kinds import integration
from core.connectors.models import Connection
from core.connectors.ports import Connector, LoginRefused, Page, Place
from core.kernel.errors import Conflict
from core.messaging.post import announce
from core.orchestration.ports import Tool
from core.preferences.choose import need_not_revoked
from runners.connectors import connect
from runners.connectors.files import write_new
from runners.wiring import connection_folder, storage


@dataclass(frozen=True)
class Access:
    """What opening a connection takes: its row, its secrets, and whose it is."""

    connection: Connection
    secrets: Mapping[str, str]
    timezone: str
    owner_email: str

    def __repr__(self) -> str:
        return f"Access({self.connection.id})"


def access(work: Any, connection_id: UUID) -> Access:
    """Reads it within a transaction. Raises Conflict `approvals.connection_unusable` for a connection that is not active."""
    connection = work.connections.get(connection_id)
    if connection.status != "active":
        raise Conflict("approvals.connection_unusable", connection=connection.name, status=connection.status)
    owner = work.people.user(connection.user_id)
    profile = work.people.profile(connection.user_id)
    return Access(connection, work.connections.secrets(connection), profile.timezone, owner.email)


@contextmanager
def opened(given: Access) -> Iterator[Connector]:
    """The client of a connection. A refused login makes the connection expired and tells the person, once; then Conflict
    `connectors.login_refused` is raised."""
    connection = given.connection
    place = Place(connection_folder(connection.id), datetime.now(UTC), given.timezone, given.owner_email)
    _bring_upload(connection, place)
    try:
        with connect(connection.integration, connection.config, given.secrets, place) as client:
            yield _Allowed(client, connection) if integration(connection.integration).streams else client  # type: ignore[misc]
    except LoginRefused:
        expire(connection)
        raise Conflict("connectors.login_refused", connection=connection.name) from None


class _Allowed:
    """A client that reads only while the person allows it: a consent that was taken back stops a run that is under way at its next page."""

    def __init__(self, client: Connector, connection: Connection) -> None:
        self._client, self._connection = client, connection

    def read(self, stream: str, cursor: Mapping[str, Any] | None, limit: int) -> Page:
        """See Connector.read. Raises Forbidden `preferences.consent_missing`."""
        with storage().work(self._connection.workspace_id, self._connection.user_id) as work:
            need_not_revoked(work, self._connection.user_id, f"data:{stream}")
        return self._client.read(stream, cursor, limit)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def __repr__(self) -> str:
        return repr(self._client)


def _bring_upload(connection: Connection, place: Place) -> None:
    """A file that the person handed over lies in the content store; the connector wants it in its folder, under its digest."""
    name = PurePath(str(connection.config.get("file", ""))).name
    if not name or not integration(connection.integration).accepts_upload or (place.folder / name).exists():
        return
    content = storage().blobs(connection.workspace_id, connection.user_id).get(PurePath(name).stem)
    write_new(place.folder / name, content)


def expire(connection: Connection) -> None:
    """The provider refused the login: nothing is tried again until the person signs in anew."""
    with storage().work(connection.workspace_id, connection.user_id) as work:
        if login_refused(work, connection.id):
            announce(work, connection.user_id, "connection", connection.id)
        work.commit()


class Tools(Mapping[str, Tool], AbstractContextManager["Tools"]):
    """An agent's connections by role, each opened when a skill first asks for it, all closed at the end. `used` is told of each use."""

    def __init__(self, given: Mapping[str, Access], reader: UUID, used: Callable[[], None]) -> None:
        self._given, self._reader, self._used = given, str(reader), used
        self._open: dict[str, Tool] = {}
        self._stack = ExitStack()
        self._opening = Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._stack.close()

    def __getitem__(self, role: str) -> Tool:
        self._used()
        with self._opening:
            return self._opened(role)

    def _opened(self, role: str) -> Tool:
        if role not in self._open:
            given = self._given[role]
            self._open[role] = Tool(
                connection_id=given.connection.id,
                integration=given.connection.integration,
                account=given.connection.account,
                client=self._stack.enter_context(opened(given)),
                cursor=given.connection.sync_cursor.get(self._reader),
            )
        return self._open[role]

    def __iter__(self) -> Iterator[str]:
        return iter(self._given)

    def __len__(self) -> int:
        return len(self._given)
