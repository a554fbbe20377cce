"""The execution as a state machine: two workers that die and stand still at any moment, time, sweeps, look-ups, a world that may or may not have done it, and a person; after every step
what stands in the database is true of the world."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from core.approvals import execute
from core.approvals.canonical import sha256
from core.approvals.decide import approve, ask_again, undo
from core.approvals.execute import LOOKUPS, Armed
from core.approvals.models import ActionExecution, ApprovalPolicy
from core.catalog import kinds
from core.catalog.configure import pause_agent, resume_agent
from core.connectors.ports import Receipt
from core.kernel.errors import Conflict
from core.kernel.ids import new_id
from core.kernel.settings import Settings
from storage import Storage
from tests.machines.ground import Ground, make_ground, profile
from tests.runners.world import event, mail, make_world, task

WORKERS = ("one", "two")
SECOND = 1 / 3600
NEXT = {
    "held": {"claimed", "withdrawn"}, "ready": {"claimed", "failed", "unknown"}, "claimed": {"claimed", "sending", "failed", "withdrawn", "ready", "unknown", "succeeded"},
    "sending": {"ready", "unknown", "succeeded", "failed"}, "unknown": {"succeeded", "ready", "failed"}, "succeeded": {"undone"},
    "failed": set(), "withdrawn": set(), "undone": set(),
}  # fmt: skip
workers = st.sampled_from(WORKERS)


@dataclass
class Hand:
    """What one worker believes. `armed_at` is when it passed the last gate, `outcome` what it will record."""

    claimed: Armed | None = None
    armed: Armed | None = None
    armed_at: float = 0.0
    outcome: str = ""
    looking: Armed | None = None


def machine(ground: Ground) -> type[RuleBasedStateMachine]:
    """The machine on that ground."""
    owner = ground.people["owner"]

    class Executions(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.now = 0.0
            self.hands = {name: Hand() for name in WORKERS}
            self.done: dict[str, int] = {}
            self.said_again: set[str] = set()
            self.seen: dict[Any, str] = {}

        @initialize(made=st.sampled_from((mail, event, task)))
        def approved(self, made: Any) -> None:
            def rule_is(work: Any) -> None:
                work.suggestions.remove_policy("*")
                if work.agents.get(ground.world.agent_id).status == "paused":
                    resume_agent(work, owner, ground.world.agent_id)

            ground.changed(rule_is)
            ground.changed(lambda work: work.suggestions.add_policy(
                ApprovalPolicy(id=new_id(), workspace_id=work.workspace_id, operation="*", created_at=work.now, undo_seconds=600)
            ))  # fmt: skip
            self.made = ground.suggest(made(f"{new_id()}"), "owner")
            ground.changed(lambda work: approve(work, owner, self.made.id, 1, sure=True))

        @property
        def execution(self) -> ActionExecution:
            return ground.suggestion(self.made.id)[2][-1]

        @rule(name=workers)
        def claim(self, name: str) -> None:
            hand = self.hands[name]
            if hand.claimed is None and hand.armed is None:
                hand.claimed = ground.changed(lambda work: execute.claim(work, self.execution.id))

        @rule(name=workers)
        def arm(self, name: str) -> None:
            hand = self.hands[name]
            if hand.claimed is None:
                return
            if hand.claimed.operation.effect == "local":
                self._locally(hand, hand.claimed)
                return
            hand.armed, hand.claimed = ground.changed(lambda work: execute.arm(work, hand.claimed)), None  # type: ignore[arg-type]
            hand.armed_at, hand.outcome = self.now, ""
            if hand.armed is not None:
                yes = [one for one in ground.suggestion(self.made.id)[1] if one.id == hand.armed.execution.approval_id]
                assert [one.payload_sha256 for one in yes] == [sha256(hand.armed.revision.action)], "the approved bytes"
                assert yes[0].decision == "approve"

        def _locally(self, hand: Hand, claimed: Armed) -> None:
            """Gate, effect and record are one transaction."""

            def do(work: Any) -> bool:
                armed = execute.arm(work, claimed)
                return armed is not None and execute.succeed(work, armed, Receipt("own"))

            hand.claimed = None
            if ground.changed(do):
                self._happens(claimed)

        def _happens(self, armed: Armed) -> None:
            """Whoever honours a key does it once."""
            key = armed.execution.key
            once = armed.operation.effect == "keyed" and key in self.done
            self.done[key] = self.done.get(key, 0) + (0 if once else 1)

        @rule(
            name=workers,
            how=st.sampled_from(("done", "done", "done unheard", "refused", "weather", "not done unheard")),
        )
        def effect(self, name: str, how: str) -> None:
            hand = self.hands[name]
            armed = hand.armed
            if armed is None or hand.outcome:
                return
            # As the runner does: who stood still since the last gate asks first whether it is still theirs.
            if self.now > hand.armed_at and not ground.changed(lambda work: work.executions.move(
                armed.execution.id, armed.execution.fence, "sending", "sending", lease_seconds=45
            )):  # fmt: skip
                hand.outcome = "unknown"
                return
            if how.startswith("done"):
                self._happens(armed)
            hand.outcome = {"done": "succeeded", "refused": "refused", "weather": "weather"}.get(how, "unknown")

        @rule(
            name=workers,
            how=st.sampled_from(("done", "done unheard", "refused", "weather", "not done unheard")),
            on=st.integers(0, 3),
        )
        def is_at_it(self, name: str, how: str, on: int) -> None:
            """The usual way, as far as it goes: what comes one after another is seldom drawn."""
            if self.execution.status in ("held", "ready"):
                self.time_passes(700.0)
            for step in (
                lambda: self.claim(name),
                lambda: self.arm(name),
                lambda: self.effect(name, how),
                lambda: self.record(name),
            )[: on + 1]:
                step()
                self.what_is_said_is_true()

        @rule(name=workers)
        def is_gone(self, name: str) -> None:
            self.dies(name)
            self.time_passes(60.0)
            self.reap()

        @rule(name=workers)
        def record(self, name: str) -> None:
            hand = self.hands[name]
            armed = hand.armed
            if armed is None or not hand.outcome:
                return

            def write(work: Any) -> bool:
                match hand.outcome:
                    case "succeeded":
                        return execute.succeed(work, armed, Receipt("there"))
                    case "unknown":
                        return execute.lose_track(work, armed, "connectors.answer_missing", {})
                    case how:
                        return execute.fail(work, armed, "connectors.server_unavailable", {}, again=how == "weather")

            ground.changed(write)
            hand.armed, hand.outcome = None, ""

        @rule(name=workers)
        def could_not_open(self, name: str) -> None:
            """The connection was away before the last gate."""
            hand = self.hands[name]
            if hand.claimed is not None and hand.claimed.operation.effect != "local":
                claimed, hand.claimed = hand.claimed, None
                ground.changed(lambda work: execute.fail(work, claimed, "connectors.server_unavailable", {}, again=True, armed=False))  # fmt: skip

        @rule(name=workers)
        def the_world_has_changed(self, name: str) -> None:
            hand = self.hands[name]
            if hand.claimed is not None:
                claimed, hand.claimed = hand.claimed, None
                ground.changed(lambda work: execute.ask_anew(work, claimed, "approvals.answered_already", {}))

        @rule(name=workers)
        def dies(self, name: str) -> None:
            self.hands[name] = Hand()

        @rule(seconds=st.sampled_from((20.0, 60.0, 60.0, 700.0)))
        def time_passes(self, seconds: float) -> None:
            ground.passes(seconds * SECOND)
            self.now += seconds

        @rule()
        def reap(self) -> None:
            for item in ground.storage.due.due("sending", 100):
                with ground.storage.work(item.workspace_id, item.user_id) as work:
                    execute.reap(work, item.id)
                    work.commit()

        @rule(name=workers)
        def begins_to_look(self, name: str) -> None:
            hand = self.hands[name]
            if hand.looking is None:
                hand.looking = ground.changed(lambda work: execute.claim_lookup(work, self.execution.id))
                # What is seen is seen now; it is written down later.
                hand.outcome = hand.outcome or ""

        @rule(name=workers, clear=st.booleans())
        def has_looked(self, name: str, clear: bool) -> None:
            hand = self.hands[name]
            looking, hand.looking = hand.looking, None
            if looking is None:
                return
            there = looking.execution.key in self.done
            finding: Receipt | str = "unclear" if not clear else Receipt("found") if there else "absent"
            ground.changed(lambda work: execute.looked_up(work, looking, finding))

        @rule(choice=st.sampled_from(("true", "again", "drop")))
        def the_person_says_what_became_of_it(self, choice: str) -> None:
            execution = self.execution
            given: Any = choice
            if choice == "true":
                given = "done" if execution.key in self.done else "again"
            try:
                ground.changed(lambda work: execute.resolve(work, owner, self.made.id, given))
            except Conflict as why:
                told = why.code
            else:
                told = "said"
            assert told == ("said" if execution.status == "unknown" else "approvals.not_unknown")
            if told != "said":
                return
            if given == "again":
                self.said_again.add(execution.key)

        @rule()
        def taken_back(self) -> None:
            was = self.execution.status
            try:
                ground.changed(lambda work: undo(work, owner, self.made.id))
                told = "taken back"
            except Conflict as why:
                told = why.code
            assert told == ("taken back" if was == "held" else "approvals.undo_too_late")

        @rule(paused=st.booleans())
        def agent_is(self, paused: bool) -> None:
            now = pause_agent if paused else resume_agent
            with ground.work() as work:
                there = work.agents.get(ground.world.agent_id).status
            if there == ("active" if paused else "paused"):
                ground.changed(lambda work: now(work, owner, ground.world.agent_id))

        @rule()
        def asked_and_approved_again(self) -> None:
            suggestion, _, executions = ground.suggestion(self.made.id)
            last = executions[-1]
            if last.status == "failed" and (last.error or {}).get("code") != "approvals.dropped":
                ground.changed(lambda work: ask_again(work, owner, self.made.id, suggestion.revision))
                suggestion = ground.suggestion(self.made.id)[0]
            if suggestion.status == "pending":
                ground.changed(lambda work: approve(work, owner, self.made.id, suggestion.revision, sure=True))

        @precondition(lambda self: hasattr(self, "made"))
        @invariant()
        def what_is_said_is_true(self) -> None:
            suggestion, decisions, executions = ground.suggestion(self.made.id)
            yeses = {one.id for one in decisions if one.decision == "approve"}
            assert len({one.approval_id for one in executions}) == len(executions), "one execution for an approval"
            for one in executions:
                was = self.seen.get(one.id, "held")
                assert one.status == was or one.status in NEXT[was], (was, one.status)
                self.seen[one.id] = one.status
                assert one.approval_id in yeses
                times = self.done.get(one.key, 0)
                assert times <= 1 or one.key in self.said_again, "twice, and nobody said so"
                if one.status == "succeeded" and one.external_ref is not None:
                    assert times >= 1
                if one.status == "failed" and (one.error or {}).get("code") != "approvals.dropped":
                    assert times == 0, f"it was said that nothing was done: {one.error}"
                if one.status in ("held", "withdrawn"):
                    assert times == 0
                if one.status in ("claimed", "sending"):
                    assert one.lease_until is not None, "somebody holds it, for a while"
                assert one.status not in ("held", "ready", "unknown") or one.due_at is not None
            under_way = [one for one in executions if one.status in ("held", "ready", "claimed", "sending", "unknown")]
            assert len(under_way) <= 1
            if under_way:
                assert under_way[0].id == executions[-1].id and suggestion.status == "approved"
            assert sum(self.done.values()) <= 1 + len(self.said_again)

        def teardown(self) -> None:
            """With a worker that lives and a world that answers it comes to an end, or to the person."""
            if not hasattr(self, "made"):
                return
            self.agent_is(False)
            self.hands = {name: Hand() for name in WORKERS}
            for _ in range(30):
                last = self.execution
                if last.status not in ("held", "ready", "claimed", "sending", "unknown"):
                    break
                if last.status == "unknown" and last.lookups > len(LOOKUPS):
                    self.the_person_says_what_became_of_it("true")
                for step in (
                    lambda: self.time_passes(3600.0), self.reap, lambda: self.claim("one"), lambda: self.arm("one"), lambda: self.effect("one", "done"),
                    lambda: self.record("one"), lambda: self.begins_to_look("one"), lambda: self.has_looked("one", True),
                ):  # fmt: skip
                    step()
                    self.what_is_said_is_true()
            else:
                raise AssertionError(f"it never ends: {self.execution}")
            with psycopg.connect(ground.owner_url) as settled:
                settled.execute("UPDATE nod.suggestions SET expires_at = now() WHERE status = 'pending'")

    return Executions


def test_whatever_becomes_of_workers_and_of_the_world_an_execution_says_the_truth(
    storage: Storage, settings: Settings, owner_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kinds, "settings", lambda: settings)
    ground = make_ground(make_world(storage, settings, tmp_path), owner_url)
    run_state_machine_as_test(machine(ground), settings=profile(examples=9, steps=30))
    kinds.templates.cache_clear()


def _takes(ground: Ground, execution: ActionExecution, then: str) -> Armed | None:
    """A worker takes it, comes as far as `then`, and is gone; its lease is over."""

    def take(work: Any) -> Armed | None:
        claimed = execute.claim(work, execution.id)
        return claimed if claimed is None or then == "claimed" else execute.arm(work, claimed)

    taken = ground.changed(take)
    ground.passes(1)
    ground.changed(lambda work: execute.reap(work, execution.id))
    return taken


def test_what_may_have_been_done_is_not_called_undone_because_a_later_try_was_refused(
    storage: Storage, settings: Settings, owner_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kinds, "settings", lambda: settings)
    ground = make_ground(make_world(storage, settings, tmp_path), owner_url)
    owner = ground.people["owner"]
    execution = ground.world.approve(ground.suggest(event(), "owner"))
    assert _takes(ground, execution, "sending") is not None, "it may have been done when the worker vanished"
    ground.changed(lambda work: pause_agent(work, owner, ground.world.agent_id))
    assert _takes(ground, execution, "sending") is None, "the last gate refused"
    with ground.work() as work:
        assert work.executions.get(execution.id).status == "unknown"
    looking = ground.changed(lambda work: execute.claim_lookup(work, execution.id))
    assert looking is not None
    ground.changed(lambda work: execute.looked_up(work, looking, "absent"))
    assert _takes(ground, execution, "sending") is None
    with ground.work() as work:
        ended = work.executions.get(execution.id)
    assert (ended.status, ended.error["code"]) == ("failed", "catalog.agent_paused"), "now it is known"
    kinds.templates.cache_clear()


def test_what_ends_worker_after_worker_is_given_up(
    storage: Storage, settings: Settings, owner_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kinds, "settings", lambda: settings)
    ground = make_ground(make_world(storage, settings, tmp_path), owner_url)
    never, perhaps = (ground.world.approve(ground.suggest(made, "owner")) for made in (mail(), event()))
    for _ in range(execute.MOST_TRIES):
        assert _takes(ground, never, "claimed") is not None
        assert _takes(ground, perhaps, "sending") is not None
    for execution in (never, perhaps):
        assert _takes(ground, execution, "claimed") is None
    with ground.work() as work:
        assert work.executions.get(never.id).status == "failed"
        assert work.executions.get(perhaps.id).status == "unknown"
    looking = ground.changed(lambda work: execute.claim_lookup(work, perhaps.id))
    assert looking is not None
    ground.changed(lambda work: execute.looked_up(work, looking, "absent"))
    with ground.work() as work:
        ended = work.executions.get(perhaps.id)
    assert (ended.status, ended.error["code"]) == ("failed", "approvals.worker_lost")
    kinds.templates.cache_clear()
