"""Pending suggestions with a card in the person's chat, made through the product's use cases."""

from uuid import UUID

from core.approvals.propose import propose
from core.catalog.configure import create_agent
from core.kernel.actor import Actor
from core.kernel.ids import new_id
from core.messaging.post import announce
from core.orchestration.models import Run
from core.orchestration.ports import Proposal, Words
from storage import Storage


def suggest(storage: Storage, actor: Actor, count: int) -> tuple[UUID, list[UUID]]:
    """The link of the person's web chat, and the suggestions: tasks for their own list, whose effect is a row."""
    made = []
    with storage.work(actor.workspace_id, actor.user_id) as work:
        agent = create_agent(work, actor, "inbox", "Taps")
        run = Run(
            id=new_id(), workspace_id=actor.workspace_id, user_id=actor.user_id, agent_id=agent.id,
            agent_version_id=agent.latest_version_id or new_id(), trigger_type="manual", queued_at=work.now, created_at=work.now,
            due_at=work.now, status="succeeded",
        )  # fmt: skip
        work.runs.add(run)
        proposals = [
            Proposal(
                type="task", kind="task", operation="task.create", tool="tasks", input={"title": f"Task {n}"},
                why=Words(code="suggestion.why.invoice"), dedupe_key=f"bench:{n}",
            )
            for n in range(count)
        ]  # fmt: skip
        for suggestion in propose(work, run, proposals)[0]:
            announce(work, actor.user_id, "suggestion", suggestion.id)
            made.append(suggestion.id)
        link_id = next(link.id for link in work.people.links(actor.user_id) if link.provider == "web")
        work.commit()
    return link_id, made
