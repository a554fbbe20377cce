"""The worlds of the connectors: servers once a session, mailboxes and folders once a test."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest

from tests.contract.connectors.rigs import RIGS, HttpRig, ImapRig, McpRig, Rig
from tests.emulators.authority import Authority
from tests.emulators.mailserver import MailServer, dovecot, mail_server
from tests.emulators.mcpserver import McpServer, mcp_server
from tests.emulators.smtpserver import SmtpServer, smtp_server
from tests.emulators.website import HOST, website


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Who signs the servers' certificates."""
    return Authority(tmp_path_factory.mktemp("authority"))


def _as_long_as_users_are_free(fixture_name: str, config: pytest.Config) -> Literal["session", "function"]:
    return "session" if dovecot() else "function"


@pytest.fixture(scope=_as_long_as_users_are_free)
def imap_server(authority: Authority) -> Iterator[MailServer]:
    """A real IMAP server: every test has a mailbox of its own."""
    with mail_server(authority) as server:
        yield server


@pytest.fixture(scope="session")
def _smtp(authority: Authority) -> Iterator[SmtpServer]:
    with smtp_server(authority.server_context()) as server:
        yield server


@pytest.fixture
def smtp(_smtp: SmtpServer) -> SmtpServer:
    """A real SMTP server that has seen nothing yet."""
    _smtp.reset()
    return _smtp


@pytest.fixture
def account(tmp_path: Path, imap_server: MailServer, smtp: SmtpServer, authority: Authority) -> ImapRig:
    """A mail account."""
    return ImapRig(tmp_path, imap_server, smtp, authority.ca_file)


@pytest.fixture
def web_service(tmp_path: Path) -> Iterator[HttpRig]:
    """A web service."""
    with website(Authority(tmp_path / "web", HOST)) as site:
        yield HttpRig(tmp_path, site)


@pytest.fixture(scope="session")
def _mcp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[McpServer]:
    with mcp_server(tmp_path_factory.mktemp("mcp")) as server:
        yield server


@pytest.fixture
def tool_server(tmp_path: Path, _mcp: McpServer) -> McpRig:
    """A server of tools that has done nothing yet."""
    _mcp.reset()
    return McpRig(tmp_path, _mcp)


@pytest.fixture(params=sorted(RIGS))
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Rig:
    """Each connector in turn."""
    return _rig(request, tmp_path)


@pytest.fixture(params=sorted(slug for slug, rig in RIGS.items() if rig.stream))
def reader(request: pytest.FixtureRequest, tmp_path: Path) -> Rig:
    """Each connector in turn that has something to read."""
    return _rig(request, tmp_path)


def _rig(request: pytest.FixtureRequest, tmp_path: Path) -> Rig:
    served = {"imap": "account", "http": "web_service", "mcp": "tool_server"}
    if request.param in served:
        return request.getfixturevalue(served[request.param])
    return RIGS[request.param](tmp_path)  # type: ignore[call-arg]
