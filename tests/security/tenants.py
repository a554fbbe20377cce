"""Two tenants: one with a row of every kind that REST can name, and one with nothing."""

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import psycopg

from core.approvals.delegate import delegate
from core.approvals.rooms import let_ask
from core.identity.models import Invitation, Membership
from core.kernel.ids import new_id
from core.kernel.settings import Settings
from core.messaging.rooms import connect_room
from core.orchestration.models import RunStep
from core.workflows.ask import ask
from storage import Storage
from storage.tables import metadata
from tests.bots.api.test_building import adds, made
from tests.bots.api.test_rest import Connect
from tests.databases import somebody
from tests.runners.world import World, mail, task

TENANT_TABLES = sorted(t.name for t in metadata.tables.values() if "workspace_id" in t.c)
KEPT_APART = {"api_keys": ("last_used_at", "version")}


@dataclass
class Tenant:
    """One workspace through REST. `things` are ids by the name of their parameter, so many that a path of two ids can be filled."""

    world: World
    client: httpx.Client
    things: dict[str, list[str]] = field(default_factory=dict)

    @property
    def ids(self) -> list[str]:
        return [id for those in self.things.values() for id in those]


def rich(world: World, connect: Connect) -> Tenant:
    """Somebody who owns something of everything."""
    client = connect()
    agent, other = adds(client), adds(client, "Other")
    graph = client.get(f"/v1/agents/{agent}/versions").json()["items"][0]["graph"]
    graph["output"] = {}
    made(client.post(f"/v1/agents/{agent}/versions", json={"graph": graph}))
    spec = {"fixed": {"engine": "jmespath", "expression": "@", "data": {"$": "input.n"}}, "inputs": {"type": "object"}}
    skill = made(client.post("/v1/skills", json={"name": "own", "type": "transform", "spec": spec}))["id"]
    pack = made(client.post("/v1/packs", json={"name": "P", "agent_ids": [agent, other]}))["id"]
    steps = [{"id": "one", "kind": "agent", "agent": agent}]
    flow = made(client.post("/v1/workflows", json={"name": "W", "type": "sequential", "steps": steps}))["id"]
    made(client.patch(f"/v1/workflows/{flow}", json={"steps": [*steps, {**steps[0], "id": "two"}]}), 200)
    hook = made(client.post("/v1/triggers", json={"type": "webhook", "agent_id": agent}))["id"]
    cron = {"type": "schedule", "agent_id": agent, "cron": "0 8 * * *", "timezone": "UTC"}
    schedule = made(client.post("/v1/triggers", json=cron))["id"]
    runs = [
        made(client.post(f"/v1/packs/{pack}/runs"), 202)["id"],
        made(client.post(f"/v1/agents/{agent}/runs"), 202)["id"],
    ]
    login = {"email": "me@example.org", "username": "me", "password": "x-secret", "imap_host": "h.example.org", "smtp_host": "h.example.org"}  # fmt: skip
    connection = made(client.post("/v1/connections", json={"integration": "imap", "config": login}))["id"]
    suggestions = [str(world.suggest(proposal).id) for proposal in (mail(), task())]
    made(client.put("/v1/policies/mail.send", json={"undo_seconds": 60}), 200)

    def versions(of: str) -> list[str]:
        return [each["id"] for each in client.get(of).json()["items"]]

    failed = _failed(world)
    things = {
        "agent_id": [agent, other], "skill_id": [skill], "pack_id": [pack], "workflow_id": [flow], "trigger_id": [hook, schedule],
        "run_id": [*runs, failed], "given_up_id": [failed], "question_id": [_question(world)], "suggestion_id": suggestions, "connection_id": [connection],
        "export_id": [made(client.post("/v1/exports"), 202)["id"]],
        "room_id": [_room(world, agent)], "delegation_id": [_delegation(world)],
        "invitation_id": [_invitation(world)], "user_id": [str(world.actor.user_id)],
        "version_id": [*versions(f"/v1/agents/{agent}/versions"), *versions(f"/v1/workflows/{flow}/versions")],
    }  # fmt: skip
    return Tenant(world, client, things)


def poor(storage: Storage, settings: Settings, connect: Connect, folder: Path) -> Tenant:
    """Somebody else, who owns nothing."""
    nothing = new_id()
    world = World(storage, settings, somebody(storage), nothing, nothing, {}, folder)
    return Tenant(world, connect(of=world))


def everything_of(owner_url: str, tenant: Tenant) -> dict[str, list[Any]]:
    """Each row of a workspace, as the superuser sees it."""
    found: dict[str, list[Any]] = {}
    with psycopg.connect(owner_url) as owner:
        for table in TENANT_TABLES:
            apart = KEPT_APART.get(table, ())
            columns = ", ".join(f'"{c.name}"' for c in metadata.tables[f"nod.{table}"].c if c.name not in apart)
            question = f"SELECT {columns} FROM nod.{table} WHERE workspace_id = %s ORDER BY 1, 2"
            found[table] = owner.execute(question, (tenant.world.actor.workspace_id,)).fetchall()  # type: ignore[arg-type]
    return found


def _failed(world: World) -> str:
    with world.work() as work:
        run = world.run(work, status="failed", error={"code": "x", "data": {}})
        work.commit()
    return str(run.id)


def _room(world: World, agent: str) -> str:
    with world.work() as work:
        room = connect_room(work, world.actor, "telegram", "", "-100", "Family")
        let_ask(work, world.actor, room.id, UUID(agent))
        work.commit()
    return str(room.id)


def _invitation(world: World) -> str:
    with world.work() as work:
        made = Invitation(
            id=new_id(), user_id=world.actor.user_id, workspace_id=world.actor.workspace_id, role="member", code_hash=new_id().hex,
            created_at=work.now, expires_at=work.now + timedelta(days=7),
        )  # fmt: skip
        work.people.add(made)
        work.commit()
    return str(made.id)


def _delegation(world: World) -> str:
    other, place = somebody(world.storage), world.actor.workspace_id
    with world.storage.work(place, other.user_id) as work:
        joined = Membership(id=new_id(), workspace_id=place, user_id=other.user_id, role="member", created_at=work.now)
        work.people.add(joined)
        work.commit()
    with world.work() as work:
        handed = delegate(work, world.actor, other.user_id, work.now + timedelta(days=1))
        work.commit()
    return str(handed.id)


def _question(world: World) -> str:
    data = {"question": "Send it?", "choices": [{"value": "yes", "label": "Yes"}, {"value": "no", "label": "No"}]}
    with world.work() as work:
        run = world.run(work, status="waiting")
        wait = {"kind": "person", "until": None, "data": {}}
        step = RunStep(new_id(), run.workspace_id, run.id, "read", 0, "ask", "waiting", {}, work.now, wait=wait)
        work.runs.put_step(step)
        question = ask(work, run, step, work.now + timedelta(days=1), data)
        work.commit()
    return str(question.id)
