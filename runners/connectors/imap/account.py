"""Where an account's servers are, and on what terms they are spoken to: encrypted and verified, or on this machine."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any, Literal

from core.kernel.errors import Invalid

Security = Literal["tls", "starttls", "none"]


@dataclass(frozen=True)
class Server:
    """One server of the account."""

    host: str
    port: int
    security: Security


@dataclass(frozen=True)
class Account:
    """An account as configured. `seconds` is how long one answer may take, `days` how far back is read."""

    email: str
    username: str
    imap: Server
    smtp: Server
    sent_folder: str | None
    days: int
    seconds: int
    tls: ssl.SSLContext = field(repr=False)
    password: str = field(repr=False)


def account(config: Mapping[str, Any], secrets: Mapping[str, str]) -> Account:
    """The account of a config that its schema has checked. Raises Invalid `connectors.encryption_required` (a server
    elsewhere without encryption), `connectors.ca_unreadable` or `connectors.password_malformed`."""
    password = secrets["password"]
    if any(c in password for c in "\r\n\0"):
        raise Invalid("connectors.password_malformed")
    return Account(
        email=config["email"],
        username=config.get("username") or config["email"],
        imap=_server(config, "imap"),
        smtp=_server(config, "smtp"),
        sent_folder=config.get("sent_folder") or None,
        days=config["days"],
        seconds=config["timeout"],
        tls=_tls(config.get("ca_file")),
        password=password,
    )


def _server(config: Mapping[str, Any], which: str) -> Server:
    server = Server(config[f"{which}_host"], config[f"{which}_port"], config[f"{which}_security"])
    if server.security == "none" and not _on_this_machine(server.host):
        raise Invalid("connectors.encryption_required", field=f"{which}_security", host=server.host)
    return server


def _on_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _tls(ca_file: str | None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if ca_file:
        try:
            context.load_verify_locations(cafile=ca_file)
        except (OSError, ValueError):
            raise Invalid("connectors.ca_unreadable", path=ca_file) from None
    return context
