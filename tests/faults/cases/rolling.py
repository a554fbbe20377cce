"""A rolling restart while people tap and runs go on: every worker, scheduler and web process in turn is told to stop, does so in order, and is replaced."""

import os
import socket
import subprocess
import sys
import threading
from typing import Any, cast

from core.catalog.versions import compose_agent
from core.orchestration.start import start
from runners.contracts import contracts
from tests.faults.browser import ADDRESS, Browser
from tests.faults.case import case
from tests.faults.cases.runs import CHAIN
from tests.faults.doors import an_hour_passes
from tests.faults.system import Asked, System
from tests.runners.world import World, redis_address
from tests.servers import ROOT

KINDS = ("task", "event", "mail")
"""What a page has words for: the sink's cards are the rig's own."""
CEILING_SECONDS = 60
RUNNERS = ("worker 0", "worker 1", "scheduler 0", "scheduler 1")
WEBS = ("web 0", "web 1")
NOT_WELL = "SELECT id, status, error FROM nod.runs WHERE status <> 'succeeded'"
UNKNOWN = "SELECT id FROM nod.execution_attempts WHERE outcome <> 'succeeded'"


@case("rolling", small=4, large=120, people=4)
def everything_restarted_in_turn_while_people_tap(system: System, size: int) -> list[Asked]:
    """Nothing is lost or done twice, no run fails, nothing becomes unknown or is tried again, and nobody sees an error."""
    ports = {name: _free_port() for name in WEBS}
    for name in RUNNERS:
        system.start(name)
    for name, port in ports.items():
        _open_page(system, name, port)
    asked: list[Asked] = []
    trouble: list[str] = []
    browsers = [Browser(world, list(ports.values())) for world in system.people]
    done, over = threading.Event(), threading.Event()
    people = [
        threading.Thread(target=_use, args=(system, number, world, browser, size // len(browsers), asked, trouble))
        for number, (world, browser) in enumerate(zip(system.people, browsers, strict=True))
    ]
    listening = [threading.Thread(target=browser.listen, args=(over,)) for browser in browsers[:2]]
    for thread in (*people, *listening):
        thread.start()
    try:
        while not done.is_set():
            for name in (*RUNNERS, *WEBS):
                _replace(system, name, ports)
            done.set() if not any(thread.is_alive() for thread in people) else None
    finally:
        for thread in people:
            thread.join()
        over.set()
        for thread in listening:
            thread.join()
    system.wait(lambda: not _rows(system, NOT_WELL), 60, "every run to end well")
    seen = [one for browser in browsers for one in browser.seen]
    assert not (trouble or seen), f"people saw trouble: {(trouble + seen)[:3]}"
    system.wait(lambda: _all_done(system, len(asked)), 60, "what was approved")
    assert not (found := _rows(system, UNKNOWN)), f"{len(found)} attempts were in vain"
    return asked


def _use(
    system: System, number: int, world: World, browser: Browser, times: int, asked: list[Asked], trouble: list[str]
) -> None:
    """What one person does all the while."""
    try:
        with world.work() as work:
            agent_id = compose_agent(work, world.actor, contracts(), "Nothing", CHAIN).id
            work.commit()
        for time in range(times):
            kind = KINDS[(number + time) % len(KINDS)]
            an_hour_passes(system)
            one = system.suggest(f"R{system.seed} {number} {time} {kind}", kind, world)
            browser.look()
            browser.tap(one.text)
            asked.append(one)
            with world.work() as work:
                start(work, world.actor, agent_id, "manual", {})
                work.commit()
    except Exception as why:
        trouble.append(f"{type(why).__name__}: {why}")


def _replace(system: System, name: str, ports: dict[str, int]) -> None:
    child = system.running.pop(name)
    child.terminate()
    try:
        status = child.wait(CEILING_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        raise AssertionError(f"{name} did not stop within {CEILING_SECONDS} s") from None
    assert status == 0, f"{name} ended with {status}"
    system.kills += 1
    if name in ports:
        _open_page(system, name, ports[name])
    else:
        system.start(name)


def _open_page(system: System, name: str, port: int) -> None:
    """A web process as it runs behind a proxy, ready."""
    reading, writing = os.pipe()
    given = system.settings
    assert given.database_url is not None and given.master_key is not None
    environment = {
        **os.environ,
        "NOD_DATABASE_URL": given.database_url.get_secret_value(), "NOD_REDIS_URL": redis_address(given),
        "NOD_DATA_DIR": str(given.data_dir), "NOD_MASTER_KEY": given.master_key.get_secret_value(), "NOD_PORT": str(port),
        "NOD_PUBLIC_URL": ADDRESS, "NOD_READY_FD": str(writing), "NOD_TEST": "1",
    }  # fmt: skip
    with (system.folder / "web.log").open("ab") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", "bots", "web"],
            cwd=ROOT,
            env=environment,
            stdout=log,
            stderr=log,
            pass_fds=(writing,),
        )
    os.close(writing)
    with os.fdopen(reading, "rb") as ready:
        assert ready.readline() == b"ready\n", f"{name} did not start: see {system.folder}"
    system.running[name] = cast(Any, child)


def _all_done(system: System, count: int) -> bool:
    return len(_rows(system, "SELECT id FROM nod.action_executions WHERE status = 'succeeded'")) == count


def _rows(system: System, question: str) -> list[tuple[object, ...]]:
    with system.owner() as owner:
        return owner.execute(question.encode()).fetchall()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
