"""REST over HTTP, as a program uses it: a real server, a real database, keys made as the terminal makes them."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID

import httpx
import pytest

from bots.api import make_api
from bots.kit.parts import Parts
from bots.kit.tokens import Tokens
from bots.kit.words import Words
from core.connectors.connect import found
from core.connectors.ports import Report
from core.identity.prove import make_key, revoke_key
from core.kernel.actor import Scope
from core.kernel.settings import Settings
from storage import Storage
from tests.bots.served import served
from tests.databases import somebody
from tests.runners.world import World, mail, make_world, task

Connect = Callable[..., httpx.Client]


@pytest.fixture
def world(storage: Storage, settings: Settings, tmp_path: Path) -> World:
    return make_world(storage, settings, tmp_path)


@pytest.fixture
def address(storage: Storage, catalogue: Words) -> Iterator[str]:
    """A running server's address."""
    with served(make_api(Parts(storage, catalogue, Tokens(b"k" * 32), {}))) as (url, _):
        yield url


@pytest.fixture
def connect(world: World, address: str) -> Iterator[Connect]:
    """Makes a client with a key of the person's, or of another world's."""
    made: list[httpx.Client] = []

    def open_client(*scopes: Scope, of: World | None = None) -> httpx.Client:
        owner = of or world
        with owner.work() as work:
            _, secret = make_key(work, owner.actor, "test", list(scopes or ("read", "write", "approve")))
            work.commit()
        client = httpx.Client(base_url=address, headers={"Authorization": f"Bearer {secret}"}, timeout=60)
        made.append(client)
        return client

    yield open_client
    for client in made:
        client.close()


NOTHING = {"nodes": [{"id": "say", "skill": "noop", "inputs": {"value": {"$": "run.input"}}}]}


def _problem(response: httpx.Response, status: int, code: str) -> dict[str, object]:
    body = response.json()
    assert (response.status_code, body["code"]) == (status, code), body
    assert response.headers["content-type"] == "application/problem+json"
    assert body["status"] == status and body["title"] and body["detail"]
    return body


def test_without_a_key_nothing_is_said(address: str) -> None:
    response = httpx.get(f"{address}/v1/agents")
    _problem(response, 401, "identity.key_missing")
    assert response.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("key", ["nod_deadbeef_wrong", "x", "nod__", "nod_a_b_c"])
def test_a_wrong_key_is_refused_without_saying_why(address: str, key: str) -> None:
    _problem(httpx.get(f"{address}/v1/agents", headers={"Authorization": f"Bearer {key}"}), 401, "identity.key_refused")


def test_a_revoked_key_works_no_more(world: World, connect: Connect) -> None:
    client = connect()
    assert client.get("/v1/agents").status_code == 200
    with world.work() as work:
        for key in work.people.api_keys(world.actor.user_id):
            revoke_key(work, world.actor, key.id)
        work.commit()
    _problem(client.get("/v1/agents"), 401, "identity.key_refused")


def test_an_agent_made_with_an_empty_config_works_on_the_sample_data(connect: Connect) -> None:
    made = connect().post("/v1/agents", json={"template": "inbox"})
    assert made.status_code == 201
    agent = made.json()
    assert agent["config"]["kinds"] and set(agent["tools"]) == {"mail", "calendar", "tasks"}
    connections = {c["id"]: c["integration"] for c in connect().get("/v1/connections").json()["items"]}
    assert connections[agent["tools"]["mail"]] == "sample"


def test_an_unknown_template_a_wrong_setting_and_a_foreign_field_say_what_is_wrong(connect: Connect) -> None:
    client = connect()
    _problem(client.post("/v1/agents", json={"template": "no"}), 404, "catalog.template_unknown")
    wrong = _problem(
        client.post("/v1/agents", json={"template": "inbox", "config": {"look_back_days": "many"}}),
        422,
        "catalog.settings_invalid",
    )
    assert wrong["data"] == {"field": "look_back_days", "rule": "type"}
    foreign = _problem(client.post("/v1/agents", json={"template": "inbox", "colour": 1}), 422, "api.request_invalid")
    assert foreign["errors"][0]["field"] == "body.colour"  # type: ignore[index]


@pytest.mark.parametrize("value", ["NaN", "-Infinity", "1e999", '"\\ud800"', '{"\\udfff": 1}', "[1"])
def test_what_python_takes_for_json_is_refused_and_nothing_starts(connect: Connect, value: str) -> None:
    client = connect()
    agent = client.post("/v1/agents", json={"name": "Echo", "graph": NOTHING}).json()["id"]
    asked = {"content": f'{{"input": {{"x": {value}}}}}', "headers": {"Content-Type": "application/json"}}
    wrong = _problem(client.post(f"/v1/agents/{agent}/runs", **asked), 422, "api.request_invalid")
    assert wrong["errors"][0]["rule"] == "json_invalid"  # type: ignore[index]
    assert not client.get("/v1/runs").json()["items"]


def test_another_workspaces_ids_answer_like_unknown_ones(
    connect: Connect, storage: Storage, settings: Settings, tmp_path: Path
) -> None:
    mine = connect().post("/v1/agents", json={"template": "inbox"}).json()["id"]
    other = World(storage, settings, somebody(storage), mine, mine, {}, tmp_path)
    stranger = connect(of=other)
    for path in (f"/v1/agents/{mine}", f"/v1/agents/{mine}/versions"):
        _problem(stranger.get(path), 404, "catalog.agent_unknown")
    _problem(stranger.post(f"/v1/agents/{mine}/runs"), 404, "catalog.agent_unknown")
    assert stranger.get("/v1/agents").json() == {"items": [], "next": None}


def test_a_run_is_queued_and_can_be_cancelled(connect: Connect) -> None:
    client = connect()
    agent = client.post("/v1/agents", json={"template": "inbox"}).json()["id"]
    started = client.post(f"/v1/agents/{agent}/runs")
    assert (started.status_code, started.json()["status"]) == (202, "queued")
    run = started.json()["id"]
    assert client.get(f"/v1/runs/{run}/steps").json() == {"items": [], "next": None}
    assert client.post(f"/v1/runs/{run}/cancel").json()["status"] == "cancelled"
    _problem(client.post(f"/v1/runs/{run}/cancel"), 409, "orchestration.run_finished")


def test_the_same_idempotency_key_starts_one_run_and_answers_the_same(connect: Connect) -> None:
    client = connect()
    agent = client.post("/v1/agents", json={"template": "inbox"}).json()["id"]
    again = {"Idempotency-Key": "press-1"}
    first, second = (client.post(f"/v1/agents/{agent}/runs", headers=again) for _ in range(2))
    assert first.json() == second.json() and second.status_code == 202
    assert len(client.get("/v1/runs", params={"agent_id": agent}).json()["items"]) == 1
    reused = client.post(f"/v1/agents/{agent}/runs", headers=again, json={"dry_run": True})
    _problem(reused, 409, "api.idempotency_key_reused")


def test_many_equal_requests_at_once_have_one_effect(connect: Connect) -> None:
    client = connect()
    agent = client.post("/v1/agents", json={"template": "inbox"}).json()["id"]
    answers: list[httpx.Response] = []

    def press() -> None:
        answers.append(client.post(f"/v1/agents/{agent}/runs", headers={"Idempotency-Key": "together"}))

    threads = [threading.Thread(target=press) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {a.status_code for a in answers} == {202} and len({a.json()["id"] for a in answers}) == 1


def test_lists_go_on_where_the_page_before_ended(world: World, connect: Connect) -> None:
    wanted = [str(world.suggest(task(f"Task {n}")).id) for n in range(5)]
    client, seen, cursor = connect(), [], None
    while True:
        page = client.get("/v1/suggestions", params={"limit": 2, **({"cursor": cursor} if cursor else {})}).json()
        seen += [entry["id"] for entry in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == wanted[::-1]
    _problem(client.get("/v1/suggestions", params={"cursor": "!"}), 422, "api.cursor_invalid")


def test_a_suggestion_says_exactly_what_will_happen_and_is_decided_once(world: World, connect: Connect) -> None:
    id = world.suggest(mail()).id
    client = connect()
    seen = client.get(f"/v1/suggestions/{id}").json()
    assert seen["status"] == "pending" and seen["execution"] is None
    assert seen["action"]["input"]["to"] == ["kim@example.net"] and len(seen["payload_sha256"]) == 64
    yes = {"decision": "approve", "revision": 1}
    approved = client.post(f"/v1/suggestions/{id}/decision", json=yes).json()
    assert approved["status"] == "approved" and approved["execution"]["status"] == "held"
    _problem(client.post(f"/v1/suggestions/{id}/decision", json=yes), 409, "approvals.already_decided")
    undone = client.post(f"/v1/suggestions/{id}/undo").json()
    assert undone["status"] == "pending" and undone["execution"]["status"] == "withdrawn"


def test_a_list_shows_each_with_its_own_newest_revision_and_execution(world: World, connect: Connect) -> None:
    edited, approved, untouched = (str(world.suggest(mail(subject)).id) for subject in ("One", "Two", "Three"))
    client = connect()
    change = {"decision": "edit", "revision": 1, "action": {"body": "Later."}}
    assert client.post(f"/v1/suggestions/{edited}/decision", json=change).status_code == 200
    yes = {"decision": "approve", "revision": 1}
    assert client.post(f"/v1/suggestions/{approved}/decision", json=yes).status_code == 200
    listed = {entry["id"]: entry for entry in client.get("/v1/suggestions").json()["items"]}
    for id in (edited, approved, untouched):
        assert listed[id] == client.get(f"/v1/suggestions/{id}").json()
    assert listed[edited]["action"]["input"]["body"] == "Later."
    assert [listed[id]["execution"] is None for id in (edited, approved, untouched)] == [True, False, True]


def test_an_edit_makes_a_revision_that_needs_its_own_yes(world: World, connect: Connect) -> None:
    id = world.suggest(mail()).id
    client = connect()
    edited = client.post(
        f"/v1/suggestions/{id}/decision", json={"decision": "edit", "revision": 1, "action": {"body": "Later."}}
    ).json()
    assert (edited["revision"], edited["status"], edited["action"]["input"]["body"]) == (2, "pending", "Later.")
    stale = client.post(f"/v1/suggestions/{id}/decision", json={"decision": "approve", "revision": 1})
    _problem(stale, 409, "approvals.revision_stale")
    empty = client.post(
        f"/v1/suggestions/{id}/decision", json={"decision": "edit", "revision": 2, "action": {"to": []}}
    )
    _problem(empty, 422, "connectors.input_invalid")


def test_a_key_without_the_scope_may_not_decide(world: World, connect: Connect) -> None:
    id = world.suggest(mail()).id
    reader = connect("read", "write")
    _problem(
        reader.post(f"/v1/suggestions/{id}/decision", json={"decision": "approve", "revision": 1}),
        403,
        "identity.scope_missing",
    )
    writer = connect("write")
    _problem(writer.get("/v1/suggestions"), 403, "identity.scope_missing")


def test_a_connections_secret_goes_in_and_never_comes_out(connect: Connect) -> None:
    client = connect()
    config = {
        "email": "me@example.org", "username": "me", "password": "hunter2-very-secret",
        "imap_host": "127.0.0.1", "smtp_host": "127.0.0.1",
    }  # fmt: skip
    made = client.post("/v1/connections", json={"integration": "imap", "config": config})
    assert made.status_code == 201, made.text
    everything = made.text + client.get("/v1/connections").text
    assert "hunter2" not in everything
    wrong = client.post(
        "/v1/connections", json={"integration": "imap", "config": {**config, "imap_port": "hunter2-very-secret"}}
    )
    assert wrong.status_code == 422 and "hunter2" not in wrong.text


def test_the_tools_of_a_server_are_chosen_and_none_that_may_write_is_called_without_asking(
    world: World, connect: Connect
) -> None:
    client = connect()
    made = client.post("/v1/connections", json={"integration": "mcp", "config": {"url": "https://notes.example/mcp"}})
    tools = f"/v1/connections/{made.json()['id']}/tools"
    assert client.get(tools).json()["items"] == [], "nobody has looked at it yet"
    offered = [
        {"name": "look", "about": "Looks a word up.", "reads": True},
        {"name": "list_pages", "about": "", "reads": True},
        {"name": "note", "about": "Writes a note.", "reads": False},
    ]
    with world.work() as work:
        found(work, UUID(made.json()["id"]), Report("Notes", ("read", "write"), {"tools": offered}))
        work.commit()
    assert client.get(tools).json()["items"] == [{**tool, "used": True, "unasked": False} for tool in offered]
    chosen = client.put(tools, json={"use": ["note", "look"], "unasked": ["look"]})
    assert chosen.status_code == 200 and chosen.json() == client.get(tools).json()
    assert [(each["used"], each["unasked"]) for each in chosen.json()["items"]] == [
        (True, True),
        (False, False),
        (True, False),
    ]
    refused = client.put(tools, json={"use": ["look", "note"], "unasked": ["note"]})
    assert _problem(refused, 422, "connectors.tool_may_write")["data"] == {"tool": "note"}
    _problem(client.put(tools, json={"use": ["delete_all"]}), 422, "connectors.tool_not_offered")
    _problem(connect("read", "write").put(tools, json={"use": ["look"]}), 403, "identity.scope_missing")
    assert client.get(tools).json() == chosen.json(), "what is refused changes nothing"
    gone = client.put(f"/v1/connections/{UUID(int=1)}/tools", json={"use": []})
    _problem(gone, 404, "connectors.connection_unknown")


def test_a_schedule_is_previewed_over_the_clock_change(connect: Connect) -> None:
    client = connect()
    asked = {"cron": "30 2 * * *", "timezone": "Europe/Berlin", "from": "2027-03-27T12:00:00+01:00", "count": 2}
    shown = client.post("/v1/schedules/preview", json=asked).json()
    assert shown["next"] == ["2027-03-28T03:00:00+02:00", "2027-03-29T02:30:00+02:00"]
    spoken = client.post("/v1/schedules/preview", json={"words": "every weekday at 8"}).json()
    assert spoken["cron"] == "0 8 * * 1-5" and "weekday" in spoken["words"]
    _problem(client.post("/v1/schedules/preview", json={}), 422, "api.schedule_unclear")
    _problem(client.post("/v1/schedules/preview", json={"cron": "0 0 30 2 *"}), 422, "workflows.cron_never")
    _problem(client.post("/v1/schedules/preview", json={"cron": "* * * * * *"}), 422, "workflows.cron_invalid")
    _problem(
        client.post("/v1/schedules/preview", json={"cron": "0 8 * * *", "timezone": "Mars/Base"}),
        422,
        "identity.timezone_unknown",
    )


def test_openapi_describes_every_path(address: str) -> None:
    paths = httpx.get(f"{address}/openapi.json").json()["paths"]
    assert {
        "/v1/agents",
        "/v1/agents/{agent_id}/runs",
        "/v1/runs/{run_id}/steps",
        "/v1/suggestions/{suggestion_id}/decision",
    } <= set(paths)
