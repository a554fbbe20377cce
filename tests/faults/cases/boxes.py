"""The box that runs a person's own code is killed from outside: by somebody, or by the kernel when the machine is out of memory."""

import time
from contextlib import suppress

import psutil

from core.catalog.versions import compose_agent
from core.orchestration.start import start
from runners.contracts import contracts
from runners.sandbox.box import probe
from tests.faults.case import case, workers
from tests.faults.system import Asked, CannotHere, System

SOURCE = "total = 0\nfor number in range(inputs['much']):\n    total += number\ntotal"
MUCH = 2_000_000
GRAPH = {"nodes": [{"id": "work", "skill": "code", "inputs": {"source": SOURCE, "inputs": {"much": MUCH}}}]}
ENDED_WELL = "SELECT count(*) FROM nod.runs WHERE status = 'succeeded'"
NOT_WELL = "SELECT id, error FROM nod.runs WHERE status NOT IN ('succeeded', 'queued', 'running')"
ACCUSED = "SELECT id FROM nod.runs WHERE error->>'code' = 'orchestration.code_limit'"


@case("code", small=6, large=120)
def boxes_killed_at_any_moment(system: System, size: int) -> list[Asked]:
    """The runs whose box was killed go on, the code is not blamed, its worker lives, and no box is left behind."""
    if (why := probe()) is not None:
        raise CannotHere(f"code cannot be boxed ({why})")
    agents = []
    for world in system.people:
        with world.work() as work:
            agents.append((world, compose_agent(work, world.actor, contracts(), "Adds", GRAPH).id))
            work.commit()
    workers(system, 2)
    for number in range(size):
        world, agent_id = agents[number % len(agents)]
        with world.work() as work:
            start(work, world.actor, agent_id, "manual", {})
            work.commit()
        # Not each box of a run may be killed: after three it is ended, and said.
        if number % 3 == 0:
            _kill_one(system)
    system.wait(lambda: _count(system) + len(_rows(system, NOT_WELL)) == size, 150, "every run to end")
    assert not _rows(system, ACCUSED), "code was blamed for the death of its box"
    assert not (ill := _rows(system, NOT_WELL)), f"runs failed: {ill[:3]}"
    assert all(child.poll() is None for child in system.running.values()), "a worker died with a box"
    system.wait(lambda: not _boxes(system), 30, "the boxes to end")
    return []


def _kill_one(system: System) -> None:
    """Any process of any box, as soon as there is one that has not ended by itself."""
    before = system.kills
    while system.kills == before:
        found = system.wait(lambda: _boxes(system), 60, "a box")
        time.sleep(system.chance.uniform(0.0, 0.1))
        with suppress(psutil.NoSuchProcess):
            system.chance.choice(_boxes(system) or found).kill()
            system.kills += 1


def _boxes(system: System) -> list[psutil.Process]:
    """The processes of boxes: each is one that watches, and one that works."""
    found = []
    for child in system.running.values():
        with suppress(psutil.NoSuchProcess):
            found += psutil.Process(child.pid).children(recursive=True)
    return found


def _count(system: System) -> int:
    return _rows(system, ENDED_WELL)[0][0]


def _rows(system: System, question: str) -> list[tuple[object, ...]]:
    with system.owner() as owner:
        return owner.execute(question.encode()).fetchall()
