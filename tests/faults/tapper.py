"""Somebody who uses a release: makes suggestions through its code, approves them, starts runs. Run in a checkout of that release, which may be an earlier one: a line in,
a line of JSON out (tests/faults/earlier.py)."""

import json
import sys
import time
from pathlib import Path
from typing import Any, cast

import psycopg

from core.catalog.versions import compose_agent
from core.kernel.errors import Failure
from core.kernel.settings import settings
from core.orchestration.start import start
from runners.contracts import contracts
from storage import open_storage
from tests.faults import system as rig
from tests.faults.cases.runs import CHAIN
from tests.faults.join import join
from tests.faults.sink import Sink

PEOPLE = 3
TRIES = 300


def main(port: int, seed: int) -> None:
    """Until the input ends."""
    join()
    storage = open_storage(settings())
    made = rig.System(
        settings().data_dir / "earlier-people", cast(Any, None), settings(), storage, Sink(port, cast(Any, None)), seed
    )
    made.folder.mkdir()
    # Earlier ones call it so.
    person = getattr(rig, "make_person", None) or rig._person
    made.people += [person(made, n) for n in range(PEOPLE)]
    agents = []
    for world in made.people:
        with world.work() as work:
            agents.append(compose_agent(work, world.actor, contracts(), "Nothing", CHAIN).id)
            work.commit()
    for number, _ in enumerate(sys.stdin):
        kind = rig.KINDS[number % len(rig.KINDS)]
        asked = _until(lambda kind=kind, number=number: made.suggest(f"E{seed} {number} {kind}", kind))
        _until(asked.approve)
        _until(lambda number=number: _run(made.people[number % PEOPLE], agents[number % PEOPLE]))
        world = asked.world
        said = {
            "text": asked.text,
            "kind": kind,
            "id": str(asked.suggestion.id),
            "maildir": str(Path(world.maildir).absolute()),
            "calendar": str(world.tools["calendar"]),
        }
        print(json.dumps(said), flush=True)


def _run(world: Any, agent_id: Any) -> None:
    with world.work() as work:
        start(work, world.actor, agent_id, "manual", {})
        work.commit()


def _until(said: Any) -> Any:
    """Again and again, as a person would, until it is heard."""
    why: Exception | None = None
    for _ in range(TRIES):
        try:
            return said()
        except Failure as failed:
            if failed.code == "approvals.already_decided":
                return None
            why = failed
        except psycopg.Error as failed:
            why = failed
        print(f"not heard: {why}", file=sys.stderr, flush=True)
        time.sleep(0.1)
    raise AssertionError("nobody heard it") from why


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
