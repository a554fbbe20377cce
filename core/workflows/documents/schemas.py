"""JSON Schemas for editors: of each kind of document, of any, and of a graph alone."""

from collections.abc import Callable
from functools import cache
from typing import Any

from pydantic import BaseModel, TypeAdapter

from core.catalog.graph import Graph
from core.kernel.errors import NotFound
from core.workflows.documents.shapes import ENTRY, AgentEntry, PackEntry, SkillEntry, TriggerEntry, WorkflowEntry
from core.workflows.steps import Steps

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_ENTRIES: dict[str, type[BaseModel]] = {
    "skill": SkillEntry, "agent": AgentEntry, "pack": PackEntry, "workflow": WorkflowEntry, "trigger": TriggerEntry,
}  # fmt: skip
SCHEMAS = (*_ENTRIES, "graph", "document")


@cache
def schema(name: str) -> dict[str, Any]:
    """The JSON Schema of that name, one of SCHEMAS. Raises NotFound `workflows.schema_unknown`."""
    if name == "graph":
        made = Graph.model_json_schema()
    elif name == "document":
        made = ENTRY.json_schema()
    elif name in _ENTRIES:
        made = _ENTRIES[name].model_json_schema()
    else:
        raise NotFound("workflows.schema_unknown", name=name[:80])
    if name != "graph":
        _with_insides(made)
    return {"$schema": DIALECT, "title": f"Nod {name}", **made}


def _with_insides(made: dict[str, Any]) -> None:
    """What documents hold as plain JSON has shapes of its own, in which ids are names."""
    inside: dict[str, Any] = made.setdefault("$defs", {})
    shapes: list[Callable[..., dict[str, Any]]] = [Graph.model_json_schema, TypeAdapter(Steps).json_schema]
    graph, steps = (make(ref_template="#/$defs/{model}") for make in shapes)
    for part in (graph, steps):
        inside.update(part.pop("$defs", {}))
    inside["Graph"], inside["Steps"] = graph, _by_name(steps)
    for step in ("AgentStep", "AskStep"):
        inside[step] = _by_name(inside[step])
    for holder in (made, *inside.values()):
        properties = holder.get("properties", {})
        if "graph" in properties and "settings" in properties:
            properties["graph"] = {"$ref": "#/$defs/Graph"}
        if "steps" in properties and "pack" in properties:
            properties["steps"] = {"$ref": "#/$defs/Steps"}


def _by_name(part: Any) -> Any:
    if isinstance(part, dict):
        return {key: _by_name(value) for key, value in part.items() if (key, value) != ("format", "uuid")}
    return [_by_name(each) for each in part] if isinstance(part, list) else part
