"""Valkey emptied, killed, full, slow, standing still, with another password, and messages that are false or old."""

import json
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID, uuid4

from dramatiq import Message

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


@case("redis", small=8, large=120)
def slow(system: System, size: int) -> list[Asked]:
    """Every now and then it answers nobody for up to a second, which is longer than a tap waits for it."""
    asked = ask(system, size)
    workers(system)
    with _pausing(system):
        for one in asked[: size * 3 // 4]:
            one.approve()
    for one in asked[size * 3 // 4 :]:
        one.approve()
    return asked


@case("redis", small=8, large=120)
def with_another_password(system: System, size: int) -> list[Asked]:
    """Somebody sets a password, and all connections are closed: nobody of ours is let in, until it is taken away."""
    asked = ask(system, size)
    workers(system)
    half = size // 2
    with system.broker() as broker:
        for one in asked[:half]:
            if system.chance.random() < 0.2 or one is asked[0]:
                broker.config_set("requirepass", "of somebody else")
                for kind in ("normal", "pubsub"):
                    broker.execute_command("CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes")
                one.approve()
                broker.config_set("requirepass", "")
            else:
                one.approve()
    for one in asked[half:]:
        one.approve()
    return asked


@case("redis", small=8, large=120)
def messages_a_week_old(system: System, size: int) -> list[Asked]:
    """For what is due now only an old message is left, which nobody heeds; the sweep finds it. Others tell of what was done long ago, and of what is not there."""
    asked = ask(system, size)
    workers(system)
    with system.broker() as broker:
        for number, one in enumerate(asked):
            one.approve()
            if number % 2:
                broker.flushall()
            for world in system.people:
                with world.work() as work:
                    execution = work.executions.of(one.suggestion.id)
                for id in (execution.id if execution else uuid4(), uuid4()):
                    _week_old(broker, world.actor.workspace_id, world.actor.user_id, id)
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


@contextmanager
def _pausing(system: System) -> Iterator[None]:
    over = threading.Event()

    def pause() -> None:
        with system.broker() as broker:
            while not over.is_set():
                milliseconds = system.chance.randint(50, 1000)
                broker.execute_command("CLIENT", "PAUSE", milliseconds)
                over.wait(milliseconds / 1000 + 0.1)

    pausing = threading.Thread(target=pause)
    pausing.start()
    try:
        yield
    finally:
        over.set()
        pausing.join()


def _week_old(broker: Any, workspace_id: UUID, user_id: UUID, execution_id: UUID) -> None:
    """Where storage.bell puts a message, and the bell list set."""
    id, queue = str(uuid4()), "dramatiq:executions"
    message = Message(
        "executions", "executions.due", (str(workspace_id), str(user_id), str(execution_id)), {}, {"redis_message_id": id}, id,
        int((time.time() - 7 * 86_400) * 1000),
    )  # fmt: skip
    broker.hset(f"{queue}.msgs", id, message.encode())
    broker.rpush(queue, id)
    broker.rpush(f"{queue}.bell", "")
