"""`nod export`: what there is, as a file; and the JSON Schema of such files."""

import json

from bots.cli.files import workspace
from core.workflows.documents import Exported, export_document, export_thing, schema


def export(email: str | None, kind: Exported | None, name: str) -> str:
    """The workspace as YAML, or the agent, pack or workflow of that name with what belongs to it. Raises Failure."""
    with workspace(email) as (actor, work), work() as opened:
        return export_document(opened, actor) if kind is None else export_thing(opened, actor, kind, name)


def schema_text() -> str:
    """The JSON Schema of a document."""
    return json.dumps(schema("document"), indent=2, ensure_ascii=False) + "\n"
