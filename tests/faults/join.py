"""Makes the rig's connector known to a process, as one that was added to the product's folder would be."""

from pathlib import Path

from core.connectors.kinds import integrations
from core.connectors.manifest import ConnectorManifest
from core.kernel.registry import manifests
from runners import connectors

FOLDER = Path(__file__).parent / "connectors"


def join() -> None:
    """Adds it to what this process knows."""
    found = {manifest.slug: manifest for _, manifest in manifests(FOLDER, ConnectorManifest)}
    integrations().update(found)
    connectors._house._found.update(found)  # pyright: ignore[reportPrivateUsage]
    if str(FOLDER) not in connectors.__path__:
        connectors.__path__.append(str(FOLDER))
