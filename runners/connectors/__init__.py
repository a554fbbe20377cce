"""The connectors that there are: each folder in here with a manifest. A client's code is loaded only when it is opened.

See docs/connectors.md for how to add one."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from functools import cached_property
from importlib import import_module
from typing import Any

from core.connectors.kinds import checked_config
from core.connectors.manifest import ConnectorManifest
from core.connectors.ports import Connector, LocalConnector, Place
from core.kernel.errors import NotFound
from core.kernel.registry import manifests as manifests_in
from core.kernel.registry import package_folder

__all__ = ["Connectors", "connect", "local", "manifest", "manifests"]


class Connectors:
    """The connectors of one package of folders, e.g. `runners.connectors`."""

    def __init__(self, package: str) -> None:
        self._package = package

    @cached_property
    def _found(self) -> dict[str, ConnectorManifest]:
        return {m.slug: m for _, m in manifests_in(package_folder(self._package), ConnectorManifest)}

    def manifests(self) -> tuple[ConnectorManifest, ...]:
        """All of them, in order of slug. Raises ManifestBroken."""
        return tuple(self._found.values())

    def manifest(self, slug: str) -> ConnectorManifest:
        """The one of that slug. Raises NotFound `connectors.integration_unknown`."""
        if slug not in self._found:
            raise NotFound("connectors.integration_unknown", integration=slug)
        return self._found[slug]

    def connect(
        self, slug: str, config: Mapping[str, Any], secrets: Mapping[str, str], place: Place
    ) -> AbstractContextManager[Connector]:
        """A client for one connection, opened by `with`. Values that the config leaves out are the schema's defaults.

        Raises NotFound for an unknown slug, Invalid `connectors.config_invalid` (naming fields and rules, no values);
        opening raises LoginRefused or Unavailable."""
        manifest = self.manifest(slug)
        return self._client(slug).connect(_completed(manifest, config, secrets), dict(secrets), place)

    def local(self, slug: str) -> LocalConnector:
        """The connector of class `local` of that slug. Raises NotFound."""
        self.manifest(slug)
        found = getattr(self._client(slug), "LOCAL", None)
        if found is None:
            raise NotFound("connectors.integration_not_local", integration=slug)
        return found

    def _client(self, slug: str) -> Any:
        return import_module(f"{self._package}.{slug}.client")


def _completed(manifest: ConnectorManifest, config: Mapping[str, Any], secrets: Mapping[str, str]) -> dict[str, Any]:
    properties: Mapping[str, Any] = manifest.config.get("properties", {})
    defaults = {name: rule["default"] for name, rule in properties.items() if "default" in rule}
    return checked_config(manifest, defaults | dict(config) | dict(secrets))[0]


_house = Connectors("runners.connectors")
manifests = _house.manifests
manifest = _house.manifest
connect = _house.connect
local = _house.local
