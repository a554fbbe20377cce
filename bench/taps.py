"""`python -m bench.taps [--taps 500] [--runs 100]`: how long a tap on Approve waits for its toast and for its effect, and how long after it was
due a run begins. The product runs for real: the taps are posts of the chat page, the effects rows of the own task list, the runs are fired by
the scheduler."""

import argparse
import statistics
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from bots.kit.screen import Button
from bots.wiring import load_dialogs, tokens_of
from core.approvals.propose import propose
from core.catalog.configure import create_agent
from core.kernel.actor import Actor
from core.kernel.ids import new_id
from core.messaging.post import announce
from core.orchestration.models import Run
from core.orchestration.ports import Proposal, Words
from core.orchestration.start import start
from core.workflows.schedule import schedule
from rich.console import Console
from rich.table import Table

from bench.product import Product, running

AGENTS, GAP, AHEAD = 10, 0.25, 1.0


def main() -> None:
    """Measures and prints a table."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--taps", type=int, default=500)
    asked.add_argument("--runs", type=int, default=100)
    wanted = asked.parse_args()
    load_dialogs()
    with running() as product:
        browser = product.browser()
        known = product.storage.directory.by_email("you@localhost")
        assert known is not None
        actor = Actor(known.user_id, known.workspace_id, known.role, "web")
        toasts, effects = taps(product, actor, browser, wanted.taps)
        starts = run_starts(product, actor, wanted.runs)
    table = Table("what", "n", "p50 ms", "p90 ms", "p99 ms", "max ms")
    for name, seconds in (("tap → toast", toasts), ("tap → effect", effects), ("run due → first step", starts)):
        table.add_row(name, str(len(seconds)), *(f"{1000 * value:.1f}" for value in _summary(seconds)))
    Console().print(table)


def taps(product: Product, actor: Actor, browser, count: int) -> tuple[list[float], list[float]]:
    """Seconds from each tap to its answer, and to its effect as the database recorded it."""
    link_id, suggestions = _suggest(product, actor, count)
    tokens = tokens_of(product.settings)
    toasts, tapped = [], {}
    for suggestion_id in suggestions:
        token = tokens.pack(
            Button(label="Approve", action="suggestion.approve", args=(str(suggestion_id), "1")), link_id
        )
        tapped[suggestion_id] = datetime.now(UTC)
        began = time.perf_counter()
        answer = browser.post("/chat/tap", data={"token": token, "once": str(new_id())}).json()
        toasts.append(time.perf_counter() - began)
        assert answer["code"] is None, answer
    effects = []
    for suggestion_id, at in tapped.items():
        executed = None
        while executed is None:
            with product.storage.work(actor.workspace_id, actor.user_id) as work:
                execution = work.executions.of(suggestion_id)
                executed = execution.executed_at if execution else None
        effects.append((executed - at).total_seconds())
    return toasts, effects


def _suggest(product: Product, actor: Actor, count: int) -> tuple[UUID, list[UUID]]:
    made = []
    with product.storage.work(actor.workspace_id, actor.user_id) as work:
        agent = create_agent(work, actor, "inbox", "Taps")
        run = Run(
            id=new_id(), workspace_id=actor.workspace_id, user_id=actor.user_id, agent_id=agent.id,
            agent_version_id=agent.latest_version_id or new_id(), trigger_type="manual", queued_at=work.now, created_at=work.now,
            due_at=work.now, status="succeeded",
        )  # fmt: skip
        work.runs.add(run)
        proposals = [
            Proposal(
                type="task",
                kind="task",
                operation="task.create",
                tool="tasks",
                input={"title": f"Task {n}"},
                why=Words(code="suggestion.why.invoice"),
                dedupe_key=f"bench:{n}",
            )
            for n in range(count)
        ]
        for suggestion in propose(work, run, proposals)[0]:
            announce(work, actor.user_id, "suggestion", suggestion.id)
            made.append(suggestion.id)
        link_id = next(link.id for link in work.people.links(actor.user_id) if link.provider == "web")
        work.commit()
    return link_id, made


def run_starts(product: Product, actor: Actor, count: int) -> list[float]:
    """Seconds from each schedule's due time to the beginning of its run's first step. Ten agents that have read their mail before, four runs due a second,
    as agents run on a schedule: their very first run, over the whole mailbox, is not measured."""
    triggers = [_agent_with_schedule(product, actor, n) for n in range(AGENTS)]
    _wait_for_runs(product, actor, AGENTS)
    first = datetime.now(UTC) + timedelta(seconds=3)
    for n in range(count):
        due = first + timedelta(seconds=GAP * n)
        time.sleep(max((due - datetime.now(UTC)).total_seconds() - AHEAD, 0))
        with product.storage.work(actor.workspace_id, actor.user_id) as work:
            work.triggers.get(triggers[n % AGENTS]).next_fire_at = due
            work.commit()
    _wait_for_runs(product, actor, AGENTS + count)
    with product.storage.work(actor.workspace_id, actor.user_id) as work:
        runs = [run for run in work.runs.page(None, count) if run.trigger_type == "scheduled"]
        return [(work.runs.steps(run.id)[0].started_at - run.due_at).total_seconds() for run in runs]


def _agent_with_schedule(product: Product, actor: Actor, n: int) -> UUID:
    with product.storage.work(actor.workspace_id, actor.user_id) as work:
        agent = create_agent(work, actor, "inbox", f"Runs {n}")
        trigger = schedule(work, actor, agent.id, "0 0 1 1 *", "UTC")
        assert trigger is not None
        start(work, actor, agent.id, "manual", {})
        work.commit()
    return trigger.id


def _wait_for_runs(product: Product, actor: Actor, count: int) -> None:
    """Looks once a second, so that looking does not become the load. The run that the taps hang on counts too."""
    while True:
        with product.storage.work(actor.workspace_id, actor.user_id) as work:
            if len(work.runs.page(None, count + 1, status="succeeded")) > count:
                return
        time.sleep(1)


def _summary(seconds: Sequence[float]) -> tuple[float, float, float, float]:
    cuts = statistics.quantiles(seconds, n=100, method="inclusive")
    return statistics.median(seconds), cuts[89], cuts[98], max(seconds)


if __name__ == "__main__":
    main()
