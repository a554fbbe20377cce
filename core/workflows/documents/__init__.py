"""A workspace's agents, skills, packs, workflows and triggers as YAML, both ways. The terminal, REST and chats use the same."""

from core.workflows.documents.apply import Applied, Changed, DocumentWork, NewSecret, apply_document, plan_changes
from core.workflows.documents.export import Exported, export_document, export_thing
from core.workflows.documents.schemas import SCHEMAS, schema

__all__ = [
    "SCHEMAS",
    "Applied",
    "Changed",
    "DocumentWork",
    "Exported",
    "NewSecret",
    "apply_document",
    "export_document",
    "export_thing",
    "plan_changes",
    "schema",
]
