"""Kinds live in folders: a manifest in a folder is the only list of templates and connectors."""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, ValidationError

M = TypeVar("M", bound=BaseModel)


class ManifestBroken(Exception):
    """A manifest in the source tree is wrong. Says which file, which field and why; the process refuses to start."""


def package_folder(package: str) -> Path:
    """The folder of an installed package, found without importing what is inside it."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ManifestBroken(f"there is no package {package!r}")
    return Path(spec.submodule_search_locations[0])


def manifests(folder: Path, model: type[M]) -> Iterator[tuple[Path, M]]:
    """Each `<slug>/manifest.yaml` under `folder`, parsed, in order of slug. Raises ManifestBroken."""
    for file in sorted(folder.glob("*/manifest.yaml")):
        try:
            yield (
                file.parent,
                model.model_validate({"slug": file.parent.name, **yaml.safe_load(file.read_text("utf-8"))}),
            )
        except (yaml.YAMLError, ValidationError, TypeError) as problem:
            raise ManifestBroken(f"{file}: {problem}") from problem
