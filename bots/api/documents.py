"""`/apply`, `/export` and `/schemas`: a workspace as YAML, both ways, and what editors need to help with it."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Body, Query, Response
from pydantic import BaseModel

from bots.api.caller import Calling
from bots.api.versions import ChangeOut
from bots.kit.contracts import contracts
from core.kernel.errors import Invalid
from core.workflows.documents import (
    Applied,
    Exported,
    apply_document,
    export_document,
    export_thing,
    plan_changes,
    schema,
)

router = APIRouter(tags=["documents"])
YAML = "application/yaml"
YAML_OUT: dict[int | str, dict[str, Any]] = {200: {"content": {YAML: {}}}}


class EntryOut(BaseModel):
    """What becomes of one entry: `how` is added, changed, removed or unchanged."""

    kind: str
    name: str
    how: str
    changes: list[ChangeOut]


class SecretOut(BaseModel):
    """The secret of a new webhook, shown this once."""

    trigger: str
    trigger_id: UUID
    secret: str


class AppliedOut(BaseModel):
    """What a document did, or in a dry run would do."""

    dry_run: bool
    items: list[EntryOut]
    secrets: list[SecretOut]
    next: None = None


class _Text(BaseModel):
    """What an Idempotency-Key stands for."""

    text: str


@router.post("/apply", response_model=AppliedOut)
def apply(
    caller: Calling,
    text: Annotated[bytes, Body(media_type=YAML, description="YAML as `/export` gives it, at most 1 MB.")] = b"",
    dry_run: Annotated[bool, Query(description="Only say what would change.")] = False,
) -> Response | AppliedOut:
    """Makes and changes what the document names, all of it or nothing; what it does not name stays. 422 says in `data` on which `line`, of which entry (`entry_kind`, `entry_name`) and at which `place`."""
    try:
        asked = _Text(text=text.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise Invalid("workflows.document_not_text") from None
    if dry_run:
        with caller.reading() as work:
            return _applied_out(Applied(plan_changes(work, caller.actor, contracts(), asked.text)), dry_run=True)
    return caller.write(
        asked, 200, lambda work: _applied_out(apply_document(work, caller.actor, contracts(), asked.text)), "apply",
        once=("secrets",),
    )  # fmt: skip


@router.get("/export", responses=YAML_OUT, response_class=Response)
def export(caller: Calling) -> Response:
    """The workspace's skills, agents, packs, workflows and triggers as YAML, without secrets and ids. 422 where a name stands for two things."""
    with caller.reading() as work:
        return Response(export_document(work, caller.actor), media_type=YAML)


@router.get("/agents/{agent_id}/export", responses=YAML_OUT, response_class=Response)
def export_agent(agent_id: UUID, caller: Calling) -> Response:
    """One agent as YAML, with the skills of one's own that it uses and the triggers that start it. 422 as for all."""
    return _alone(caller, "agent", agent_id)


@router.get("/packs/{pack_id}/export", responses=YAML_OUT, response_class=Response)
def export_pack(pack_id: UUID, caller: Calling) -> Response:
    """One pack as YAML, with its agents and the triggers that start it. 422 as for all."""
    return _alone(caller, "pack", pack_id)


@router.get("/workflows/{workflow_id}/export", responses=YAML_OUT, response_class=Response)
def export_workflow(workflow_id: UUID, caller: Calling) -> Response:
    """One workflow as YAML, with its agents, its pack and the triggers that start it. 422 as for all."""
    return _alone(caller, "workflow", workflow_id)


@router.get("/schemas/{name}")
def get_schema(name: str) -> dict[str, Any]:
    """A JSON Schema: of a `document` of any kind, of a `skill`, `agent`, `pack`, `workflow` or `trigger`, or of a `graph`. It needs no key: editors fetch it."""
    return schema(name)


def _alone(caller: Calling, kind: Exported, id: UUID) -> Response:
    with caller.reading() as work:
        return Response(export_thing(work, caller.actor, kind, id), media_type=YAML)


def _applied_out(applied: Applied, *, dry_run: bool = False) -> AppliedOut:
    items = [
        EntryOut(
            kind=each.kind, name=each.name, how=each.how,
            changes=[ChangeOut(place=c.place, how=c.how, old=c.old, new=c.new) for c in each.changes],
        )
        for each in applied.changes
    ]  # fmt: skip
    secrets = [SecretOut(trigger=s.trigger, trigger_id=s.trigger_id, secret=s.secret) for s in applied.secrets]
    return AppliedOut(dry_run=dry_run, items=items, secrets=secrets)
