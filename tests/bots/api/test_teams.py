"""Teams over HTTP: who is here, who decides in whose place, where agents ask, and who decided what."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from core.identity.models import Membership
from core.kernel.actor import Actor, Role
from core.kernel.ids import new_id
from core.messaging.rooms import connect_room
from tests.bots.api.test_rest import Connect, _problem, address, connect, world
from tests.databases import somebody
from tests.runners.world import World, mail

__all__ = ["address", "connect", "world"]
DAY = (datetime.now(UTC) + timedelta(days=2)).isoformat()


def _joined(world: World, role: Role) -> World:
    """Somebody else in the same workspace."""
    other, place = somebody(world.storage), world.actor.workspace_id
    with world.storage.work(place, other.user_id) as work:
        work.people.add(
            Membership(id=new_id(), workspace_id=place, user_id=other.user_id, role=role, created_at=work.now)
        )
        work.commit()
    return replace(world, actor=Actor(other.user_id, place, role, "api"))


def _made(client: httpx.Client, other: World, **about: object) -> httpx.Response:
    return client.post("/v1/delegations", json={"to_user_id": str(other.actor.user_id), "until": DAY, **about})


def test_decisions_are_handed_over_and_taken_back(connect: Connect, world: World) -> None:
    kim = _joined(world, "member")
    client, theirs = connect(), connect(of=kim)
    assert [one["role"] for one in client.get("/v1/members").json()["items"]] == ["owner", "member"]
    made = world.suggest(mail())
    shown = f"/v1/suggestions/{made.id}"
    _problem(theirs.get(shown), 403, "approvals.not_allowed")
    _problem(theirs.get(f"{shown}/decisions"), 403, "approvals.not_allowed")
    _problem(
        theirs.post(f"{shown}/decision", json={"decision": "approve", "revision": 1}), 403, "approvals.not_allowed"
    )
    assert theirs.get("/v1/suggestions").json()["items"] == []
    handed = _made(client, kim)
    assert handed.status_code == 201, handed.text
    _problem(_made(client, kim), 409, "approvals.delegation_there")
    assert [one["id"] for one in theirs.get("/v1/delegations").json()["items"]] == [handed.json()["id"]]
    assert [one["id"] for one in theirs.get("/v1/suggestions").json()["items"]] == [str(made.id)]
    before = theirs.get(f"{shown}/decisions").json()
    assert before == {"decisions": [], "can_decide": [str(world.actor.user_id), str(kim.actor.user_id)], "missing": 1}
    assert theirs.post(f"{shown}/decision", json={"decision": "approve", "revision": 1}).status_code == 200
    after = client.get(f"{shown}/decisions").json()
    [decided] = after["decisions"]
    assert (decided["user_id"], decided["for_user_id"]) == (str(kim.actor.user_id), str(world.actor.user_id))
    assert (decided["decision"], decided["revision"], decided["surface"]) == ("approve", 1, "api")
    assert (after["can_decide"], after["missing"]) == ([], 0)
    ended = theirs.delete(f"/v1/delegations/{handed.json()['id']}")
    assert ended.json()["revoked_at"] is not None and client.get("/v1/delegations").json()["items"] == []
    _problem(theirs.get(shown), 403, "approvals.not_allowed")
    assert client.get(shown).json()["status"] == "approved"


@pytest.mark.parametrize(
    ("about", "status", "code"),
    [
        ({"until": "2020-01-01T00:00:00Z"}, 422, "approvals.delegation_past"),
        ({"until": "2200-01-01T00:00:00Z"}, 422, "approvals.delegation_long"),
        ({"operation": "mail.read"}, 422, "approvals.policy_operation_unknown"),
        ({"agent_id": str(new_id())}, 404, "catalog.agent_unknown"),
        ({"to_user_id": str(new_id())}, 404, "identity.membership_unknown"),
        ({"until": "tomorrow"}, 422, "api.request_invalid"),
    ],
)
def test_what_cannot_be_handed_over_is_refused(
    connect: Connect, world: World, about: dict[str, object], status: int, code: str
) -> None:
    _problem(_made(connect(), _joined(world, "member"), **about), status, code)


def test_a_key_that_may_not_approve_hands_nothing_over_and_strangers_end_nothing(
    connect: Connect, world: World
) -> None:
    kim, max_ = _joined(world, "member"), _joined(world, "member")
    _problem(_made(connect("read", "write"), kim), 403, "identity.scope_missing")
    made = _made(connect(), kim).json()
    ended = connect(of=max_).delete(f"/v1/delegations/{made['id']}")
    assert ended.status_code in (403, 404), ended.text


def test_a_room_shows_what_the_agents_owner_chooses_and_is_left(connect: Connect, world: World) -> None:
    client, theirs = connect(), connect(of=_joined(world, "member"))
    with world.work() as work:
        room = connect_room(work, world.actor, "slack", "T1", "C1", "#offers")
        work.commit()
    asking = f"/v1/rooms/{room.id}/agents/{world.agent_id}"
    _problem(theirs.put(asking, json={"shown": "open"}), 403, "approvals.agent_not_yours")
    _problem(client.put(asking, json={"shown": "all of it"}), 422, "api.request_invalid")
    assert client.put(asking, json={}).json()["agents"][0]["shown"] == "stub"
    assert client.put(asking, json={"shown": "open"}).json()["agents"][0]["shown"] == "open"
    [listed] = theirs.get("/v1/rooms").json()["items"]
    assert (listed["name"], listed["provider"], len(listed["agents"])) == ("#offers", "slack", 1)
    assert client.delete(asking).json()["agents"] == []
    _problem(theirs.delete(f"/v1/rooms/{room.id}"), 403, "messaging.room_not_yours")
    assert client.delete(f"/v1/rooms/{room.id}").status_code == 200
    assert client.get("/v1/rooms").json()["items"] == []
    _problem(client.delete(f"/v1/rooms/{room.id}"), 409, "messaging.room_left")
    _problem(client.put(f"/v1/rooms/{new_id()}/agents/{world.agent_id}", json={}), 404, "messaging.room_unknown")


def test_owners_invite_change_roles_and_remove_and_members_only_leave(connect: Connect, world: World) -> None:
    client = connect()
    _problem(client.post("/v1/invitations", json={"role": "member"}), 422, "identity.invite_personal")
    with world.work() as work:
        work.people.workspace().kind = "family"
        work.commit()
    kim = _joined(world, "member")
    theirs = connect(of=kim)
    made = client.post("/v1/invitations", json={"role": "approver"}, headers={"Idempotency-Key": "one"})
    assert made.status_code == 201 and len(made.json()["code"]) == 14
    again = client.post("/v1/invitations", json={"role": "approver"}, headers={"Idempotency-Key": "one"})
    assert again.json()["id"] == made.json()["id"] and again.json()["code"] is None, "a code is shown once"
    _problem(theirs.post("/v1/invitations", json={"role": "member"}), 403, "identity.invite_not_yours")
    assert theirs.get("/v1/invitations").json()["items"] == []
    [listed] = client.get("/v1/invitations").json()["items"]
    assert listed["role"] == "approver" and listed["code"] is None
    _problem(theirs.delete(f"/v1/invitations/{listed['id']}"), 403, "identity.invite_not_yours")
    assert client.delete(f"/v1/invitations/{listed['id']}").status_code == 200
    assert client.get("/v1/invitations").json()["items"] == []
    changed = client.patch(f"/v1/members/{kim.actor.user_id}", json={"role": "viewer"})
    assert changed.json()["role"] == "viewer"
    _problem(client.delete(f"/v1/members/{world.actor.user_id}"), 409, "identity.last_owner")
    assert client.delete(f"/v1/members/{kim.actor.user_id}").status_code == 200
    _problem(theirs.get("/v1/members"), 401, "identity.key_refused")
    assert [one["role"] for one in client.get("/v1/members").json()["items"]] == ["owner"]
