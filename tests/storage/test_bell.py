"""The bell: what it puts into Redis, at once, and how often."""

import json
from collections.abc import Iterator
from uuid import UUID

import pytest
import redis
from redis.client import Monitor

from core.kernel.ids import new_id
from storage.bell import LATELY_MS, LOOKING_MS, MARK_MS, MOST_WAITING, RedisBell, Ring


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as client:
        client.flushdb()
        yield client


@pytest.fixture
def bell(redis_url: str, client: redis.Redis) -> Iterator[RedisBell]:
    bell = RedisBell(redis_url)
    bell.wake_all([])
    yield bell
    bell.close()


def ids(client: redis.Redis, queue: str) -> list[str]:
    """The ids of the rows for which the queue's messages were rung, in their order."""
    texts = client.hmget(f"dramatiq:{queue}.msgs", client.lrange(f"dramatiq:{queue}", 0, -1) or ["-"])
    return [json.loads(text)["args"][2] for text in texts if text]


def test_rings_keep_their_order(bell: RedisBell, client: redis.Redis) -> None:
    rung = [new_id() for _ in range(1_200)]
    workspace, user = new_id(), new_id()
    bell.wake_all(Ring("executions.due", workspace, user, id) for id in rung)
    assert ids(client, "executions") == [str(id) for id in rung]


def test_all_rings_of_a_commit_are_one_command(bell: RedisBell, client: redis.Redis, redis_url: str) -> None:
    workspace, user = new_id(), new_id()
    rings = [Ring(name, workspace, user, new_id()) for name in ("runs.due", "executions.due", "deliveries.web")]
    bell.wake_all(rings)
    with redis.Redis.from_url(redis_url).monitor() as watched:
        bell.wake_all(rings)
        client.ping()
        assert list(commands(watched, client.connection_pool.connection_kwargs["db"])) == ["EVALSHA"]


def commands(watched: Monitor, db: int) -> Iterator[str]:
    """Which commands clients sent to that database, up to a PING."""
    for said in watched.listen():
        if said["client_type"] != "lua" and said["db"] == db:
            command = said["command"].split()[0].upper()
            if command == "PING":
                return
            yield command


def test_a_workspace_with_an_unheard_ring_is_not_rung_again(bell: RedisBell, client: redis.Redis) -> None:
    mine, other, user = new_id(), new_id(), new_id()
    first, of_other = new_id(), new_id()
    for id in (first, new_id(), new_id()):
        bell.wake("runs.due", mine, user, id)
    bell.wake("runs.due", other, user, of_other)
    assert ids(client, "runs") == [str(first), str(of_other)]
    mark = f"nod:rung:runs.due:{mine}"
    assert 0 < client.pttl(mark) <= MARK_MS, "should the message get lost, the workspace is rung again soon"
    client.delete(mark)
    again = new_id()
    bell.wake("runs.due", mine, user, again)
    assert ids(client, "runs")[-1] == str(again)


def test_who_is_there_is_told_of_rings_when_they_leave_and_nobody_else_is_woken(
    bell: RedisBell, client: redis.Redis
) -> None:
    place, user = new_id(), new_id()
    mark = f"nod:rung:runs.due:{place}"
    client.set(mark, "taken", px=MARK_MS)
    bell.wake("runs.due", place, user, new_id())
    bell.wake("runs.due", place, user, new_id())
    assert ids(client, "runs") == []
    assert bell.heard_again("runs.due", [place], going_on=True).again, "rung since they came"
    assert not bell.heard_again("runs.due", [place], going_on=True).again, "not rung since they asked"
    rung = new_id()
    bell.wake("runs.due", place, user, rung)
    assert ids(client, "runs") == [str(rung)], "they are gone"
    assert not bell.heard_again("runs.due", [place], going_on=True).again, "somebody else is on the way"
    bell.wake("runs.due", place, user, new_id())
    assert not bell.heard_again("runs.due", [place], going_on=True).again, "and hears of this one too"


def test_who_leaves_all_the_same_leaves_the_place_free(bell: RedisBell, client: redis.Redis) -> None:
    place, user, rung = new_id(), new_id(), new_id()
    client.set(f"nod:rung:runs.due:{place}", "taken", px=MARK_MS)
    bell.wake("runs.due", place, user, new_id())
    assert bell.heard_again("runs.due", [place], going_on=False).again
    bell.wake("runs.due", place, user, rung)
    assert ids(client, "runs") == [str(rung)]


def test_a_forgotten_mark_is_a_reason_to_look_once(bell: RedisBell, client: redis.Redis) -> None:
    place = new_id()
    assert bell.heard_again("runs.due", [place], going_on=True).again
    assert not bell.heard_again("runs.due", [place], going_on=True).again


def test_who_has_more_than_enough_wakes_one_other(bell: RedisBell, client: redis.Redis) -> None:
    place, user = new_id(), new_id()
    client.set(f"nod:rung:runs.due:{place}", "taken", px=MARK_MS)
    for _ in range(3):
        bell.wake("runs.due", place, user, new_id(), more=True)
    assert len(ids(client, "runs")) == 1


def looking(client: redis.Redis) -> None:
    """Somebody goes from look to look."""
    client.set("nod:looking", "", px=LOOKING_MS * 100)


def test_what_is_rung_while_somebody_looks_again_and_again_waits_for_the_end_of_their_look(
    bell: RedisBell, client: redis.Redis
) -> None:
    looking(client)
    user, places, rung = new_id(), [new_id() for _ in range(3)], [new_id() for _ in range(3)]
    for place, id in zip(places[:2], rung[:2], strict=True):
        bell.wake("runs.due", place, user, id)
    assert not client.exists("dramatiq:runs", "dramatiq:runs.bell"), "nobody is woken"
    first = bell.heard_again("runs.due", [new_id()], going_on=True)
    assert first.others == [Ring("runs.due", place, user, id) for place, id in zip(places[:2], rung[:2], strict=True)]
    assert client.get(f"nod:rung:runs.due:{places[0]}") == b"taken"
    bell.wake("runs.due", places[0], user, new_id())
    bell.wake("runs.due", places[2], user, rung[2])
    second = bell.heard_again("runs.due", places[:2], going_on=True)
    assert (second.again, [ring.id for ring in second.others]) == ({places[0]}, [rung[2]])
    assert not client.exists("dramatiq:runs", "nod:waiting")


TOLD = {"at": "now"}


@pytest.mark.parametrize("mark", ["rung", "taken"])
def test_what_is_told_waits_wherever_somebody_looks_or_is_on_the_way(
    bell: RedisBell, client: redis.Redis, mark: str
) -> None:
    """It asks for nothing but its run: marks say what they said, and whoever is heard next hears it."""
    user, place, other = new_id(), new_id(), new_id()
    client.set(f"nod:rung:runs.due:{place}", mark, px=MARK_MS)
    told = Ring("runs.due", place, user, new_id(), told=TOLD)
    bell.wake_all([told])
    looking(client)
    elsewhere = told._replace(workspace_id=other, id=new_id())
    bell.wake_all([elsewhere])
    assert not client.exists("dramatiq:runs", f"nod:rung:runs.due:{other}")
    assert client.get(f"nod:rung:runs.due:{place}") == mark.encode()
    assert bell.heard_again("runs.due", [], going_on=True) == (set(), [told, elsewhere])
    assert client.get(f"nod:rung:runs.due:{place}") == mark.encode()
    assert not client.exists("nod:waiting", f"nod:rung:runs.due:{other}")


def test_what_is_told_wakes_somebody_where_nobody_is(bell: RedisBell, client: redis.Redis) -> None:
    place, rung = new_id(), [new_id() for _ in range(MOST_WAITING + 2)]
    bell.wake_all([Ring("runs.due", place, new_id(), id, told=TOLD) for id in rung])
    assert ids(client, "runs") == [str(rung[0])]
    assert client.llen("nod:waiting") == 3 * MOST_WAITING
    assert client.get(f"nod:rung:runs.due:{place}") == b"more", "no room for the last: who hears it looks"


def test_only_rings_for_runs_wait_for_a_look(bell: RedisBell, client: redis.Redis) -> None:
    looking(client)
    for name in ("executions.due", "triggers.matched", "runs.rewrite"):
        bell.wake(name, new_id(), new_id(), new_id())
    bell.wake("runs.due", new_id(), new_id(), new_id(), more=True)
    assert [len(ids(client, queue)) for queue in ("executions", "triggers", "runs")] == [1, 1, 2]
    assert not client.exists("nod:waiting")


def test_when_too_many_wait_another_one_is_woken(bell: RedisBell, client: redis.Redis) -> None:
    looking(client)
    rung = [new_id() for _ in range(MOST_WAITING + 2)]
    for id in rung:
        bell.wake("runs.due", new_id(), new_id(), id)
    assert ids(client, "runs") == [str(id) for id in rung[MOST_WAITING:]]
    assert client.exists("dramatiq:runs.bell")


@pytest.mark.parametrize("told", [True, False])
def test_who_is_called_away_gives_back_what_waits(bell: RedisBell, client: redis.Redis, told: bool) -> None:
    looking(client)
    rung, places = [new_id(), new_id()], [new_id(), new_id()]
    bell.wake_all(
        Ring("runs.due", place, new_id(), id, told=TOLD if told else None)
        for place, id in zip(places, rung, strict=True)
    )
    place = new_id()
    client.set(f"nod:rung:runs.due:{place}", "taken")
    assert bell.heard_again("runs.due", [place], going_on=False) == (set(), [])
    assert ids(client, "runs") == [str(id) for id in rung]
    assert client.exists("dramatiq:runs.bell")
    assert not client.exists("nod:looking", "nod:waiting")
    for one in places:
        assert client.get(f"nod:rung:runs.due:{one}") == b"rung", "somebody is on the way"


@pytest.mark.parametrize("why", ["again", "staying", "waited", None])
def test_who_goes_on_says_so_and_who_leaves_when(bell: RedisBell, client: redis.Redis, why: str | None) -> None:
    place = new_id()
    client.set(f"nod:rung:runs.due:{place}", "again" if why == "again" else "taken", px=MARK_MS)
    looking(client)
    if why == "waited":
        bell.wake("runs.due", new_id(), new_id(), new_id())
    heard = bell.heard_again("runs.due", [place], going_on=True, staying=why == "staying")
    assert (len(heard.again), len(heard.others)) == (why == "again", why == "waited")
    if why is None:
        assert not client.exists("nod:looking")
        assert 0 < client.pttl("nod:lately") <= LATELY_MS
    else:
        assert 0 < client.pttl("nod:looking") <= LOOKING_MS, "who dies does not keep others asleep for long"
        assert not client.exists("nod:lately")


def test_a_trigger_with_an_unheard_ring_is_not_rung_again(bell: RedisBell, client: redis.Redis) -> None:
    workspace, user, one, two = (new_id() for _ in range(4))
    for id in (one, two, one, two):
        bell.wake("triggers.matched", workspace, user, id)
    assert ids(client, "triggers") == [str(one), str(two)]


def test_every_execution_has_a_message_of_its_own(bell: RedisBell, client: redis.Redis) -> None:
    workspace, user = new_id(), new_id()
    rung = [new_id(), new_id()]
    for id in rung:
        bell.wake("executions.due", workspace, user, id)
    assert ids(client, "executions") == [str(id) for id in rung]


def test_the_bell_list_never_grows(bell: RedisBell, client: redis.Redis) -> None:
    for _ in range(50):
        bell.wake("executions.due", new_id(), new_id(), new_id())
    assert client.llen("dramatiq:executions.bell") == 1


def test_a_delivery_names_its_place_only_when_it_has_one(bell: RedisBell, client: redis.Redis) -> None:
    with client.pubsub(ignore_subscribe_messages=False) as ears:
        ears.subscribe("nod:deliveries:web")
        assert ears.get_message(timeout=5) is not None
        one, two, three, place = (UUID(int=n) for n in (1, 2, 3, 4))
        bell.wake_all([Ring("deliveries.web", one, two, three), Ring("deliveries.web", one, two, three, place)])
        said = [json.loads(ears.get_message(timeout=5)["data"]) for _ in range(2)]  # type: ignore[index]
    told = {"workspace": str(one), "user": str(two), "id": str(three)}
    assert said == [told, told | {"link": str(place)}]


def test_scripts_that_redis_forgot_are_given_again(bell: RedisBell, client: redis.Redis) -> None:
    bell.wake("executions.due", new_id(), new_id(), new_id())
    client.script_flush()
    bell.wake("executions.due", new_id(), new_id(), new_id())
    assert client.llen("dramatiq:executions") == 2
