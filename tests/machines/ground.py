"""What the state machines stand on: real PostgreSQL, people of one workspace, an agent with tools, and a clock that can be moved: the database's own cannot, so all that is due is moved
towards it instead."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

import psycopg
from hypothesis import HealthCheck, Phase, Verbosity, settings

from core.approvals.models import ActionExecution, Approval, Suggestion
from core.approvals.propose import propose
from core.catalog.kinds import templates
from core.identity.models import Membership
from core.kernel.actor import Actor, Role
from core.kernel.ids import new_id
from core.orchestration.ports import Proposal
from storage import Storage
from tests.databases import somebody
from tests.runners.world import World

T = TypeVar("T")
HOUR = 3600.0
ROUNDS = int(os.environ.get("NOD_MACHINES", "1"))
"""So many times as long as in the suite: `NOD_MACHINES=50 pytest tests/machines -s` says how far it came."""
MOVED = (
    "UPDATE nod.suggestions SET expires_at = expires_at - %(by)s, snoozed_until = snoozed_until - %(by)s, next_rung_at = next_rung_at - %(by)s",
    "UPDATE nod.action_executions SET due_at = due_at - %(by)s, lease_until = lease_until - %(by)s",
    "UPDATE nod.delegations SET until = until - %(by)s, created_at = created_at - %(by)s",
)


def profile(examples: int, steps: int) -> settings:
    """How long a machine runs: the same steps each time in the suite, others each time where it runs longer. What failed is printed as its steps and as a `@reproduce_failure`."""
    return settings(
        max_examples=examples * ROUNDS, derandomize=ROUNDS == 1, stateful_step_count=steps, deadline=None, print_blob=True, database=None,
        suppress_health_check=(HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large), phases=(Phase.generate, Phase.shrink), verbosity=Verbosity.normal,
    )  # fmt: skip


@dataclass
class Ground:
    """One workspace for all examples of a machine: each begins with a suggestion of its own."""

    world: World
    owner_url: str
    people: dict[str, Actor]

    @property
    def storage(self) -> Storage:
        return self.world.storage

    def work(self, name: str = "owner") -> Any:
        """A unit of work of one of them."""
        actor = self.people[name]
        return self.storage.work(actor.workspace_id, actor.user_id)

    def changed(self, change: Callable[[Any], T], name: str = "owner") -> T:
        """One transaction of theirs."""
        with self.work(name) as work:
            result = change(work)
            work.commit()
        return result

    def passes(self, hours: float) -> None:
        """So much time goes by."""
        with psycopg.connect(self.owner_url) as owner:
            for statement in MOVED:
                owner.execute(statement, {"by": timedelta(hours=hours)})

    def suggest(self, proposal: Proposal, whose: str) -> Suggestion:
        """A run made for one of them suggests it."""

        def suggested(work: Any) -> Suggestion:
            run = self.world.run(work)
            run.user_id = self.people[whose].user_id
            [made], refused = propose(work, run, [proposal])
            assert not refused
            return made

        return self.changed(suggested, whose)

    def suggestion(self, id: UUID) -> tuple[Suggestion, list[Approval], list[ActionExecution]]:
        """How it stands, with everything that was said and every execution of it, oldest first."""
        with self.work() as work, psycopg.connect(self.owner_url) as owner:
            ids = owner.execute("SELECT id FROM nod.action_executions WHERE suggestion_id = %s ORDER BY id", (id,))
            executions = [work.executions.get(row[0]) for row in ids.fetchall()]
            return work.suggestions.get(id), list(work.suggestions.approvals(id)), executions


def make_ground(world: World, owner_url: str) -> Ground:
    """An owner, an admin, an approver, a member and a viewer."""
    templates.cache_clear()
    people = {"owner": world.actor}
    roles: tuple[Role, ...] = ("admin", "approver", "member", "viewer")
    for role in roles:
        other = somebody(world.storage)
        with world.storage.work(world.actor.workspace_id, other.user_id) as work:
            work.people.add(
                Membership(id=new_id(), workspace_id=world.actor.workspace_id, user_id=other.user_id, role=role, created_at=work.now)
            )  # fmt: skip
            work.commit()
        people[role] = Actor(other.user_id, world.actor.workspace_id, role, "web")
    return Ground(world, owner_url, people)
