"""Schedulers that are many, stop, and die: each due time fires once."""

import signal
import time
from datetime import timedelta

from core.catalog.configure import create_agent
from core.workflows.trigger import TriggerSpec, make_trigger
from tests.faults.case import case, workers
from tests.faults.system import Asked, System

TWICE = """
SELECT count(*) FROM (SELECT trigger_id FROM nod.runs WHERE trigger_id IS NOT NULL GROUP BY trigger_id HAVING count(*) <> 1) AS t"""
FIRED = "SELECT count(DISTINCT trigger_id) FROM nod.runs WHERE trigger_id IS NOT NULL"


@case("schedules", small=40, large=2_000, people=10)
def five_schedulers_that_stop_and_die(system: System, size: int) -> list[Asked]:
    """Everything falls due within seconds; of five schedulers one stands still, and one after the other is killed. No due time fires twice, none is left out."""
    names = [f"scheduler {number}" for number in range(5)]
    for name in names:
        system.start(name)
    for number in range(size):
        world = system.people[number % len(system.people)]
        with world.work() as work:
            agent = (
                work.agents.get(world.agent_id)
                if number >= len(system.people)
                else create_agent(work, world.actor, "inbox", "Often")
            )
            spec = TriggerSpec(type="schedule", cron="0 8 * * *", timezone="UTC", overlap="allow")
            trigger = make_trigger(work, world.actor, spec, agent_id=agent.id).trigger
            trigger.next_fire_at = work.now + timedelta(seconds=3 + number % 5)
            work.commit()
    system.running[names[0]].send_signal(signal.SIGSTOP)
    kills = 0
    while _count(system, FIRED) < size and kills < size:
        victim = system.chance.choice(names[1:])
        system.kill(victim)
        kills += 1
        time.sleep(system.chance.uniform(0.0, 0.3))
        system.start(victim)
    system.running[names[0]].send_signal(signal.SIGCONT)
    system.wait(lambda: _count(system, FIRED) == size, 60, "every schedule to fire")
    assert _count(system, TWICE) == 0, "a schedule fired twice"
    workers(system)
    return []


def _count(system: System, question: str) -> int:
    with system.owner() as owner:
        row = owner.execute(question.encode()).fetchone()
    return row[0] if row else 0
