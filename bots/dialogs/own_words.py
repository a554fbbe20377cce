"""What a template's or a connector's folder says, in the person's language: `texts/<language>.po` in the folder, where the `msgid` is the manifest's English.
So an agent that speaks another language is still one folder, and one without such a file is read in English."""

from collections.abc import Callable

from bots.kit.dialog import Chat
from bots.kit.words import phrases
from core.catalog.kinds import Template, templates
from core.connectors.kinds import folder, integrations
from core.connectors.manifest import ConnectorManifest
from core.connectors.models import Connection

Kind = Template | ConnectorManifest


def told(chat: Chat, kind: Kind) -> Callable[[str], str]:
    """Puts a text of the manifest into words: a message id where it is one, else what its folder has for it, else as it stands."""
    own = phrases((kind.folder if isinstance(kind, Template) else folder(kind.slug)) / "texts", chat.say.language)
    return lambda text: chat.say(text) if chat.say.knows(text) else own.get(text, text)


def name(chat: Chat, kind: Kind) -> str:
    """What an agent of the template, or a connection of the connector, is called."""
    return told(chat, kind)((kind.manifest if isinstance(kind, Template) else kind).name)


def step(chat: Chat, node: str) -> str:
    """A step of a graph: as a template's folder calls a node of that name in the person's language, else as it is."""
    known = (phrases(one.folder / "texts", chat.say.language) for one in templates().values())
    return next((own[node] for own in known if node in own), node)


def connection_name(chat: Chat, connection: Connection) -> str:
    """A connection's name; the part of it that came from the manifest in the person's language."""
    manifest = integrations().get(connection.integration)
    if manifest is None or not f"{connection.name} ".startswith(f"{manifest.name} "):
        return connection.name
    return name(chat, manifest) + connection.name[len(manifest.name) :]
