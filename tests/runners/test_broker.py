"""The broker with a real Valkey: woken instead of looking, nothing lost when a process or Redis is, nothing held that no thread can take."""

import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import Any
from uuid import UUID

import pytest
import redis
from dramatiq import Message, Middleware
from redis.connection import AbstractConnection

from core.kernel.ids import new_id
from runners import consumer
from runners.actors import BELLS, declare
from runners.broker import BellBroker, BellWorker, make_broker, make_worker
from storage.bell import RedisBell, Ring
from tests.runners.brokered import Child, own_valkey, worker_of

PATIENCE = 30.0
HEARTBEATS = "dramatiq:__heartbeats__"
WORKSPACE, USER = new_id(), new_id()


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as client:
        client.flushdb()
        yield client


@pytest.fixture
def bell(redis_url: str, client: redis.Redis) -> Iterator[RedisBell]:
    bell = RedisBell(redis_url)
    yield bell
    bell.close()


def ring(bell: RedisBell, *ids: Any, name: str = "executions.due") -> None:
    bell.wake_all([Ring(name, WORKSPACE, USER, id) for id in ids])


class Heard:
    """What was carried out, in its order. `hold` makes the threads wait inside until they are let go."""

    def __init__(self, hold: bool = False) -> None:
        self.ids: SimpleQueue[str] = SimpleQueue()
        self.go = threading.Event()
        if not hold:
            self.go.set()

    def __call__(self, workspace_id: str, user_id: str, id: str) -> None:
        self.ids.put(id)
        assert self.go.wait(PATIENCE)

    def next(self, number: int) -> list[str]:
        """The next so many; waits for them."""
        return [self.ids.get(timeout=PATIENCE) for _ in range(number)]


def listening(client: redis.Redis, number: int = 1) -> None:
    """Waits until so many clients of this database sleep on a bell."""
    until(lambda: asleep(client) >= number)


def asleep(client: redis.Redis) -> int:
    db = client.connection_pool.connection_kwargs.get("db", 0)
    return sum(
        known["cmd"] == "blpop" and "b" in known["flags"] and known["db"] == str(db) for known in client.client_list()
    )


def until(true: Callable[[], Any], seconds: float = PATIENCE) -> None:
    """Asks again and again."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come to pass in time"


def beaten(client: redis.Redis, milliseconds: float = 600) -> None:
    """Waits until all workers' hearts have gone on beating for so long: each has looked at its queue again."""
    first: Any = client.zrange(HEARTBEATS, 0, -1, withscores=True)
    assert first
    until(lambda: all(client.zscore(HEARTBEATS, name) > at + milliseconds for name, at in first))  # type: ignore[operator]


def settled(client: redis.Redis, queue: str = "executions") -> bool:
    """Whether every message of the queue was acknowledged."""
    return not client.exists(f"dramatiq:{queue}.msgs") and not client.keys(f"dramatiq:__acks__.*.{queue}")


def test_messages_are_carried_out_in_their_order_and_acknowledged(
    redis_url: str, client: redis.Redis, bell: RedisBell
) -> None:
    heard, ids = Heard(), [new_id() for _ in range(100)]
    with worker_of(redis_url, "executions.due", heard, threads=1):
        ring(bell, *ids)
        assert heard.next(100) == [str(id) for id in ids]
        until(lambda: settled(client))
        assert not client.exists("dramatiq:executions.bell"), "an empty queue leaves no bell behind"


def test_a_sleeping_worker_is_woken_by_the_bell_and_not_by_its_look(
    redis_url: str, client: redis.Redis, bell: RedisBell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer, "LOOK_SECONDS", 2.5)
    heard = Heard()
    with worker_of(redis_url, "executions.due", heard):
        for _ in range(20):
            listening(client)
            began = time.monotonic()
            ring(bell, new_id())
            heard.next(1)
            assert time.monotonic() - began < 1.0


def test_messages_that_stock_dramatiq_enqueued_ring_too(redis_url: str, client: redis.Redis) -> None:
    heard, broker = Heard(), make_broker(redis_url)
    with worker_of(redis_url, "executions.due", heard):
        listening(client)
        broker.declare_queue("executions")
        broker.enqueue(Message("executions", "executions.due", ("w", "u", "1"), {}, {}))
        assert heard.next(1) == ["1"]
    with pytest.raises(ValueError, match="due time"):
        broker.enqueue(Message("executions", "executions.due", ("w", "u", "1"), {}, {}), delay=10)
    broker.close()


def test_a_bell_that_was_lost_costs_a_moment(redis_url: str, client: redis.Redis) -> None:
    heard, broker = Heard(), make_broker(redis_url)
    with worker_of(redis_url, "executions.due", heard):
        listening(client)
        message = Message("executions", "executions.due", ("w", "u", "quiet"), {}, {"redis_message_id": "one"})
        began = time.monotonic()
        with client.pipeline(transaction=True) as silent:  # as an enqueue whose bell list was deleted at once
            silent.hset("dramatiq:executions.msgs", "one", message.encode())
            silent.rpush("dramatiq:executions", "one")
            silent.execute()
        assert heard.next(1) == ["quiet"]
        assert time.monotonic() - began < 2.0
    broker.close()


def test_only_one_of_two_sleeping_processes_is_woken_and_both_share_a_burst(
    redis_url: str, client: redis.Redis, bell: RedisBell
) -> None:
    one, two = Heard(hold=True), Heard(hold=True)
    with worker_of(redis_url, "executions.due", one, 2), worker_of(redis_url, "executions.due", two, 2):
        listening(client, 2)
        ids = [new_id() for _ in range(4)]
        ring(bell, *ids)
        taken = one.next(2) + two.next(2)
        assert sorted(taken) == sorted(str(id) for id in ids)
        one.go.set()
        two.go.set()
        until(lambda: settled(client))


def test_nothing_is_fetched_that_no_thread_can_take(redis_url: str, client: redis.Redis, bell: RedisBell) -> None:
    busy, free = Heard(hold=True), Heard()
    with worker_of(redis_url, "executions.due", busy, threads=2):
        ring(bell, new_id(), new_id())
        busy.next(2)
        waiting = [new_id(), new_id()]
        ring(bell, *waiting)
        beaten(client)
        with worker_of(redis_url, "executions.due", free, threads=2):
            assert free.next(2) == [str(id) for id in waiting]
        busy.go.set()
    assert busy.ids.empty()


def test_a_thread_that_becomes_free_takes_what_waits(redis_url: str, client: redis.Redis, bell: RedisBell) -> None:
    heard = Heard(hold=True)
    with worker_of(redis_url, "executions.due", heard, threads=1):
        ring(bell, new_id(), new_id())
        heard.next(1)
        beaten(client)
        assert client.llen("dramatiq:executions") == 1
        heard.go.set()
        heard.next(1)


def test_a_worker_busy_for_long_keeps_its_messages(
    redis_url: str, client: redis.Redis, bell: RedisBell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runners.broker.HEARTBEAT_MS", 2_000)
    busy, idle = Heard(hold=True), Heard()
    with worker_of(redis_url, "executions.due", busy, threads=1):
        ring(bell, new_id())
        busy.next(1)
        with worker_of(redis_url, "executions.due", idle, threads=1):
            until(lambda: client.zcard(HEARTBEATS) == 2)
            beaten(client, 3_000)
            assert idle.ids.empty()
            busy.go.set()


def test_what_a_killed_process_held_is_carried_out_by_another(
    redis_url: str, client: redis.Redis, bell: RedisBell
) -> None:
    victim = Child(redis_url, "executions.due", hold=True)
    ids = [new_id() for _ in range(3)]
    ring(bell, *ids)
    taken = sorted([victim.hear(), victim.hear()])
    heard = Heard()
    with worker_of(redis_url, "executions.due", heard):
        assert heard.next(1) == [str(ids[2])]
        victim.kill()
        assert sorted(heard.next(2)) == taken
        until(lambda: settled(client))


def test_an_idle_worker_stops_within_a_second(redis_url: str, client: redis.Redis) -> None:
    with worker_of(redis_url, "executions.due", Heard()) as worker:
        listening(client)
        began = time.monotonic()
        worker.stop(5_000)
        assert time.monotonic() - began < 1.0
        assert not alive(worker)


def alive(worker: BellWorker) -> bool:
    return any(thread.is_alive() for thread in (*worker.workers, *worker.consumers.values()))


def test_a_stopping_worker_takes_nothing_more_and_finishes_what_it_has(
    redis_url: str, client: redis.Redis, bell: RedisBell
) -> None:
    heard = Heard(hold=True)
    with worker_of(redis_url, "executions.due", heard, threads=2) as worker:
        ring(bell, new_id())
        heard.next(1)
        listening(client)
        stopping = threading.Thread(target=worker.stop, args=(20_000,))
        stopping.start()
        until(lambda: not any(thread.running for thread in worker.workers))
        ring(bell, new_id())
        until(lambda: not asleep(client))
        beaten(client)
        assert client.llen("dramatiq:executions") == 1
        heard.go.set()
        stopping.join(PATIENCE)
        assert heard.ids.empty() and not alive(worker)
    assert client.llen("dramatiq:executions") == 1
    assert client.hlen("dramatiq:executions.msgs") == 1, "the one that it had begun is acknowledged"
    assert client.llen("dramatiq:executions.bell") == 1, "and the other's bell is not swallowed"


@pytest.mark.parametrize(
    ("name", "finishes"),
    [("executions.due", True), ("executions.lookup", True), ("runs.due", False), ("runs.rewrite", False)],
)
def test_who_is_told_to_stop_finishes_an_effect_and_breaks_off_anything_else(
    redis_url: str, client: redis.Redis, bell: RedisBell, monkeypatch: pytest.MonkeyPatch, name: str, finishes: bool
) -> None:
    """What is broken off is handed back; an effect would have to be looked up."""
    begun, told, over, ended = (threading.Event() for _ in range(4))
    rounds: list[bool] = []

    class Told(Middleware):
        def before_worker_shutdown(self, broker: Any, worker: Any) -> None:
            told.set()

    def work(*ids: Any) -> None:
        begun.set()
        try:
            while not (told.is_set() and sum(rounds) > 20):
                rounds.append(told.wait(0.001))
            ended.set()
        finally:
            over.set()

    monkeypatch.setitem(BELLS, name, work)
    queue = name.partition(".")[0]
    broker = declare(make_broker(redis_url), queue)
    broker.add_middleware(Told())
    worker = make_worker(broker, queue, 1)
    worker.start()
    ring(bell, new_id(), name=name)
    assert begun.wait(PATIENCE)
    worker.stop(20_000)
    broker.close()
    assert over.is_set() and ended.is_set() is finishes


def test_messages_that_cannot_be_read_stop_nobody(redis_url: str, client: redis.Redis, bell: RedisBell) -> None:
    for id, text in {"a": b"\xff not JSON", "b": b"[]", "c": b'{"options": 3}', "d": None}.items():
        if text is not None:
            client.hset("dramatiq:executions.msgs", id, text)
        client.rpush("dramatiq:executions", id)
    heard, id = Heard(), new_id()
    with worker_of(redis_url, "executions.due", heard):
        ring(bell, id)
        assert heard.next(1) == [str(id)]
        until(lambda: settled(client))
    assert client.zcard("dramatiq:executions.XQ") == 3


@pytest.fixture
def lost(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Any, Any], Any]], list[Any]]:
    """Has the line break once, behind Redis: when `what` (of what was settled and what was fetched) is something. Gives what was lost then."""

    def lose(what: Callable[[Any, Any], Any]) -> list[Any]:
        honest, gone = BellBroker.look, []

        def look(self: BellBroker, queue: str, settled: Any, *asked: Any) -> Any:
            texts = honest(self, queue, settled, *asked)
            if not gone and (found := what(settled, texts)):
                gone.extend(found)
                raise redis.ConnectionError("the line broke")
            return texts

        monkeypatch.setattr(BellBroker, "look", look)
        return gone

    return lose


def test_an_answer_that_was_lost_on_the_way_is_given_back(
    redis_url: str, client: redis.Redis, bell: RedisBell, lost: Callable[[Callable[[Any, Any], Any]], list[Any]]
) -> None:
    heard, id = Heard(), new_id()
    gone = lost(lambda _, fetched: fetched)
    with worker_of(redis_url, "executions.due", heard):
        ring(bell, id)
        assert heard.next(1) == [str(id)]
        assert gone


def test_what_was_carried_out_is_told_when_the_answer_to_that_was_lost(
    redis_url: str, client: redis.Redis, bell: RedisBell, lost: Callable[[Callable[[Any, Any], Any]], list[Any]]
) -> None:
    heard, ids = Heard(), [new_id(), new_id()]
    gone = lost(lambda settled, _: settled)
    with worker_of(redis_url, "executions.due", heard):
        for id in ids:
            ring(bell, id)
        assert sorted(heard.next(2)) == sorted(map(str, ids))
        until(lambda: gone and settled(client))


def test_a_message_costs_one_round_trip(
    redis_url: str, client: redis.Redis, bell: RedisBell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Saying what was done before, listening and fetching travel together."""
    monkeypatch.setattr(consumer, "LOOK_SECONDS", 2.5)
    heard, sent = Heard(), Counter()
    send = AbstractConnection.send_packed_command

    def counted(self: AbstractConnection, *command: Any, **more: Any) -> None:
        sent[type(threading.current_thread()).__name__] += 1
        send(self, *command, **more)

    monkeypatch.setattr(AbstractConnection, "send_packed_command", counted)
    with worker_of(redis_url, "executions.due", heard):
        listening(client)
        sent.clear()
        for _ in range(20):
            ring(bell, new_id())
            heard.next(1)
            listening(client)
        assert sent["ConsumerThread"] == 20
        assert not sent["WorkerThread"]


def test_who_is_given_a_message_begins_before_the_next_is_asked_for(
    redis_url: str, client: redis.Redis, bell: RedisBell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer, "HANDED_SECONDS", PATIENCE)
    begun, heard = threading.Event(), Heard()
    look, early = BellBroker.look, list[bool]()

    def looking(self: BellBroker, queue: str, owed: Any, wait: float, room: int) -> Any:
        early.append(not begun.is_set())
        texts = look(self, queue, owed, wait, room)
        if texts:
            begun.clear()
        return texts

    def work(*ids: str) -> None:
        begun.set()
        heard(*ids)

    monkeypatch.setattr(BellBroker, "look", looking)
    begun.set()
    with worker_of(redis_url, "executions.due", work):
        for id in (new_id() for _ in range(50)):
            listening(client)
            ring(bell, id)
            assert heard.next(1) == [str(id)]
            until(lambda: settled(client))
    assert not any(early)


def test_a_redis_that_comes_back_empty_is_listened_to_again(tmp_path: Path) -> None:
    with own_valkey(tmp_path / "valkey") as valkey:
        bell, heard = RedisBell(valkey.url), Heard(hold=True)
        with worker_of(valkey.url, "executions.due", heard, threads=2) as worker:
            ring(bell, new_id())
            heard.next(1)
            valkey.stop()
            heard.go.set()  # its acknowledgement has to wait
            for left in (tmp_path / "valkey" / "valkey").rglob("appendonly*"):
                if left.is_file():
                    left.unlink()
            valkey.launch()
            valkey.wait_until_ready()
            with redis.Redis.from_url(valkey.url) as client:
                assert client.dbsize() <= 2, "only heartbeats"
                bell._away_until = 0.0
                ids = [new_id(), new_id()]
                ring(bell, *ids)
                assert sorted(heard.next(2)) == sorted(str(id) for id in ids)
                until(lambda: settled(client))
            assert not worker.consumers["executions"].consumer._failures
        bell.close()


def test_what_was_carried_out_while_redis_was_away_is_acknowledged_when_it_is_back(tmp_path: Path) -> None:
    with own_valkey(tmp_path / "valkey") as valkey:
        bell, heard = RedisBell(valkey.url), Heard(hold=True)
        with worker_of(valkey.url, "executions.due", heard, threads=2) as worker:
            ring(bell, new_id())
            heard.next(1)
            valkey.stop()
            heard.go.set()
            until(lambda: worker.consumers["executions"].consumer._owed)
            valkey.launch()
            valkey.wait_until_ready()
            with redis.Redis.from_url(valkey.url) as client:
                until(lambda: settled(client))
            assert heard.ids.empty()
        bell.close()


def test_a_redis_that_is_full_is_emptied(tmp_path: Path) -> None:
    with own_valkey(tmp_path / "valkey") as valkey, redis.Redis.from_url(valkey.url) as client:
        bell, heard, ids = RedisBell(valkey.url), Heard(), [new_id() for _ in range(3)]
        ring(bell, *ids)
        client.config_set("maxmemory", 1)
        ring(bell, new_id())
        assert client.llen("dramatiq:executions") == 3
        with worker_of(valkey.url, "executions.due", heard, threads=1):
            assert heard.next(3) == [str(id) for id in ids]
            until(lambda: settled(client))
        bell.close()


def test_a_worker_stops_within_a_second_while_redis_is_away(tmp_path: Path) -> None:
    with own_valkey(tmp_path / "valkey") as valkey:
        with worker_of(valkey.url, "executions.due", Heard()) as worker:
            valkey.stop()
            until(lambda: worker.consumers["executions"].consumer._failures > 3)
            began = time.monotonic()
            worker.stop(5_000)
            assert time.monotonic() - began < 1.0
            assert not alive(worker)


def test_a_redis_that_hangs_is_borne(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runners.broker.PATIENCE_SECONDS", 1.0)
    with own_valkey(tmp_path / "valkey") as valkey:
        bell, heard = RedisBell(valkey.url), Heard()
        with worker_of(valkey.url, "executions.due", heard) as worker:
            assert valkey._process is not None
            valkey._process.send_signal(signal.SIGSTOP)
            until(lambda: worker.consumers["executions"].consumer._failures)
            valkey._process.send_signal(signal.SIGCONT)
            ring(bell, new_id())
            heard.next(1)
        bell.close()


def test_no_commit_goes_unheard_however_rings_are_left_out(
    redis_url: str, client: redis.Redis, bell: RedisBell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Threads commit rows and ring; whoever hears takes all rows. Nobody sweeps, and a mark outlives the test: a ring lost between would leave rows."""
    monkeypatch.setattr("storage.bell.MARK_MS", 600_000)
    commits, lock, rows = 400, threading.Lock(), []
    hearings = 0
    done = threading.Event()

    def hear(workspace_id: str, user_id: str, id: str) -> None:
        nonlocal hearings
        again = True
        while again:
            with lock:
                hearings += 1
                taken.extend(rows)
                rows.clear()
                if len(taken) == 4 * commits:
                    done.set()
            again = bell.heard_again("runs.due", [WORKSPACE], going_on=True).again

    def commit(thread: int) -> None:
        for number in range(commits):
            with lock:
                rows.append((thread, number))
            ring(bell, new_id(), name="runs.due")

    taken: list[tuple[int, int]] = []
    with worker_of(redis_url, "runs.due", hear), worker_of(redis_url, "runs.due", hear):
        with ThreadPoolExecutor(4) as threads:
            list(threads.map(commit, range(4)))
        assert done.wait(PATIENCE), f"{len(rows)} rows were left"
    assert len(set(taken)) == 4 * commits
    assert hearings < 4 * commits, "some rings were left out"


def test_nothing_that_is_told_goes_unheard_wherever_it_waits(
    redis_url: str, client: redis.Redis, bell: RedisBell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Threads commit rows of three workspaces and ring, for half of them telling which row it is; who is told takes that row, who is not takes all rows of the
    place. Nobody sweeps, and a mark outlives the test: a ring lost between would leave rows."""
    monkeypatch.setattr("storage.bell.MARK_MS", 600_000)
    commits, lock, places = 300, threading.Lock(), [new_id() for _ in range(3)]
    rows: dict[UUID, set[UUID]] = {place: set() for place in places}
    done, at_once = threading.Event(), 0

    def take(place: UUID, told_of: UUID | None) -> None:
        nonlocal at_once
        with lock:
            if told_of is None:
                rows[place].clear()
            elif told_of in rows[place]:
                at_once += 1
                rows[place].remove(told_of)
            if committed.is_set() and not any(rows.values()):
                done.set()

    def hear(workspace_id: str, user_id: str, id: str, told: Any = None) -> None:
        place = UUID(workspace_id)
        take(place, UUID(id) if told else None)
        mine = [place]
        while True:
            heard = bell.heard_again("runs.due", mine, going_on=True)
            for again in heard.again:
                take(again, None)
            for other in heard.others:
                take(other.workspace_id, other.id if other.told else None)
            mine = [*heard.again, *(other.workspace_id for other in heard.others if not other.told)]
            if not heard.again and not heard.others:
                return

    def commit(thread: int) -> None:
        for number in range(commits):
            place, id = places[number % 3], new_id()
            with lock:
                rows[place].add(id)
            told = {"row": str(id)} if (number + thread) % 2 else None
            bell.wake_all([Ring("runs.due", place, USER, id, told=told)])

    committed = threading.Event()
    with worker_of(redis_url, "runs.due", hear), worker_of(redis_url, "runs.due", hear):
        with ThreadPoolExecutor(4) as threads:
            list(threads.map(commit, range(4)))
        committed.set()
        with lock:
            if not any(rows.values()):
                done.set()
        assert done.wait(PATIENCE), f"{rows} were left"
    assert at_once > commits / 10, "some were told of"


@pytest.mark.parametrize("lately", [True, False])
def test_who_comes_right_after_another_left_has_rings_wait(
    redis_url: str, client: redis.Redis, bell: RedisBell, lately: bool
) -> None:
    if lately:
        client.set("nod:lately", "")
    heard = Heard(hold=True)
    with worker_of(redis_url, "runs.due", heard):
        ring(bell, new_id(), name="runs.due")
        heard.next(1)
        assert (client.pttl("nod:looking") > 0) == lately
        heard.go.set()
