"""`/templates`: what agents can be made of."""

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel

from bots.api.caller import Calling
from core.catalog.kinds import Template, template, templates

router = APIRouter(tags=["templates"])


class TemplateOut(BaseModel):
    """A template. `id` is its slug, `settings` the JSON Schema of an agent's config, `default_config` its values."""

    id: str
    name: str
    archetype: str
    description: str
    version: str
    required_tools: list[str]
    consents: list[str]
    settings: dict[str, Any]
    default_config: dict[str, Any]
    schedule: str | None
    is_built_in: bool


class Templates(BaseModel):
    items: list[TemplateOut]
    next: None = None


@router.get("/templates")
def list_templates(caller: Calling) -> Templates:
    """Every template."""
    caller.actor.need("read")
    return Templates(items=[_out(found) for found in templates().values()])


@router.get("/templates/{template_id}")
def get_template(template_id: str, caller: Calling) -> TemplateOut:
    """One template."""
    caller.actor.need("read")
    return _out(template(template_id))


def _out(found: Template) -> TemplateOut:
    manifest = found.manifest
    return TemplateOut(
        id=manifest.slug,
        name=manifest.name,
        archetype=manifest.archetype,
        description=manifest.description,
        version=manifest.version,
        required_tools=[need.tool for need in manifest.tools if need.required],
        consents=list(manifest.consents),
        settings=manifest.settings,
        default_config=manifest.defaults,
        schedule=manifest.schedule,
        is_built_in=found.is_built_in,
    )
