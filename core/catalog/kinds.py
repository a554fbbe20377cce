"""The templates that there are: one folder each under `core/catalog/templates/`, and under `templates/` of the data folder for a
person's own."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from core.catalog.graph import Graph, Node
from core.catalog.manifest import TemplateManifest
from core.kernel.errors import NotFound
from core.kernel.registry import ManifestBroken, manifests
from core.kernel.settings import settings

BUILT_IN = Path(__file__).parent / "templates"
BLANK = "blank"


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
    """The template of that slug; `blank` is that of agents whose graph a person wrote, and is not among those to choose from.
    Raises NotFound `catalog.template_unknown`."""
    if slug == BLANK:
        return _blank()
    try:
        return templates()[slug]
    except KeyError:
        raise NotFound("catalog.template_unknown", template=slug) from None


@cache
def _blank() -> Template:
    manifest = TemplateManifest(
        slug=BLANK, version="1.0.0", name="", archetype="generic", description="", does=(), never=(), tools=(),
        graph=Graph(nodes=(Node(id="nothing", skill="noop"),)),
    )  # fmt: skip
    return Template(manifest, BUILT_IN, {}, True)
