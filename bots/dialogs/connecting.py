"""What connecting needs in more than one dialog: which connectors there are for a tool, and how one is asked for."""

from collections.abc import Iterable
from pathlib import PurePath
from typing import Any
from uuid import UUID

from bots.dialogs import own_words, talk
from bots.kit import forms
from bots.kit.dialog import Chat, Reply, Upload
from bots.kit.screen import Button, Form, Heading, Paragraph, Screen, row
from core.catalog.kinds import templates
from core.connectors.kinds import integration, integrations
from core.connectors.manifest import ConnectorManifest
from core.connectors.models import Connection
from core.kernel.errors import NotFound

DIALOG = "connect"
FILE = "file"
"""The config property that names an uploaded file: `<hash of the content store><suffix>`, put into the connection's folder by the runner."""


def offered(tool: str) -> list[ConnectorManifest]:
    """Connectors for a tool that a person sets up themselves: sample data last."""
    found = [m for m in integrations().values() if m.tool == tool and not m.automatic]
    return sorted(found, key=lambda m: (m.sample, m.name))


def tools() -> list[str]:
    """The tools that something can be connected for."""
    return sorted({m.tool for m in integrations().values() if not m.automatic})


def suffixes(tool: str | None = None) -> tuple[str, ...]:
    """Endings of files that may be handed over."""
    return tuple(sorted({s for m in integrations().values() if tool in (None, m.tool) for s in m.accepts_upload}))


def for_file(name: str, tool: str | None = None) -> ConnectorManifest | None:
    """The connector that takes a file of that name."""
    ending = PurePath(name.lower()).suffix
    return next((m for m in integrations().values() if tool in (None, m.tool) and ending in m.accepts_upload), None)


def button(chat: Chat, manifest: ConnectorManifest) -> Button:
    """Sets up this connector."""
    name = own_words.name(chat, manifest)
    label = chat.say("connection.upload", name=name) if manifest.accepts_upload else name
    return Button(label=label, action="connection.new", args=(manifest.slug,))


def listed(chat: Chat, connection: Connection) -> str:
    """A connection as a person knows it: its name, and its account where that says more. Where on this machine a folder is, its own page says."""
    account, name = connection.account, own_words.connection_name(chat, connection)
    if not account or account.startswith("/") or account.casefold() in name.casefold():
        return name
    return f"{name} · {account}"


def form(chat: Chat, manifest: ConnectorManifest, values: dict[str, Any] | None = None, *, again: str = "") -> Screen:
    """The connector's questions; `again` is the id of a connection whose login is renewed."""
    told, name = own_words.told(chat, manifest), own_words.name(chat, manifest)
    asked = forms.fields(manifest.asked, values, translate=told)
    heading = chat.say("connection.again" if again else "connection.heading", name=name)
    return Screen(
        blocks=(Heading(text=heading), Paragraph(text=told(manifest.description)), *_promise(chat, manifest)),
        form=Form(
            action="connection.renewed" if again else "connection.make", args=(again or manifest.slug,), fields=asked,
            submit=chat.say("connection.submit"),
        ),
        buttons=(row(talk.cancel(chat)),),
    )  # fmt: skip


def _promise(chat: Chat, manifest: ConnectorManifest) -> tuple[Paragraph, ...]:
    if not manifest.secret_fields:
        return ()
    return (Paragraph(text=chat.say("connection.sealed"), muted=True),)


def file_screen(chat: Chat, manifest: ConnectorManifest) -> Screen:
    """Asks for the file."""
    return Screen(
        blocks=(
            Heading(text=chat.say("connection.heading", name=own_words.name(chat, manifest))),
            Paragraph(text=chat.say("connection.send_file", suffixes=list(manifest.accepts_upload))),
        ),
        buttons=(row(talk.cancel(chat)),),
        accepts_file=manifest.accepts_upload,
    )


def without_file(manifest: ConnectorManifest) -> dict[str, Any]:
    """The questions that are left once the file is there."""
    properties = {name: rules for name, rules in manifest.config.get("properties", {}).items() if name != FILE}
    required = [name for name in manifest.config.get("required", ()) if name in properties]
    return {"type": "object", "properties": properties, "required": required}


def stored(upload: Upload) -> dict[str, Any]:
    """An upload as it is kept in a conversation."""
    return {"name": upload.name[:200], "blob": upload.blob, "size": upload.size}


def config_of(upload: dict[str, Any]) -> dict[str, Any]:
    """The config that names the uploaded file."""
    return {FILE: f"{upload['blob']}{PurePath(upload['name'].lower()).suffix}"}


def slugs(tool: str) -> list[str]:
    """Every connector of a tool."""
    return [m.slug for m in integrations().values() if m.tool == tool]


def tool_of(connection: Connection) -> str:
    """The tool that a connection is for."""
    return integration(connection.integration).tool


def tool_name(chat: Chat, tool: str) -> str:
    """A tool in words."""
    code = f"tool.{tool}"
    return chat.say(code) if chat.say.knows(code) else tool


SHORT = 12
"""Hex digits of a UUIDv7's random end: a button holds one whole id, and this much of a second."""


def short(connection_id: UUID) -> str:
    """The end of an id, for a button that carries another id already."""
    return connection_id.hex[-SHORT:]


def by_short(connections: Iterable[Connection], end: str) -> Connection:
    """The one of these whose id ends so. Raises NotFound `connectors.connection_unknown`."""
    found = [one for one in connections if short(one.id) == end]
    if len(found) != 1:
        raise NotFound("connectors.connection_unknown")
    return found[0]


def made(chat: Chat, connection: Connection, mode: str = "new") -> Reply:
    """Its card says how the check goes."""
    talk.end(chat, DIALOG)
    return Reply(subject=("connection", connection.id), mode="replace" if mode == "replace" else "new")


def reader_of(tool: str) -> str | None:
    """A template that works with the tool."""
    return next(
        (slug for slug, t in templates().items() if any(n.tool == tool and n.reads for n in t.manifest.tools)), None
    )
