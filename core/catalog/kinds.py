"""The templates that there are: one folder each under `core/catalog/templates/`, and under `templates/` of the data folder for a
person's own."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from core.catalog.manifest import TemplateManifest
from core.kernel.errors import NotFound
from core.kernel.registry import ManifestBroken, manifests
from core.kernel.settings import settings

BUILT_IN = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Template:
    """A template: its manifest, its folder, and the texts that it drafts with (`prompts/*`, `drafts/*`: relative path → text)."""

    manifest: TemplateManifest
    folder: Path
    texts: dict[str, str]
    is_built_in: bool


def load(folder: Path, is_built_in: bool) -> dict[str, Template]:
    """Every template in `folder`, by slug. Raises ManifestBroken, also for a graph that cannot run."""
    found = {}
    for where, manifest in manifests(folder, TemplateManifest):
        try:
            manifest.graph.ordered()
        except Exception as problem:
            raise ManifestBroken(f"{where}/manifest.yaml: {problem!r}") from problem
        texts = {
            str(file.relative_to(where)): file.read_text("utf-8")
            for part in ("prompts", "drafts")
            for file in sorted((where / part).glob("**/*"))
            if file.is_file()
        }
        found[manifest.slug] = Template(manifest, where, texts, is_built_in)
    return found


@cache
def templates() -> dict[str, Template]:
    """Every template by slug; a person's own never replaces a built-in one."""
    own = settings().data_dir / "templates"
    return {**(load(own, False) if own.is_dir() else {}), **load(BUILT_IN, True)}


def template(slug: str) -> Template:
    """Raises NotFound `catalog.template_unknown`."""
    try:
        return templates()[slug]
    except KeyError:
        raise NotFound("catalog.template_unknown", template=slug) from None
