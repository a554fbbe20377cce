"""`nod export`: what there is, as a file; and the JSON Schema of such files."""

import json

from bots.cli.files import workspace
from core.workflows.documents import export_document, schema


def export(email: str | None) -> str:
    """The workspace as YAML. Raises Failure."""
    with workspace(email) as (actor, work), work() as opened:
        return export_document(opened, actor)


def schema_text() -> str:
    """The JSON Schema of a document."""
    return json.dumps(schema("document"), indent=2, ensure_ascii=False) + "\n"
