"""Building by REST what runs: graphs and their versions, skills, packs, workflows, triggers, questions, and a whole workspace as YAML."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import yaml
from jsonschema import Draft202012Validator

from core.kernel.ids import new_id
from core.kernel.settings import Settings
from core.orchestration.models import RunStep
from core.workflows.ask import ask
from storage import Storage
from tests.bots.api.test_rest import Connect, _problem, address, connect, world
from tests.databases import somebody
from tests.runners.world import World

__all__ = ["address", "connect", "world"]
EVERYTHING = (Path(__file__).parents[1] / "everything.yaml").read_text("utf-8")
ADDS = {
    "id": "add",
    "skill": "transform",
    "inputs": {"engine": "cel", "expression": "data.n + 1", "data": {"$": "run.input"}},
}
GRAPH = {"nodes": [ADDS], "output": {"n": {"$": "add.result"}}}
YAML = {"Content-Type": "application/yaml"}


def made(response: httpx.Response, status: int = 201) -> Any:
    assert response.status_code == status, response.text
    return response.json()


def stranger(connect: Connect, world: World, storage: Storage, settings: Settings) -> httpx.Client:
    return connect(of=World(storage, settings, somebody(storage), world.agent_id, world.version_id, {}, world.maildir))


def adds(client: httpx.Client, name: str = "Adds") -> str:
    return made(client.post("/v1/agents", json={"name": name, "graph": GRAPH}))["id"]


def test_an_agent_of_ones_own_graph_is_edited_compared_and_rolled_back(connect: Connect) -> None:
    client = connect()
    agent = adds(client)
    edited = {"nodes": [{**ADDS, "inputs": {**ADDS["inputs"], "expression": "data.n + 2"}}], "output": GRAPH["output"]}  # type: ignore[dict-item]
    new = made(client.post(f"/v1/agents/{agent}/versions", json={"graph": edited, "note": "Two."}))
    assert (new["semantic_version"], new["note"], new["skills"]) == ("1.1.0", "Two.", ["transform"])
    assert made(client.post(f"/v1/agents/{agent}/versions", json={"graph": edited}))["id"] == new["id"], (
        "nothing differs"
    )
    versions = client.get(f"/v1/agents/{agent}/versions").json()["items"]
    assert [v["semantic_version"] for v in versions] == ["1.1.0", "1.0.0"]
    old = versions[1]["id"]
    assert client.get(f"/v1/agents/{agent}/versions/{old}/diff/{new['id']}").json()["items"] == [
        {"place": "add.inputs.expression", "how": "changed", "old": "data.n + 1", "new": "data.n + 2"}
    ]
    back = made(client.post(f"/v1/agents/{agent}/versions/{old}/choose"), 200)
    assert back["latest_version_id"] == old
    other = adds(client, "Other")
    _problem(client.post(f"/v1/agents/{other}/versions/{old}/choose"), 404, "catalog.version_unknown")
    _problem(client.get(f"/v1/agents/{other}/versions/{old}"), 404, "catalog.version_unknown")


def test_a_graph_that_cannot_run_is_refused_by_node_and_field(connect: Connect) -> None:
    client = connect()
    wrong = {"nodes": [{**ADDS, "inputs": {**ADDS["inputs"], "expression": 3}}]}  # type: ignore[dict-item]
    told = _problem(client.post("/v1/agents", json={"name": "A", "graph": wrong}), 422, "catalog.graph_type_mismatch")
    assert told["data"] == {"node": "add", "field": "expression", "expected": "string", "found": "integer"}
    for asked in ({"name": "A"}, {"name": "A", "template": "inbox", "graph": GRAPH}):
        _problem(client.post("/v1/agents", json=asked), 422, "api.agent_unclear")


def test_a_skill_is_made_once_versioned_and_says_who_uses_it(connect: Connect) -> None:
    client = connect()
    words = {
        "type": "object",
        "properties": {"words": {"type": "array", "items": {"type": "string"}}},
        "required": ["words"],
    }
    spec = {
        "fixed": {"engine": "jmespath", "expression": "join(' ', @)", "data": {"$": "input.words"}},
        "inputs": words,
    }
    again = {"Idempotency-Key": "once"}
    asked = {"name": "join", "type": "transform", "spec": spec}
    first, second = (client.post("/v1/skills", json=asked, headers=again) for _ in range(2))
    skill = made(first)
    assert second.json() == skill and skill["latest_version"] == 1
    _problem(client.post("/v1/skills", json=asked), 409, "catalog.skill_name_taken")
    node = {"id": "j", "skill": "own.join", "inputs": {"words": ["a"]}}
    agent = made(client.post("/v1/agents", json={"name": "Joins", "graph": {"nodes": [node]}}))["id"]
    changed = {**spec, "fixed": {**spec["fixed"], "expression": "join('-', @)"}}  # type: ignore[dict-item]
    assert made(client.patch(f"/v1/skills/{skill['id']}", json={"spec": changed}), 200)["latest_version"] == 2
    assert [v["number"] for v in client.get(f"/v1/skills/{skill['id']}/versions").json()["items"]] == [2, 1]
    for path in (f"/v1/skills/{skill['id']}/agents", "/v1/agents?skill=own.join"):
        assert [a["id"] for a in client.get(path).json()["items"]] == [agent]
    assert client.get("/v1/agents?skill=own.other").json() == {"items": [], "next": None}
    _problem(client.get("/v1/agents?skill=own.join&status=active"), 422, "api.filters_exclude")
    assert made(client.patch(f"/v1/skills/{skill['id']}", json={"status": "archived"}), 200)["status"] == "archived"
    _problem(client.post("/v1/agents", json={"name": "B", "graph": {"nodes": [node]}}), 422, "catalog.skill_archived")


def test_a_pack_and_a_workflow_run_and_tell_how_far_they_are(connect: Connect) -> None:
    client = connect()
    agent = adds(client)
    pack = made(client.post("/v1/packs", json={"name": "P", "agent_ids": [agent, agent]}))
    run = made(client.post(f"/v1/packs/{pack['id']}/runs", json={"input": {"n": 1}}), 202)
    assert (run["agent_id"], run["pack_id"], run["input"]) == (None, pack["id"], {"n": 1})
    execution = client.get(f"/v1/runs/{run['id']}/execution").json()
    assert (execution["steps"], execution["current_step"], execution["status"]) == (
        ["agent_1", "agent_2"],
        "agent_1",
        "queued",
    )
    (listed,) = client.get(f"/v1/packs/{pack['id']}/runs").json()["items"]
    assert listed == execution
    assert run["id"] in [each["id"] for each in client.get("/v1/runs").json()["items"]]
    _problem(client.post(f"/v1/runs/{run['id']}/retry"), 409, "orchestration.run_not_failed")
    assert client.post(f"/v1/runs/{run['id']}/cancel").json()["status"] == "cancelled"
    assert made(client.patch(f"/v1/packs/{pack['id']}", json={"status": "paused"}), 200)["status"] == "paused"
    _problem(client.post(f"/v1/packs/{pack['id']}/runs"), 409, "workflows.pack_paused")
    steps = [{"id": "one", "kind": "agent", "agent": agent}]
    flow = made(client.post("/v1/workflows", json={"name": "W", "type": "sequential", "steps": steps}))
    more = [*steps, {"id": "two", "kind": "agent", "agent": agent}]
    client.patch(f"/v1/workflows/{flow['id']}", json={"steps": more})
    new, old = client.get(f"/v1/workflows/{flow['id']}/versions").json()["items"]
    assert (new["semantic_version"], old["semantic_version"]) == ("1.1.0", "1.0.0")
    (difference,) = client.get(f"/v1/workflows/{flow['id']}/versions/{old['id']}/diff/{new['id']}").json()["items"]
    assert (difference["place"], difference["how"]) == ("two", "added")
    assert (
        made(client.post(f"/v1/workflows/{flow['id']}/versions/{old['id']}/choose"), 200)["latest_version_id"]
        == old["id"]
    )
    started = made(client.post(f"/v1/workflows/{flow['id']}/runs"), 202)
    assert (started["workflow_version_id"], started["agent_id"]) == (old["id"], None)
    assert [each["run_id"] for each in client.get(f"/v1/workflows/{flow['id']}/runs").json()["items"]] == [
        started["id"]
    ]
    bad = [{"id": "one", "kind": "agent", "agent": str(new_id())}]
    told = _problem(
        client.patch(f"/v1/workflows/{flow['id']}", json={"steps": bad}), 404, "workflows.step_agent_unknown"
    )
    assert told["data"]["step"] == "one"  # type: ignore[index]
    alone = made(client.post(f"/v1/agents/{agent}/runs"), 202)["id"]
    _problem(client.get(f"/v1/runs/{alone}/execution"), 404, "workflows.execution_unknown")


def test_a_failed_run_goes_on_from_where_it_failed(world: World, connect: Connect) -> None:
    with world.work() as work:
        run = world.run(work, status="failed", error={"code": "x", "data": {}})
        work.commit()
    assert made(connect().post(f"/v1/runs/{run.id}/retry"), 202)["status"] == "queued"


def test_a_triggers_secret_is_shown_once_and_never_again(connect: Connect) -> None:
    client = connect()
    agent = adds(client)
    asked = {"type": "webhook", "agent_id": agent}
    first, second = (client.post("/v1/triggers", json=asked, headers={"Idempotency-Key": "hook"}) for _ in range(2))
    made_one = made(first)
    assert made(second) == {**made_one, "secret": None}, "what is kept for the key holds no secret"
    assert made_one["secret"].startswith("whsec_") and made_one["path"] == f"/hooks/{made_one['id']}"
    where = f"/v1/triggers/{made_one['id']}"
    rotated = made(client.post(f"{where}/secret"), 200)["secret"]
    assert rotated != made_one["secret"]
    later = client.get(where).text + client.get("/v1/triggers").text
    assert "whsec_" not in later
    own = "whsec_" + "c2VjcmV0LXNlY3JldC1zZWNyZXQ="
    handed = client.post("/v1/triggers", json={"type": "webhook", "agent_id": agent, "secret": own})
    assert made(handed)["secret"] is None and "c2Vjcm" not in handed.text


def test_a_trigger_is_removed_and_its_runs_keep_its_id(connect: Connect) -> None:
    client = connect()
    agent = adds(client)
    trigger = made(client.post("/v1/triggers", json={"type": "webhook", "agent_id": agent}))
    where = f"/v1/triggers/{trigger['id']}"
    run = made(client.post(f"{where}/runs"), 202)
    first, second = (client.delete(where, headers={"Idempotency-Key": "gone"}) for _ in range(2))
    assert made(first, 200)["status"] == "removed" and second.json() == first.json()
    assert (made(first, 200)["id"], made(first, 200)["next_fire_at"]) == (trigger["id"], None)
    for answer in (
        client.get(where),
        client.delete(where),
        client.post(f"{where}/resume"),
        client.get(f"{where}/firings"),
    ):
        _problem(answer, 404, "workflows.trigger_unknown")
    assert client.get("/v1/triggers").json()["items"] == []
    assert client.get(f"/v1/runs/{run['id']}").json()["trigger_id"] == trigger["id"]


def test_a_schedule_is_made_changed_held_and_let_go(connect: Connect) -> None:
    client = connect()
    agent = adds(client)
    asked = {"type": "schedule", "agent_id": agent, "cron": "0 8 * * 1-5", "timezone": "Europe/Berlin"}
    trigger = made(client.post("/v1/triggers", json=asked))
    assert trigger["next_fire_at"] and trigger["name"] == "Adds" and trigger["secret"] is None
    where = f"/v1/triggers/{trigger['id']}"
    changed = made(client.patch(where, json={"cron": "0 9 * * *", "overlap": "queue"}), 200)
    assert (changed["cron"], changed["overlap"], changed["agent_id"]) == ("0 9 * * *", "queue", agent)
    assert changed["timezone"] == "Europe/Berlin", "what is not given stays"
    run = made(client.post(f"{where}/runs"), 202)
    assert (run["trigger_id"], run["trigger_type"], run["status"]) == (trigger["id"], "manual", "queued")
    assert [f["run_id"] for f in client.get(f"{where}/firings").json()["items"]] == [run["id"]]
    assert made(client.post(f"{where}/pause"), 200)["next_fire_at"] is None
    _problem(client.post(f"{where}/runs"), 409, "workflows.trigger_paused")
    assert made(client.post(f"{where}/resume"), 200)["status"] == "active"
    assert [t["id"] for t in client.get("/v1/triggers", params={"agent_id": agent}).json()["items"]] == [trigger["id"]]
    _problem(client.post(f"{where}/secret"), 409, "workflows.trigger_without_secret")
    _problem(client.patch(where, json={"type": "manual"}), 422, "api.request_invalid")
    _problem(client.post("/v1/triggers", json={"type": "manual"}), 422, "workflows.trigger_of_one_thing")
    foreign = _problem(client.patch(where, json={"phrase": "x"}), 422, "workflows.trigger_field_foreign")
    assert foreign["data"] == {"field": "phrase", "type": "schedule"}


def test_a_question_is_answered_once_by_who_is_asked(
    world: World, connect: Connect, storage: Storage, settings: Settings
) -> None:
    data = {"question": "Send it?", "choices": [{"value": "yes", "label": "Yes"}, {"value": "no", "label": "No"}]}
    with world.work() as work:
        run = world.run(work, status="waiting")
        wait = {"kind": "person", "until": None, "data": {}}
        step = RunStep(new_id(), run.workspace_id, run.id, "read", 0, "ask", "waiting", {}, work.now, wait=wait)
        work.runs.put_step(step)
        question = ask(work, run, step, work.now + timedelta(days=1), data)
        work.commit()
    client, where = connect(), f"/v1/questions/{question.id}"
    (waiting,) = client.get("/v1/questions").json()["items"]
    assert (waiting["id"], waiting["question"], waiting["status"]) == (str(question.id), "Send it?", "open")
    _problem(connect("read", "write").post(f"{where}/answer", json={"choice": "yes"}), 403, "identity.scope_missing")
    _problem(client.post(f"{where}/answer", json={"choice": "maybe"}), 422, "workflows.choice_unknown")
    answered = made(client.post(f"{where}/answer", json={"choice": "yes"}), 200)
    assert (answered["answer"], answered["status"], answered["answered_by"]) == (
        "yes",
        "answered",
        str(world.actor.user_id),
    )
    _problem(client.post(f"{where}/answer", json={"choice": "no"}), 409, "workflows.question_answered")
    assert client.get("/v1/questions").json() == {"items": [], "next": None}
    assert client.get(f"/v1/runs/{run.id}").json()["status"] == "queued"
    _problem(stranger(connect, world, storage, settings).get(where), 404, "workflows.question_unknown")


def test_another_workspaces_things_are_unknown(
    world: World, connect: Connect, storage: Storage, settings: Settings
) -> None:
    client = connect()
    made(client.post("/v1/apply", content=EVERYTHING, headers=YAML), 200)
    other = stranger(connect, world, storage, settings)
    for name, code in (
        ("skills", "catalog.skill_unknown"), ("packs", "workflows.pack_unknown"),
        ("workflows", "workflows.workflow_unknown"), ("triggers", "workflows.trigger_unknown"),
    ):  # fmt: skip
        id = client.get(f"/v1/{name}").json()["items"][0]["id"]
        _problem(other.get(f"/v1/{name}/{id}"), 404, code)
        assert other.get(f"/v1/{name}").json() == {"items": [], "next": None}
    assert other.get("/v1/export").text == ""


def test_a_workspace_goes_out_and_in_again_as_yaml(
    world: World, connect: Connect, storage: Storage, settings: Settings
) -> None:
    client = stranger(connect, world, storage, settings)
    planned = made(client.post("/v1/apply?dry_run=true", content=EVERYTHING, headers=YAML), 200)
    assert planned["dry_run"] and {each["how"] for each in planned["items"]} == {"added"} and planned["secrets"] == []
    assert client.get("/v1/export").text == ""
    done = made(client.post("/v1/apply", content=EVERYTHING, headers={**YAML, "Idempotency-Key": "a"}), 200)
    assert len(done["secrets"]) == 1 and done["items"] == planned["items"]
    answer = client.get("/v1/export")
    assert answer.headers["content-type"].startswith("application/yaml")
    other = stranger(connect, world, storage, settings)
    made(other.post("/v1/apply", content=answer.text, headers=YAML), 200)
    assert other.get("/v1/export").text == answer.text
    again = made(client.post("/v1/apply", content=answer.text, headers=YAML), 200)
    assert {each["how"] for each in again["items"]} == {"unchanged"}
    broken = answer.text.replace("name: Adds one", "nom: Adds one", 1)
    told = _problem(client.post("/v1/apply", content=broken, headers=YAML), 422, "workflows.document_field_wrong")
    data: Any = told["data"]
    assert data["entry_kind"] == "agent" and broken.splitlines()[data["line"] - 1].startswith(("nom", "kind"))
    _problem(connect("read").post("/v1/apply", content="", headers=YAML), 403, "identity.scope_missing")
    _problem(client.post("/v1/apply", content=b"\xff", headers=YAML), 422, "workflows.document_not_text")


def test_one_thing_alone_brings_what_it_needs_and_what_starts_it(
    connect: Connect, world: World, storage: Storage, settings: Settings
) -> None:
    client = connect()
    made(client.post("/v1/apply", content=EVERYTHING, headers=YAML), 200)
    ids = {
        (kind, each["name"]): each["id"]
        for kind in ("agents", "packs", "workflows")
        for each in client.get(f"/v1/{kind}").json()["items"]
    }

    def exported(kind: str, name: str) -> tuple[str, list[tuple[str, str]]]:
        answer = client.get(f"/v1/{kind}/{ids[kind, name]}/export")
        assert answer.status_code == 200 and answer.headers["content-type"].startswith("application/yaml")
        return answer.text, [(each["kind"], each.get("name", "")) for each in yaml.safe_load_all(answer.text)]

    adds = [("skill", "join"), ("agent", "Adds one")]
    assert exported("agents", "Adds one")[1] == [*adds, ("trigger", "Adds one")]
    calls = [*adds, ("skill", "asker"), ("agent", "Calls the other")]
    assert exported("packs", "All of them")[1] == [*calls, ("pack", "All of them"), ("trigger", "Failed")]
    text, things = exported("workflows", "Offer")
    assert things == [*calls, ("workflow", "Offer"), ("trigger", "Mornings")]
    other = stranger(connect, world, storage, settings)
    made(other.post("/v1/apply", content=text, headers=YAML), 200)
    theirs = {each["name"]: each["id"] for each in other.get("/v1/workflows").json()["items"]}
    assert other.get(f"/v1/workflows/{theirs['Offer']}/export").text == text
    foreign = other.get(f"/v1/workflows/{ids['workflows', 'Offer']}/export")
    assert _problem(foreign, 404, "workflows.nothing_to_export")["data"] == {
        "of": "workflow",
        "wanted": ids["workflows", "Offer"],
    }
    _problem(connect("write").get(f"/v1/agents/{ids['agents', 'Inbox']}/export"), 403, "identity.scope_missing")


def test_schemas_for_editors_need_no_key_and_fit_what_is_exported(address: str, connect: Connect) -> None:
    found = {name: made(httpx.get(f"{address}/v1/schemas/{name}"), 200)
             for name in ("agent", "graph", "workflow", "trigger", "document", "pack", "skill")}  # fmt: skip
    for schema in found.values():
        Draft202012Validator.check_schema(schema)
    client = connect()
    made(client.post("/v1/apply", content=EVERYTHING, headers=YAML), 200)
    text = client.get("/v1/export").text
    for document in yaml.safe_load_all(text.replace("\n    'on':", '\n    "on":')):
        for name in ("document", document["kind"]):
            errors = [e.message for e in Draft202012Validator(found[name]).iter_errors(document)]
            assert not errors, (name, json.dumps(document)[:300], errors)
    wrong = {"kind": "workflow", "name": "W", "type": "sequential", "steps": [{"id": "a", "kind": "sleep"}]}
    assert not Draft202012Validator(found["document"]).is_valid(wrong)
    _problem(httpx.get(f"{address}/v1/schemas/robot"), 404, "workflows.schema_unknown")
    assert UUID(client.get("/v1/agents").json()["items"][0]["id"])
