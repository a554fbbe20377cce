"""What time and others do to a person's things, between two of their taps: through the use cases of core, as the runners call them."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

from bots.kit.contracts import contracts
from core.approvals import execute
from core.approvals.models import Suggestion
from core.approvals.propose import propose
from core.approvals.wake import wake
from core.catalog.versions import compose_agent
from core.kernel.errors import Conflict
from core.messaging.hold import HELD
from core.messaging.post import announce
from core.orchestration.ports import Proposal
from tests.runners.world import World

T = TypeVar("T")
NOTHING = {"nodes": [{"id": "only", "skill": "noop", "inputs": {"value": 1}}]}
YEARS = timedelta(days=3650)


def changed(world: World, change: Callable[[Any], T]) -> T:
    """Something happens elsewhere, in a transaction of its own; anew, as the product does it, where somebody changed the same meanwhile."""
    while True:
        try:
            with world.work() as work:
                result = change(work)
                work.commit()
            return result
        except Conflict as stale:
            if stale.code != "kernel.version_stale":
                raise


def held(world: World, link_id: UUID | None) -> bool:
    """Whether something waits for its hour in a chat. Nothing is let go by looking: it is not committed."""
    assert link_id is not None
    with world.work() as work:
        return bool(work.messages.release(link_id, HELD))


def suggests(world: World, *proposals: Proposal) -> list[Suggestion]:
    """A run of the agent ends with these suggestions; their cards are its own."""

    def ends(work: Any) -> list[Suggestion]:
        made, refused = propose(work, world.run(work), list(proposals))
        assert not refused, refused
        for one in made:
            announce(work, world.actor.user_id, "suggestion", one.id, agent_id=world.agent_id)
        return made

    return changed(world, ends)


def checked(world: World, tool: str) -> None:
    """A new connection is tried by a worker; what happens to it before that is over would be overwritten by what the worker finds."""

    def over() -> bool:
        with world.work() as work:
            return work.connections.get(world.tools[tool]).last_used_at is not None

    world.wait_until(over)


def composes(world: World, name: str) -> None:
    """An agent of the person's own that does nothing."""
    known = contracts()
    changed(world, lambda work: compose_agent(work, world.actor, known, name, NOTHING))


def status(world: World, suggestion: Suggestion) -> str:
    """How a suggestion stands."""
    with world.work() as work:
        return work.suggestions.get(suggestion.id).status


def approvals(world: World, suggestion: Suggestion) -> list[Any]:
    """Its decisions so far."""
    with world.work() as work:
        return list(work.suggestions.approvals(suggestion.id))


def undo_is_over(world: World, suggestion: Suggestion) -> None:
    """The seconds in which a yes can be taken back are over: the worker begins."""

    def now(work: Any) -> None:
        execution = work.executions.of(suggestion.id)
        execution.due_at = work.now
        work.ring("executions.due", execution.id)

    changed(world, now)


def every_undo_is_over(world: World) -> None:
    """The same for everything that is held."""

    def now(work: Any) -> None:
        for suggestion in work.suggestions.page(None, 300, status="approved"):
            execution = work.executions.of(suggestion.id)
            if execution is not None and execution.status == "held":
                execution.due_at = work.now
                work.ring("executions.due", execution.id)

    changed(world, now)


def undo_is_over_unless_stopped(world: World, suggestion: Suggestion) -> None:
    """The same, where it may have been stopped meanwhile."""
    with world.work() as work:
        held = work.executions.of(suggestion.id).status == "held"
    if held:
        undo_is_over(world, suggestion)


def track_is_lost(world: World, suggestion: Suggestion) -> None:
    """The worker sent it and heard nothing, and nobody could find out since."""

    def lost(work: Any) -> None:
        assert execute.lose_track(work, armed, "connectors.answer_missing", {})
        work.executions.of(suggestion.id).due_at = work.now + YEARS

    armed = _sending(world, suggestion)
    changed(world, lost)


def it_fails(world: World, suggestion: Suggestion, code: str, **data: Any) -> None:
    """The worker tried, and surely nothing was done."""
    armed = _sending(world, suggestion)
    assert changed(world, lambda work: execute.fail(work, armed, code, data, again=False))


def _sending(world: World, suggestion: Suggestion) -> execute.Armed:
    """What was approved and is held is at the worker's hands now."""

    def sending(work: Any) -> execute.Armed:
        work.executions.of(suggestion.id).due_at = work.now
        claimed = execute.claim(work, work.executions.of(suggestion.id).id)
        assert claimed is not None
        # The last gate looks at the agent's template, which only the runners of this product know.
        assert work.executions.move(
            claimed.execution.id, claimed.execution.fence, "claimed", "sending", lease_seconds=60
        )
        return claimed

    return changed(world, sending)


def is_due(world: World, suggestion: Suggestion, **times: Any) -> None:
    """A time of the suggestion comes: `expires_at`, `snoozed_until`, as seconds from now."""

    def comes(work: Any) -> None:
        found = work.suggestions.get(suggestion.id)
        for name, seconds in times.items():
            setattr(found, name, work.now + timedelta(seconds=seconds))

    changed(world, comes)
    changed(world, lambda work: wake(work, suggestion.id))
