"""Figure 4: how long after a webhook was sent the first step of its run begins. Signed as Standard Webhooks ask, one after another."""

import json
import os
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from http import HTTPStatus

import httpx
from core.kernel.ids import UUID, new_id
from core.workflows.trigger import TriggerSpec, make_trigger
from standardwebhooks import Webhook
from storage import open_storage

from bench.figure import Figure, quantile
from bench.finished import wait_for_all
from bench.plan import Plan
from bench.progress import say
from bench.rig import Rig
from bench.web import browser
from bench.world import World, fresh_world

WARM, RATE = 10, 20
BEGUN = """
SELECT extract(epoch FROM min(s.started_at))::float8
FROM nod.runs r JOIN nod.run_steps s ON s.workspace_id = r.workspace_id AND s.run_id = r.id
WHERE r.trigger_id = %s GROUP BY r.workspace_id, r.id, r.created_at ORDER BY r.created_at, r.id"""


def measure(rig: Rig, plan: Plan) -> Iterator[Figure]:
    """Web, a worker and a scheduler run. Nothing when the product has no such address."""
    middle = Figure("hook_p50_ms", "webhook sent → first step: p50", "ms")
    worst = Figure("hook_p99_ms", "webhook sent → first step: p99", "ms")
    with fresh_world(rig) as world, browser(world) as page:
        world.processes.worker()
        world.processes.scheduler()
        trigger_id, secret = _trigger(world)
        if _post(page, trigger_id, secret).status_code == HTTPStatus.NOT_FOUND:
            say("webhook → first step: not there yet")
            return
        for number in range(plan.rounds + 1):
            seconds = _sent(world, page, trigger_id, secret, WARM if number == 0 else 20 * plan.seconds)
            if number:
                middle.samples.append(1000 * quantile(seconds, 0.5))
                worst.samples.append(1000 * quantile(seconds, 0.99))
                say(f"webhook → first step: p99 {worst.samples[-1]:.1f} ms ({number} of {plan.rounds})")
    for figure in (middle, worst):
        figure.load = os.getloadavg()[0]
        yield figure


def _sent(world: World, page: httpx.Client, trigger_id: UUID, secret: str, count: int) -> list[float]:
    """Seconds from sending each of them to the first step of its run."""
    sent = []
    for _ in range(count):
        sent.append(time.time())
        answer = _post(page, trigger_id, secret)
        if answer.status_code != HTTPStatus.ACCEPTED:
            raise RuntimeError(f"a webhook was refused: {answer.status_code} {answer.text}")
        time.sleep(max(sent[-1] + 1 / RATE - time.time(), 0))
    wait_for_all(world)
    begun = [row[0] for row in world.owner.execute(BEGUN, [trigger_id])][-count:]
    return [after - before for before, after in zip(sent, begun, strict=True)]


def _post(page: httpx.Client, trigger_id: UUID, secret: str) -> httpx.Response:
    body, name, now = json.dumps({"type": "measured"}), f"msg_{new_id().hex}", datetime.now(UTC)
    headers = {
        "webhook-id": name,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign(name, now, body),
        "content-type": "application/json",
    }
    return page.post(f"/hooks/{trigger_id}", content=body, headers=headers)


def _trigger(world: World) -> tuple[UUID, str]:
    person = world.people[0]
    with (
        closing(open_storage(world.settings)) as storage,
        storage.work(person.workspace_id, person.user_id) as work,
    ):
        made = make_trigger(
            work, person.actor, TriggerSpec(type="webhook", source="standard"), agent_id=person.agent_id
        )
        work.commit()
    assert made.secret is not None
    return made.trigger.id, made.secret
