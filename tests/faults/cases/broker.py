"""Valkey emptied, killed, full, standing still, and messages that are false."""

import json
import signal
from uuid import uuid4

from storage.embedded.process import working_in
from tests.faults.case import ask, case, workers
from tests.faults.system import Asked, System


@case("redis", small=18, large=300)
def emptied_in_the_middle_of_a_burst(system: System, size: int) -> list[Asked]:
    """FLUSHALL again and again while people tap."""
    asked = ask(system, size)
    workers(system)
    with system.broker() as broker:
        for one in asked:
            one.approve()
            if system.chance.random() < 0.3:
                broker.flushall()
    return asked


@case("redis", small=12, large=120)
def killed_and_back_without_its_data(system: System, size: int) -> list[Asked]:
    """Its process dies, its file is gone, it comes back empty: several times."""
    asked = ask(system, size)
    workers(system)
    for number, one in enumerate(asked):
        one.approve()
        if number % max(size // 20, 3) == 1:
            for file in (system.folder / "valkey").glob("appendonlydir/*"):
                file.unlink()
            system.kill_server("valkey-server")
    return asked


@case("redis", small=6, large=40)
def standing_still_while_people_tap(system: System, size: int) -> list[Asked]:
    """SIGSTOP: no connection breaks, nothing answers."""
    asked = ask(system, size)
    workers(system)
    (server,) = working_in(system.folder / "valkey", "valkey-server")
    server.send_signal(signal.SIGSTOP)
    try:
        # Each tap counts all the same: its ring gives up, and the sweep finds what is due.
        for one in asked[: size // 2]:
            one.approve()
    finally:
        server.send_signal(signal.SIGCONT)
    for one in asked[size // 2 :]:
        one.approve()
    return asked


@case("redis", small=12, large=120)
def out_of_memory(system: System, size: int) -> list[Asked]:
    """It refuses every write for a while."""
    asked = ask(system, size)
    workers(system)
    with system.broker() as broker:
        broker.config_set("maxmemory", "1")
        try:
            for one in asked[: size // 2]:
                one.approve()
        finally:
            broker.config_set("maxmemory", str(256 * 2**20))
    for one in asked[size // 2 :]:
        one.approve()
    return asked


@case("redis", small=12, large=120)
def messages_ten_times_and_forged(system: System, size: int) -> list[Asked]:
    """Every bell is rung ten times, for rows of others, for rows that are not there, and with what is no message at all."""
    asked = ask(system, size)
    workers(system)
    bell = system.storage.bell
    for one in asked:
        one.approve()
        for world in system.people:
            actor = world.actor
            with world.work() as work:
                execution = work.executions.of(one.suggestion.id)
            for _ in range(10):
                bell.wake("executions.due", actor.workspace_id, actor.user_id, execution.id if execution else uuid4())
            bell.wake("executions.due", uuid4(), uuid4(), uuid4())
    with system.broker() as broker:
        for queue in ("executions", "runs"):
            for key in broker.keys(f"*{queue}*"):
                if broker.type(key) == b"list":
                    broker.lpush(key, b"\xff\xfe not a message", json.dumps({"forged": True}))
    return asked
