"""A text becomes entries: each with its shape, its lines, and what it refers to; and in an order in which they can be made."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from core.catalog.graph.models import OWN
from core.kernel.errors import Failure, Invalid
from core.workflows.documents.reading import Marked, Path, read
from core.workflows.documents.shapes import (
    ENTRY,
    KINDS,
    AgentEntry,
    Entry,
    PackEntry,
    SkillEntry,
    TriggerEntry,
    WorkflowEntry,
)

MAX_ENTRIES = 1_000
SHOWN = 80
_HOLDERS = ("then", "otherwise", "steps")
Key = tuple[str, ...]


@dataclass(frozen=True)
class Written:
    """One entry of a document, and where it stands."""

    entry: Entry
    marked: Marked

    @property
    def name(self) -> str:
        """What it is called; a trigger without a name as what it starts."""
        if isinstance(self.entry, TriggerEntry):
            return self.entry.name.strip() or (self.entry.target or ("", ""))[1]
        return self.entry.name

    @property
    def key(self) -> Key:
        """What no other entry may be called."""
        if isinstance(self.entry, TriggerEntry):
            return ("trigger", *(self.entry.target or ("", "")), self.entry.type, self.name)
        return (self.entry.kind, self.entry.name)

    @property
    def removed(self) -> bool:
        """Whether it says that what it names shall go."""
        return self.entry.status == "removed"

    def located(self, failure: Failure) -> Failure:
        """The same failure, with `line`, `entry_kind`, `entry_name` and `place` (the field) in its data."""
        data = dict(failure.data)
        path = data.pop("path", None)
        path = _path(self.marked.value, data) if path is None else tuple(path)
        return _located(failure, data, self.marked, self.entry.kind, self.name, path)


def entries(text: str | bytes) -> list[Written]:
    """The entries of a text, each after what it refers to.

    Raises Invalid, with line, kind, name and field: all that reading.read raises, `workflows.document_kind_unknown`, `document_field_wrong` (rule),
    `document_entry_twice`, `document_target_wrong`, `document_circle`, `document_too_many`."""
    documents = read(text)
    if len(documents) > MAX_ENTRIES:
        raise Invalid("workflows.document_too_many", line=documents[MAX_ENTRIES].line(), most=MAX_ENTRIES)
    found: dict[Key, Written] = {}
    for marked in documents:
        written = Written(_entry(marked), marked)
        if isinstance(written.entry, TriggerEntry) and written.entry.target is None:
            raise written.located(Invalid("workflows.trigger_of_one_thing"))
        if isinstance(written.entry, AgentEntry) and written.entry.template is None and written.entry.graph is None:
            raise written.located(
                Invalid("workflows.document_field_wrong", place="graph", rule="missing", path=("graph",))
            )
        first = found.setdefault(written.key, written)
        if first is not written:
            raise written.located(Invalid("workflows.document_entry_twice", first=first.marked.line(), path=("name",)))
    return _in_order(found)


def steps_of(steps: Any, path: Path = ("steps",)) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Every step that looks like one, with its place; however deep, without recursion."""
    todo: list[tuple[Path, Any]] = [(path, steps)]
    while todo:
        where, part = todo.pop()
        if isinstance(part, list):
            todo += [((*where, at), each) for at, each in reversed(list(enumerate(part)))]
        elif isinstance(part, dict):
            yield where, part
            todo += [((*where, holder), part[holder]) for holder in _HOLDERS if isinstance(part.get(holder), list)]


def nodes_of(graph: Any) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Every node that looks like one, with its place."""
    nodes = graph.get("nodes") if isinstance(graph, dict) else None
    for at, node in enumerate(nodes if isinstance(nodes, list) else ()):
        if isinstance(node, dict):
            yield ("graph", "nodes", at), node


def _entry(marked: Marked) -> Entry:
    value = marked.value
    if not isinstance(value, dict) or value.get("kind") not in KINDS:
        kind = value.get("kind") if isinstance(value, dict) else None
        said = kind[:SHOWN] if isinstance(kind, str) else ""
        raise Invalid("workflows.document_kind_unknown", line=marked.line(("kind",)), found=said, kinds=list(KINDS))
    try:
        return ENTRY.validate_python(value)
    except ValidationError as problem:
        first = problem.errors(include_input=False, include_url=False, include_context=False)[0]
        name = value.get("name")
        path = first["loc"][1:]
        failure = Invalid("workflows.document_field_wrong", place=_said(path), rule=first["type"])
        shown = name[:SHOWN] if isinstance(name, str) else ""
        raise _located(failure, failure.data, marked, value["kind"], shown, path) from None


def _located(failure: Failure, data: dict[str, Any], marked: Marked, kind: str, name: str, path: Path) -> Failure:
    told = {"line": marked.line(path), "entry_kind": kind, "entry_name": name, "place": _said(path)}
    return type(failure)(failure.code, **{**data, **told})


def _said(path: Path) -> str:
    place = ""
    for part in path:
        place += f"[{part}]" if isinstance(part, int) else f".{part}" if place else str(part)
    return place[:200]


def _path(value: Any, data: dict[str, Any]) -> Path:
    """Where in the entry a failure of a use case points: it names a node, a step, or a field."""
    field = str(data.get("field") or "")
    parts: Path = tuple(int(part) if part.isdigit() else part for part in field.split(".") if part)
    for name, found in (("node", nodes_of(value.get("graph"))), ("step", steps_of(value.get("steps")))):
        wanted = data.get(name)
        if isinstance(wanted, str) and wanted:
            there = next(((path, each) for path, each in found if each.get("id") == wanted), None)
            if there is None:
                return ()
            inputs = there[1].get("inputs")
            inside = isinstance(inputs, dict) and parts[:1] != () and parts[0] in inputs and parts[0] not in there[1]
            return (*there[0], *(("inputs",) if inside else ()), *parts)
    for before in ((), ("settings",), ("spec",), ("graph",)):
        part: Any = value
        for step in (*before, *parts[:1]):
            part = part.get(step) if isinstance(part, dict) else None
        if parts and part is not None:
            return (*before, *parts)
    return parts


def needs(entry: Entry) -> Iterator[Key]:
    """What an entry refers to: kind and name."""
    match entry:
        case SkillEntry():
            for spec in (*entry.earlier, entry.spec) if entry.type == "agent" else ():
                if isinstance(spec.fixed.get("agent"), str):
                    yield "agent", spec.fixed["agent"]
        case AgentEntry():
            yield from _needs_of_graph(entry.graph)
        case PackEntry():
            yield from (("agent", name) for name in entry.agents)
        case WorkflowEntry():
            if entry.pack is not None:
                yield "pack", entry.pack
            for _, step in steps_of(entry.steps):
                if isinstance(step.get("agent"), str):
                    yield "agent", step["agent"]
        case TriggerEntry():
            if entry.target is not None:
                yield entry.target


def _needs_of_graph(graph: Any) -> Iterator[Key]:
    for _, node in nodes_of(graph):
        skill, inputs = node.get("skill"), node.get("inputs")
        if isinstance(skill, str) and skill.startswith(OWN):
            yield "skill", skill.removeprefix(OWN)
        if skill == "agent" and isinstance(inputs, dict) and isinstance(inputs.get("agent"), str):
            yield "agent", inputs["agent"]


def _in_order(found: dict[Key, Written]) -> list[Written]:
    """Kinds in their order, and each after all that it refers to in the same text."""
    waiting = {key: {need for need in needs(one.entry) if need in found and need != key} for key, one in found.items()}
    ranked: Sequence[Key] = sorted(found, key=lambda key: KINDS.index(found[key].entry.kind))
    made: list[Written] = []
    done: set[Key] = set()
    while len(made) < len(found):
        ready = [key for key in ranked if key not in done and waiting[key] <= done]
        if not ready:
            stuck = next(key for key in ranked if key not in done)
            raise found[stuck].located(Invalid("workflows.document_circle", path=("name",)))
        made += [found[key] for key in ready]
        done.update(ready)
    return made
