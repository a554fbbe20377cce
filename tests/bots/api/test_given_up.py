"""What was given up, by REST and in the terminal: the same as in the chat, for who leads the workspace, and nothing is done twice by it."""

from typing import Any

import httpx

from core.approvals.models import Suggestion
from tests.bots.api.test_rest import Connect, address, connect, world
from tests.bots.test_tier import Nod, nod
from tests.runners.world import World, mail
from tests.scenarios.doors import moments

__all__ = ["address", "connect", "nod", "world"]


def _ends(world: World, suggestion: Suggestion, how: str) -> str:
    """A worker tried, and then it failed, or nobody could tell; the execution's id."""
    execution = world.approve(suggestion, undo_seconds=600)
    if how == "failed":
        moments.it_fails(world, suggestion, "connectors.recipient_refused", recipient="kim@example.net")
    else:
        moments.track_is_lost(world, suggestion)
    return str(execution.id)


def _failed_run(world: World) -> str:
    with world.work() as work:
        error = {"code": "connectors.folder_missing", "data": {"path": "/gone"}}
        run = world.run(work, status="failed", error=error, finished_at=work.now)
        work.commit()
    return str(run.id)


def _kinds(client: httpx.Client) -> dict[str, dict[str, Any]]:
    return {one["id"]: one for one in client.get("/v1/given-up").json()["items"]}


def test_a_program_sees_what_was_given_up_and_sees_to_it_once(world: World, connect: Connect) -> None:
    client, reader = connect(), connect("read")
    refused, lost = world.suggest(mail("Re: Refused")), world.suggest(mail("Re: Lost"))
    failed, unknown, run = _ends(world, refused, "failed"), _ends(world, lost, "unknown"), _failed_run(world)
    found = _kinds(reader)
    assert {id: (one["kind"], one["status"], one["ways"]) for id, one in found.items()} == {
        failed: ("execution", "failed", ["again", "drop"]),
        unknown: ("execution", "unknown", []),
        run: ("run", "failed", ["again", "drop"]),
    }
    assert found[run]["error"] == {"code": "connectors.folder_missing", "data": {"path": "/gone"}}
    assert client.get(f"/v1/given-up/{failed}").json()["subject_id"] == str(refused.id)
    assert reader.post(f"/v1/given-up/{run}/again").status_code == 403
    for way in ("again", "drop"):
        told = client.post(f"/v1/given-up/{unknown}/{way}")
        assert (told.status_code, told.json()["code"]) == (409, "approvals.outcome_unknown")
    assert client.post(f"/v1/given-up/{failed}/again").status_code == 200
    assert client.post(f"/v1/given-up/{failed}/again").status_code == 404
    with world.work() as work:
        assert work.suggestions.get(refused.id).status == "pending", "a new yes is needed"
        assert len(work.executions.attempts(world.execution(refused).id)) == 1
    assert client.post(f"/v1/given-up/{run}/drop").status_code == 200
    assert set(_kinds(client)) == {unknown}
    with world.work() as work:
        assert work.runs.get(run).status == "failed", "dropped, it stays as it is"
        work.people.membership(world.actor.user_id).role = "member"
        work.commit()
    told = client.get("/v1/given-up")
    assert (told.status_code, told.json()["code"]) == (403, "workflows.given_up_not_allowed")


def test_the_terminal_says_the_same_in_words(world: World, nod: Nod) -> None:
    with world.work() as work:
        email = work.people.user(world.actor.user_id).email
    assert nod("failed", "list", "--email", email).stdout == "Nothing was given up.\n"
    run, lost = _failed_run(world), world.suggest(mail("Re: Lost"))
    unknown = _ends(world, lost, "unknown")
    listed = nod("failed", "list", "--email", email)
    assert f"{run}  20" in listed.stdout and "Run failed: Tiny: " in listed.stdout and "/gone" in listed.stdout
    assert f"{unknown}  20" in listed.stdout and "Nobody knows whether done: Mail to kim@example.net" in listed.stdout
    refused = nod("failed", "retry", unknown, "--email", email)
    assert refused.returncode == 1 and refused.stderr.splitlines()[0] == "Nobody can say whether this was done."
    assert nod("failed", "retry", run, "--email", email).stdout == "It goes on from the step that failed.\n"
    again = nod("failed", "drop", run, "--email", email)
    assert again.returncode == 1 and "nod failed list" in again.stderr
    with world.work() as work:
        assert work.runs.get(run).status == "queued"
