"""Another tenant's id answers exactly like an id that nobody has, on every route of the API's own description, and nothing of theirs changes (promise 23)."""

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from core.kernel.ids import new_id
from core.kernel.settings import Settings
from storage import Storage
from tests.bots.api.test_rest import Connect, address, connect, world
from tests.runners.world import World
from tests.security.tenants import Tenant, everything_of, poor, rich

__all__ = ["address", "connect", "world"]
VERSIONS = ("version_id", "old_id", "new_id")
LATER = {"GET /v1/exports/{export_id}/file": "made in the background"}
STEP = {"id": "one", "kind": "agent", "agent": "<agent_id>"}
NODE = {"id": "a", "skill": "agent", "inputs": {"agent": "<agent_id>", "input": {}}}
# What a write needs to be well-formed; `<…>` is where an id of that kind goes.
BODIES: dict[str, list[Any]] = {
    "PATCH /v1/agents/{agent_id}": [{"name": "mine"}, {"status": "paused"}, {"tools": {"mail": "<connection_id>"}}],
    "POST /v1/agents/{agent_id}/versions": [{"graph": {"nodes": [{"id": "t", "skill": "transform", "inputs": {"engine": "cel", "expression": "1", "data": 1}}]}}],
    "PUT /v1/connections/{connection_id}/tools": [{"use": [], "unasked": []}],
    "PATCH /v1/skills/{skill_id}": [{"status": "archived"}],
    "PATCH /v1/packs/{pack_id}": [{"name": "mine"}, {"status": "archived"}],
    "PATCH /v1/workflows/{workflow_id}": [{"name": "mine"}],
    "PATCH /v1/triggers/{trigger_id}": [{"name": "mine"}],
    "POST /v1/questions/{question_id}/answer": [{"choice": "yes"}],
    "POST /v1/suggestions/{suggestion_id}/decision": [
        {"decision": "approve", "revision": 1}, {"decision": "reject", "revision": 1},
        {"decision": "edit", "revision": 1, "action": {"body": "mine"}},
    ],
    "PUT /v1/rooms/{room_id}/agents/{agent_id}": [{"shown": "open"}],
    "PATCH /v1/members/{user_id}": [{"role": "admin"}],
    "POST /v1/delegations": [{"to_user_id": str(UUID(int=7)), "until": "2030-01-01T00:00:00Z", "agent_id": "<agent_id>"}],
    "POST /v1/agents": [
        {"template": "inbox", "tools": {"mail": "<connection_id>"}}, {"name": "A", "graph": {"nodes": [NODE]}},
        {"name": "A", "graph": {"nodes": [{"id": "t", "skill": "transform", "inputs": {"engine": "cel", "expression": "1", "data": 1}}]}, "tools": {"mail": "<connection_id>"}},
    ],
    "POST /v1/packs": [{"name": "P", "agent_ids": ["<agent_id>"]}],
    "POST /v1/workflows": [
        {"name": "W", "type": "sequential", "steps": [STEP]},
        {"name": "W", "type": "sequential", "steps": [], "pack_id": "<pack_id>"},
    ],
    "POST /v1/triggers": [
        {"type": "webhook", "agent_id": "<agent_id>"}, {"type": "manual", "pack_id": "<pack_id>"}, {"type": "manual", "workflow_id": "<workflow_id>"},
        {"type": "schedule", "agent_id": "<agent_id>", "cron": "0 8 * * *", "timezone": "UTC"},
    ],
}  # fmt: skip


@pytest.fixture
def ann(world: World, connect: Connect) -> Tenant:
    return rich(world, connect)


@pytest.fixture
def bob(storage: Storage, settings: Settings, connect: Connect, tmp_path: Path) -> Tenant:
    return poor(storage, settings, connect, tmp_path)


def test_another_tenants_id_answers_like_an_unknown_one_on_every_route(
    ann: Tenant, bob: Tenant, owner_url: str
) -> None:
    operations = _operations(ann.client)
    with_ids = {name for name, (path, _) in operations.items() if _ids_of(path)}
    assert len(with_ids) > 35
    before, asked = everything_of(owner_url, ann), 0
    for name in sorted(with_ids):
        method, path = name.split(" ", 1)
        for body in BODIES.get(name, [None]):
            known = 0
            for places in _places(ann, path):
                theirs = _ask(bob, method, path, body, ann, places)
                nobodys = _ask(bob, method, path, body, ann, {key: str(new_id()) for key in places})
                assert theirs == nobodys, (name, body, places)
                assert theirs[0] == 404, (name, body, theirs)
                asked += 1
                known += method == "GET" and ann.client.get(path.format(**places)).status_code == 200
            assert known or method != "GET" or name in LATER, f"{name} was not asked for anything that is there"
    assert asked > 60
    assert everything_of(owner_url, ann) == before


def test_another_tenants_id_in_a_body_or_a_filter_is_as_unknown(ann: Tenant, bob: Tenant, owner_url: str) -> None:
    operations, before, filters = _operations(ann.client), everything_of(owner_url, ann), 0
    for name, bodies in BODIES.items():
        method, path = name.split(" ", 1)
        for body in bodies:
            if _ids_of(path) or "<" not in json.dumps(body):
                continue
            theirs, nobodys = (_ask(bob, method, path, body, of, {}) for of in (ann, None))
            assert theirs == nobodys and 400 <= theirs[0] < 500, (name, body, theirs)
    for name, (path, parameters) in operations.items():
        for parameter in parameters:
            if parameter in ann.things and name.startswith("GET") and not _ids_of(path):
                filters += 1
                for id in ann.things[parameter]:
                    theirs, nobodys = (
                        _answer(bob.client.get(path, params={parameter: i}), i) for i in (id, str(new_id()))
                    )
                    assert theirs == nobodys, (name, parameter)
                    assert not any(other in theirs[1] for other in ann.ids), (name, parameter)
    assert filters >= 5
    assert everything_of(owner_url, ann) == before


def test_what_a_tenant_lists_and_exports_names_nothing_of_another(ann: Tenant, bob: Tenant) -> None:
    for name, (path, _) in _operations(ann.client).items():
        if name.startswith("GET") and "{" not in path:
            mine, theirs = ann.client.get(path), bob.client.get(path)
            assert theirs.status_code == mine.status_code, name
            assert not any(id in theirs.text for id in ann.ids), name
            assert (
                str(ann.world.actor.user_id) not in theirs.text and str(ann.world.actor.workspace_id) not in theirs.text
            )


def test_the_key_of_another_tenants_write_means_nothing(ann: Tenant, bob: Tenant) -> None:
    again = {"Idempotency-Key": "the same"}
    asked = {"name": "Kept", "graph": {"nodes": [{"id": "t", "skill": "transform", "inputs": {"engine": "cel", "expression": "1", "data": 1}}]}}  # fmt: skip
    first, second = (tenant.client.post("/v1/agents", json=asked, headers=again) for tenant in (ann, bob))
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()["id"] != second.json()["id"]


def _operations(client: httpx.Client) -> dict[str, tuple[str, list[str]]]:
    """`METHOD path` → path and the names of what may stand in its query."""
    described = client.get("/openapi.json").json()["paths"]
    return {
        f"{method.upper()} {path}": (path, [p["name"] for p in operation.get("parameters", []) if p["in"] == "query"])
        for path, methods in described.items()
        for method, operation in methods.items()
    }


def _ids_of(path: str) -> list[str]:
    named = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    return [name for name in named if name.endswith("_id") and name != "template_id"]


def _places(tenant: Tenant, path: str) -> Iterator[dict[str, str]]:
    """Every way to fill a path with what the tenant has."""
    names = _ids_of(path)
    kinds = [tenant.things["version_id" if name in VERSIONS else name] for name in names]
    for ids in itertools.product(*kinds):
        yield dict(zip(names, ids, strict=True))


def _ask(
    asker: Tenant, method: str, path: str, body: Any, of: Tenant | None, places: dict[str, str]
) -> tuple[int, str]:
    named = dict(places)

    def filled(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: filled(each) for key, each in value.items()}
        if isinstance(value, list):
            return [filled(each) for each in value]
        if isinstance(value, str) and value.startswith("<"):
            named[value] = of.things[value[1:-1]][0] if of else str(new_id())
            return named[value]
        return value

    response = asker.client.request(method, path.format(**places), json=filled(body))
    return _answer(response, *named.values())


def _answer(response: httpx.Response, *ids: str) -> tuple[int, str]:
    """Status and words, without the ids that were asked for."""
    said = response.text
    for id in ids:
        said = said.replace(id, "<id>")
    return response.status_code, f"{response.headers['content-type']} {said}"
