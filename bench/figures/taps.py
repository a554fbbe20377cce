"""Figure 4: how long a tap on Approve waits for its toast and for its effect. The taps are posts of the chat page, the effects rows of the own task list."""

import os
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime

import httpx
from bots.kit.screen import Button
from bots.wiring import load_dialogs, tokens_of
from core.kernel.actor import Actor
from core.kernel.ids import new_id
from storage import Storage, open_storage

from bench.figure import Figure, quantile
from bench.plan import Plan
from bench.progress import say
from bench.rig import Rig
from bench.suggest import suggest
from bench.web import browser
from bench.world import World, fresh_world

WARM = 10


def measure(rig: Rig, plan: Plan) -> Iterator[Figure]:
    """One tap after another: web, a worker and a scheduler run."""
    load_dialogs()
    what = {"toast": "tap → toast", "tap": "tap → effect"}
    figures = {
        f"{key}_{part}_ms": Figure(
            f"{key}_{part}_ms", f"{name}: {part}", "ms", aim="≤ 300" if (key, part) == ("tap", "p99") else ""
        )
        for key, name in what.items()
        for part in ("p50", "p99")
    }
    with fresh_world(rig) as world, browser(world) as page, closing(open_storage(world.settings)) as storage:
        world.processes.worker()
        world.processes.scheduler()
        known = storage.directory.by_email("you@localhost")
        if known is None:
            raise RuntimeError("the web process did not make the local person")
        actor = Actor(known.user_id, known.workspace_id, known.role, "web")
        taps(world, storage, actor, page, WARM)
        for number in range(1, plan.rounds + 1):
            toasts, effects = taps(world, storage, actor, page, 20 * plan.seconds)
            for key, seconds in (("toast", toasts), ("tap", effects)):
                figures[f"{key}_p50_ms"].samples.append(1000 * quantile(seconds, 0.5))
                figures[f"{key}_p99_ms"].samples.append(1000 * quantile(seconds, 0.99))
            say(f"tap → effect: p99 {figures['tap_p99_ms'].samples[-1]:.1f} ms ({number} of {plan.rounds})")
    for figure in figures.values():
        figure.load = os.getloadavg()[0]
        yield figure


def taps(
    world: World, storage: Storage, actor: Actor, page: httpx.Client, count: int
) -> tuple[list[float], list[float]]:
    """Seconds from each tap to its answer, and to its effect as the database recorded it."""
    link_id, suggestions = suggest(storage, actor, count)
    tokens = tokens_of(world.settings)
    toasts, tapped = [], {}
    for suggestion_id in suggestions:
        button = Button(label="Approve", action="suggestion.approve", args=(str(suggestion_id), "1"))
        token = tokens.pack(button, link_id)
        tapped[suggestion_id] = datetime.now(UTC)
        began = time.perf_counter()
        answer = page.post("/chat/tap", data={"token": token, "once": str(new_id())}).json()
        toasts.append(time.perf_counter() - began)
        if answer["code"] is not None:
            raise RuntimeError(f"a tap was refused: {answer}")
    effects = []
    for suggestion_id, at in tapped.items():
        executed = None
        while executed is None:
            with storage.work(actor.workspace_id, actor.user_id) as work:
                execution = work.executions.of(suggestion_id)
                executed = execution.executed_at if execution else None
            time.sleep(0 if executed else 0.01)
        effects.append((executed - at).total_seconds())
    return toasts, effects
