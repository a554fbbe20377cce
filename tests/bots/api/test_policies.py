"""Rules on approvals over HTTP: the same as in a chat, and no more."""

import httpx
import pytest

from core.kernel.settings import Settings
from storage import Storage
from tests.bots.api.test_rest import Connect, _problem, address, connect, world
from tests.databases import somebody
from tests.runners.world import World

__all__ = ["address", "connect", "world"]


def _told(client: httpx.Client) -> list[tuple[str, int | None]]:
    return [(one["operation"], one["undo_seconds"]) for one in client.get("/v1/policies").json()["items"]]


def test_a_rule_is_made_changed_and_removed(connect: Connect) -> None:
    client = connect()
    assert _told(client) == []
    made = client.put("/v1/policies/mail.send", json={"undo_seconds": 60})
    assert made.status_code == 200, made.text
    assert made.json()["allowed_roles"] == ["owner", "admin", "approver"] and made.json()["quorum"] == 1
    assert client.put("/v1/policies/mail.send", json={"undo_seconds": 30}).json()["id"] == made.json()["id"]
    assert client.get("/v1/policies/mail.send").json()["undo_seconds"] == 30
    assert client.put("/v1/policies/*", json={}).status_code == 200
    assert _told(client) == [("*", None), ("mail.send", 30)]
    assert client.delete("/v1/policies/mail.send").json() == {"operation": "mail.send"}
    _problem(client.get("/v1/policies/mail.send"), 404, "approvals.policy_unknown")
    _problem(client.delete("/v1/policies/mail.send"), 404, "approvals.policy_unknown")


@pytest.mark.parametrize(
    ("operation", "body", "code"),
    [
        ("mail.send", {"quorum": 0}, "api.request_invalid"),
        ("mail.send", {"approve": "automatically"}, "api.request_invalid"),
        ("mail.send", {"quorum": 3}, "approvals.policy_unreachable"),
        ("mail.read", {}, "approvals.policy_operation_unknown"),
    ],
)
def test_what_the_domain_forbids_is_refused(
    connect: Connect, operation: str, body: dict[str, object], code: str
) -> None:
    _problem(connect().put(f"/v1/policies/{operation}", json=body), 422, code)


def test_a_key_that_may_not_approve_makes_no_rules(connect: Connect) -> None:
    client = connect("read", "write")
    _problem(client.put("/v1/policies/mail.send", json={}), 403, "identity.scope_missing")
    _problem(client.delete("/v1/policies/mail.send"), 403, "identity.scope_missing")


def test_rules_are_those_of_ones_own_workspace(
    connect: Connect, world: World, storage: Storage, settings: Settings
) -> None:
    connect().put("/v1/policies/mail.send", json={})
    other = connect(of=World(storage, settings, somebody(storage), world.agent_id, world.version_id, {}, world.maildir))
    assert _told(other) == []
    _problem(other.delete("/v1/policies/mail.send"), 404, "approvals.policy_unknown")
