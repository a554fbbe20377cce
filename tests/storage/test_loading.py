"""Aggregates that are loaded below the mapper are the mapper's all the same; what is foreseen travels along and never outlives a change; what is told goes ahead."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from core.approvals.models import ActionExecution, Suggestion
from core.catalog.models import Agent
from core.connectors.models import Connection
from core.connectors.tasks import Task
from core.identity.models import IdentityLink, Membership, User, UserProfile, Workspace
from core.kernel.actor import Actor
from core.kernel.errors import Conflict
from core.kernel.ids import new_id
from core.kernel.money import Money
from core.messaging.models import Delivery
from core.orchestration.models import Run
from core.preferences.choose import prefer
from core.preferences.models import UserPreference
from storage import Storage, engine
from storage.foresight import one
from storage.loading import columns_of, equal
from storage.repositories.base import locking
from storage.tables.catalog import agents
from storage.tables.identity import users
from storage.transaction import Transaction
from tests.databases import somebody
from tests.storage.arrange import a_delivery, an_agent, an_execution


@pytest.fixture
def trips(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many statements each round trip had."""
    made: list[int] = []
    real = engine.ask_together

    def counted(line: Any, said: Any, meanwhile: Callable[[], object] = lambda: None) -> Any:
        made.append(len(said))
        return real(line, said, meanwhile)

    monkeypatch.setattr(engine, "ask_together", counted)
    return made


@contextmanager
def transaction(storage: Storage, actor: Actor) -> Iterator[Transaction]:
    with storage.work(actor.workspace_id, actor.user_id) as work:
        yield work._t


def a_task(actor: Actor, work: Any, key: str) -> Task:
    return Task(
        new_id(), work.workspace_id, actor.user_id, "Pay", "", work.now.date(), Money(amount=Decimal("12.50"), currency="EUR"), "Ana", None, key, work.now
    )  # fmt: skip


@pytest.mark.parametrize(
    "kind",
    [User, UserProfile, Workspace, Membership, IdentityLink, Agent, Connection, Suggestion, ActionExecution, Run, Delivery, Task, UserPreference],
)  # fmt: skip
def test_it_is_what_the_mapper_would_have_made(storage: Storage, kind: type) -> None:
    actor = somebody(storage)
    an_execution(storage, actor)
    a_delivery(storage, actor)
    with storage.work(actor.workspace_id, actor.user_id) as work:
        prefer(work, actor, "inbox", "signature", {"text": "Ana", "lines": [1, 2.5, None]})
        work.tasks.add(a_task(actor, work, "one"))
        work.commit()
    with transaction(storage, actor) as ours, transaction(storage, actor) as theirs:
        mine = {one.id: one for one in ours.load(equal(kind, ()))}
        mapped = {one.id: one for one in theirs.session.scalars(select(kind))}
        assert mine and mine.keys() == mapped.keys()
        for id, made in mine.items():
            for column in columns_of(kind):
                assert getattr(made, column.name) == getattr(mapped[id], column.name), column.name
                assert type(getattr(made, column.name)) is type(getattr(mapped[id], column.name)), column.name


def test_a_row_is_one_object_and_stays_as_it_is_held_until_it_is_locked(storage: Storage) -> None:
    actor = somebody(storage)
    agent = an_agent(storage, actor)
    with transaction(storage, actor) as ours:
        first = ours.load(equal(Agent, ("id",)), id=agent.id)[0]
        with storage.work(actor.workspace_id, actor.user_id) as other:
            other.agents.get(agent.id).name = "Renamed"
            other.commit()
        assert ours.load(equal(Agent, ("id",)), id=agent.id)[0] is first
        assert first.name == "Inbox"
        assert ours.load(locking(Agent, agents.c.id == agent.id))[0] is first
        assert (first.name, first.version) == ("Renamed", 2)
        first.description = "Mine"
        ours.commit()
    with storage.work(actor.workspace_id, actor.user_id) as work:
        kept = work.agents.get(agent.id)
        assert (kept.name, kept.description, kept.version) == ("Renamed", "Mine", 3)


def test_what_was_added_below_the_mapper_is_noticed_and_versioned(storage: Storage) -> None:
    actor = somebody(storage)
    with storage.work(actor.workspace_id, actor.user_id) as work:
        task = a_task(actor, work, "one")
        work.tasks.add(task)
        assert work.tasks.made_by("one") is task
        task.notes = "soon"
        work.commit()
    with storage.work(actor.workspace_id, actor.user_id) as work:
        kept = work.tasks.made_by("one")
        assert kept is not None
        assert (kept.notes, kept.amount, kept.version) == ("soon", task.amount, 2)


def test_what_is_foreseen_travels_with_the_next_question(storage: Storage, trips: list[int]) -> None:
    actor = somebody(storage)
    agent = an_agent(storage, actor)
    with transaction(storage, actor) as ours:
        trips.clear()
        ours.foresee(one(Agent, id=agent.id), one(Workspace, id=actor.workspace_id))
        ours.foresee(one(Agent, id=agent.id))
        assert trips == []
        assert ours.load(equal(User, ("id",), None, 1), id=actor.user_id)[0].id == actor.user_id
        # BEGIN, context, question, and two that were foreseen.
        assert trips == [5]
        assert ours.load(equal(Agent, ("id",), None, 1), id=agent.id)[0].name == "Inbox"
        assert ours.load(equal(Workspace, ("id",), None, 1), id=actor.workspace_id)[0].owner_id == actor.user_id
        assert trips == [5]
        ours.foresee(one(Membership, user_id=actor.user_id))
        assert ours.load(equal(Membership, ("user_id",), None, 1), user_id=actor.user_id)[0].role == "owner"
        # Asked before it could travel: it is asked once.
        assert trips == [5, 1]


@pytest.mark.parametrize("between", ["told", "locked", "flushed", "session", "connection"])
def test_what_is_foreseen_does_not_outlive_a_change(storage: Storage, between: str) -> None:
    """Somebody else may have changed it before we got a lock; and what we change ourselves we see."""
    actor = somebody(storage)
    agent = an_agent(storage, actor)
    question = "SELECT name FROM nod.agents WHERE id = %(id)s"
    ask = engine.Ask(question, lambda: {"id": agent.id})
    with transaction(storage, actor) as ours:
        mine = ours.load(equal(User, ("id",)), id=actor.user_id)[0]
        ours.foresee(ask)
        ours.load(equal(Membership, ("user_id",)), user_id=actor.user_id)
        with storage.work(actor.workspace_id, actor.user_id) as other:
            other.agents.get(agent.id).name = "Renamed"
            other.commit()
        assert ours.ask(ask) == [("Inbox",)]
        match between:
            case "told":
                ours.tell(engine.Ask("UPDATE nod.users SET name = name WHERE id = %(id)s", lambda: {"id": mine.id}))
            case "locked":
                ours.load(locking(Agent, agents.c.id == agent.id))
            case "flushed":
                mine.name = "Other"
                ours.flush()
            case "session":
                mine.name = "Other"
                assert ours.session.scalar(select(users.c.name)) == "Other"
            case _:
                ours.connection.exec_driver_sql("SELECT 1")
        assert ours.ask(ask) == [("Renamed",)]


def test_what_is_foreseen_is_answered_after_the_lock_it_travels_with(storage: Storage) -> None:
    """Or a yes that was said a moment before would not be counted."""
    actor = somebody(storage)
    agent = an_agent(storage, actor)
    ask = engine.Ask(
        "SELECT pg_locks.granted FROM pg_locks WHERE pid = pg_backend_pid() AND mode = 'RowShareLock'", dict
    )
    with transaction(storage, actor) as ours:
        ours.load(equal(User, ("id",)), id=actor.user_id)
        assert ours.ask(ask) == []
        ours.foresee(ask)
        ours.load(locking(Agent, agents.c.id == agent.id))
        assert (ours.foreseen(ask) or ())[:1] == [(True,)]


def test_what_is_told_goes_ahead_of_the_next_question(storage: Storage, trips: list[int]) -> None:
    actor = somebody(storage)
    add = "INSERT INTO nod.tasks (workspace_id, id, owner_id, title, notes, made_by, created_at, version) VALUES (%(workspace)s, %(id)s, %(owner)s, 'Call', '', %(key)s, now(), 1)"

    def told(key: str) -> engine.Ask:
        given = {"workspace": actor.workspace_id, "id": new_id(), "owner": actor.user_id, "key": key}
        return engine.Ask(add, lambda: given)

    count = engine.Ask("SELECT count(*) FROM nod.tasks", dict)
    with transaction(storage, actor) as ours:
        assert ours.ask(count) == [(0,)]
        trips.clear()
        ours.tell(told("one"))
        ours.tell(told("two"))
        assert trips == []
        assert ours.ask(count) == [(2,)]
        assert trips == [3]
        ours.tell(told("three"))
        assert ours.connection.exec_driver_sql("SELECT count(*) FROM nod.tasks").scalar() == 3
        ours.tell(told("four"))
        assert len(list(ours.session.scalars(select(Task)))) == 4
        ours.tell(told("five"))
        ours.commit()
    with transaction(storage, actor) as ours:
        assert ours.ask(count) == [(5,)]
        ours.tell(told("one"))
        with pytest.raises(Conflict):
            ours.ask(count)
    with transaction(storage, actor) as ours:
        ours.tell(told("two"))
        with pytest.raises(Conflict):
            ours.commit()
    with transaction(storage, actor) as ours:
        assert ours.ask(count) == [(5,)]


def test_what_is_told_first_is_not_told_under_a_context_that_is_refused(storage: Storage) -> None:
    """A clock that was wrong makes it old: then the transaction begins once more, and nothing was done twice, or refused."""
    actor = somebody(storage)
    storage._database._ahead = 0.0
    with storage.work(actor.workspace_id, actor.user_id) as work:
        task = Task(
            new_id(), actor.workspace_id, actor.user_id, "Pay", "", None, None, None, None, "one", datetime.now(UTC)
        )
        work.tasks.add(task)
        assert work.tasks.made_by("one") is task
        work.commit()
    with storage.work(actor.workspace_id, actor.user_id) as work:
        assert work.tasks.made_by("one") is not None
