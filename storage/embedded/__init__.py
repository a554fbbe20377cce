"""PostgreSQL and Valkey without installing them: the default for one person on one machine."""

from storage.embedded.errors import AlreadyRunning, EmbeddedError
from storage.embedded.servers import Embedded, EmbeddedServers, find_running, opened

__all__ = ["AlreadyRunning", "Embedded", "EmbeddedError", "EmbeddedServers", "find_running", "opened"]
