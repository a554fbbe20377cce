"""The suggestion as a state machine: several people, a rule, delegations and time do anything in any order, and after every step the database, and what each of them was told, are what a
model of a page says."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

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

from core.approvals import decide
from core.approvals.canonical import sha256
from core.approvals.delegate import delegate, end_delegation
from core.approvals.models import ApprovalPolicy
from core.approvals.stop import resume_all, stop
from core.approvals.wake import wake
from core.catalog import kinds
from core.kernel.errors import Failure
from core.kernel.ids import new_id
from core.kernel.settings import Settings
from storage import Storage
from tests.machines.ground import Ground, make_ground, profile
from tests.runners.world import mail, make_world

PEOPLE = ("owner", "admin", "approver", "member", "viewer")
ABLE = ("owner", "admin", "approver", "member")
ROLES = (("owner", "admin", "approver"), ("owner", "admin"), ("admin", "approver"), ABLE)
WEEK, HOLD = 7 * 24.0, 600 / 3600
OK = "ok"
people = st.sampled_from(PEOPLE)


@dataclass
class Model:
    """What is true, in hours since it began. `yeses` are (who, in whose place) that count for the newest revision; `approved_by` those of the execution that is under way."""

    whose: str
    roles: tuple[str, ...]
    quorum: int
    own_request: bool
    now: float = 0.0
    status: str = "pending"
    revision: int = 1
    texts: list[str] = field(default_factory=list)
    expires: float = WEEK
    wakes: float | None = None
    yeses: list[tuple[str, str]] = field(default_factory=list)
    held_until: float | None = None
    delegations: list[tuple[str, str, float]] = field(default_factory=list)
    executions: int = 0

    def may(self, who: str) -> bool:
        return who != "viewer" and (self.own_request or who != self.whose)

    def own(self, who: str) -> bool:
        return self.may(who) and who in self.roles

    def places(self, who: str) -> list[str]:
        handed = [
            f for f, to, until in self.delegations if to == who and until > self.now and self.own(f) and self.may(who)
        ]
        return [*([who] if self.own(who) else []), *dict.fromkeys(handed)]

    def refused(self, who: str) -> str | None:
        """Who has nothing to say here is told so before anything else."""
        if who == "viewer":
            return "identity.role_too_low"
        if self.places(who) or (who == self.whose and who in self.roles):
            return None
        anybody = any(self.places(one) for one in PEOPLE)
        return "approvals.not_allowed" if anybody else "approvals.nobody_able"

    def closed(self, who: str, revision: int | None) -> str | None:
        """Why a decision about that revision is not taken."""
        if (no := self.refused(who)) is not None:
            return no
        if self.status not in ("pending", "snoozed"):
            return "approvals.expired" if self.status == "expired" else "approvals.already_decided"
        if self.expires <= self.now:
            return "approvals.expired"
        return "approvals.revision_stale" if revision not in (None, self.revision) else None

    def approve(self, who: str, revision: int) -> str:
        if no := self.closed(who, revision):
            return no
        places = self.places(who)
        if not places:
            return "approvals.own_request"
        free = [place for place in places if place not in {p for _, p in self.yeses}]
        if who in {by for by, _ in self.yeses} or not free:
            return "approvals.yes_already"
        self.yeses.append((who, free[0]))
        if len(self.yeses) >= self.quorum:
            self.status, self.wakes = "approved", None
            self.held_until, self.executions = self.now + HOLD, self.executions + 1
        return OK

    def sweep(self) -> None:
        if self.status in ("pending", "snoozed") and self.expires <= self.now:
            self.status = "expired"
        elif self.status == "snoozed" and self.wakes is not None and self.wakes <= self.now:
            self.status, self.wakes = "pending", None


def machine(ground: Ground) -> type[RuleBasedStateMachine]:
    """The machine on that ground."""

    class Suggestions(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.ids: dict[tuple[str, str], UUID] = {}
            self.over: dict[UUID, str] = {}

        @initialize(
            whose=st.sampled_from(ABLE), roles=st.sampled_from(ROLES), quorum=st.integers(1, 3), own_request=st.booleans(),
        )  # fmt: skip
        def a_suggestion(self, whose: str, roles: tuple[str, ...], quorum: int, own_request: bool) -> None:
            def rule_is(work: Any) -> None:
                work.suggestions.remove_policy("*")
                for one in work.delegations.active():
                    one.revoked_at = work.now

            ground.changed(rule_is)
            ground.changed(lambda work: work.suggestions.add_policy(ApprovalPolicy(
                id=new_id(), workspace_id=work.workspace_id, operation="*", created_at=work.now, quorum=quorum,
                allowed_roles=list(roles), own_request=own_request, undo_seconds=600, expiry_seconds=int(WEEK * 3600),
            )))  # fmt: skip
            proposal = mail(f"Re: {new_id()}")
            self.prefix = proposal.dedupe_key
            self.made = ground.suggest(proposal, whose)
            self.model = Model(whose, roles, quorum, own_request, texts=[proposal.input["body"]])

        def told(self, expected: str, who: str, do: Callable[[Any], Any]) -> None:
            """They were told what the model says, and nothing else."""
            try:
                ground.changed(do, who)
                answer = OK
            except Failure as why:
                answer = why.code
            assert answer == expected, (who, answer, expected, self.model)

        @rule(who=people, back=st.sampled_from((0, 0, 0, 1)))
        def approve(self, who: str, back: int) -> None:
            revision = max(1, self.model.revision - back)
            actor = ground.people[who]
            expected = self.model.approve(who, revision)
            self.told(expected, who, lambda work: decide.approve(work, actor, self.made.id, revision, sure=True))

        @rule(order=st.permutations(ABLE))
        def enough_say_yes(self, order: list[str]) -> None:
            for who in order:
                if self.model.status == "pending":
                    self.approve(who, 0)

        @rule(who=people, back=st.sampled_from((0, 0, 1)))
        def reject(self, who: str, back: int) -> None:
            revision = max(1, self.model.revision - back)
            expected = self.model.closed(who, revision) or OK
            if expected == OK:
                self.model.status, self.model.wakes = "rejected", None
            actor = ground.people[who]
            self.told(expected, who, lambda work: decide.reject(work, actor, self.made.id, revision))

        @rule(who=people, text=st.sampled_from(("Yes, gladly.\n", "No.\n", "Later.\n")))
        def edit(self, who: str, text: str) -> None:
            model = self.model
            revision, expected = model.revision, model.closed(who, model.revision) or OK
            if expected == OK and text == model.texts[-1]:
                expected = "approvals.edit_empty"
            if expected == OK:
                model.revision, model.status, model.wakes, model.yeses = revision + 1, "pending", None, []
                model.texts.append(text)
            actor = ground.people[who]
            self.told(expected, who, lambda work: decide.edit(work, actor, self.made.id, revision, {"body": text}))

        @rule(who=people, hours=st.sampled_from((-1.5, 0.5, 3.5, 30.5, 200.5)))
        def snooze(self, who: str, hours: float) -> None:
            model, actor = self.model, ground.people[who]
            expected = model.closed(who, None)
            if expected is None and hours < 0:
                expected = "approvals.snooze_past"
            if expected is None and model.now + hours >= model.expires:
                expected = "approvals.snooze_after_expiry"
            if expected is None:
                model.status, model.wakes, expected = "snoozed", model.now + hours, OK
            until = timedelta(hours=hours)
            self.told(expected, who, lambda work: decide.snooze(work, actor, self.made.id, work.now + until))

        @rule(who=people)
        def wake_now(self, who: str) -> None:
            model, actor = self.model, ground.people[who]
            expected = model.closed(who, None) or (OK if model.status == "snoozed" else "approvals.not_snoozed")
            if expected == OK:
                model.status, model.wakes = "pending", None
            self.told(expected, who, lambda work: decide.wake_now(work, actor, self.made.id))

        @rule(who=people)
        def undo(self, who: str) -> None:
            model, actor = self.model, ground.people[who]
            expected = model.refused(who)
            if expected is None:
                expected = OK if model.held_until is not None else "approvals.undo_too_late"
            if expected == OK:
                model.status, model.held_until, model.yeses = "pending", None, []
            self.told(expected, who, lambda work: decide.undo(work, actor, self.made.id))

        @rule(who=people)
        def ask_again(self, who: str) -> None:
            model, actor, revision = self.model, ground.people[who], self.model.revision
            expected = model.refused(who) or (OK if model.status == "expired" else "approvals.not_over")
            if expected == OK:
                model.status, model.revision, model.yeses = "pending", revision + 1, []
                model.texts.append(model.texts[-1])
                if model.expires <= model.now + 1:
                    model.expires = model.now + WEEK
            self.told(expected, who, lambda work: decide.ask_again(work, actor, self.made.id, revision))

        @rule(who=st.sampled_from(ABLE), to=people, hours=st.sampled_from((2.5, 80.5)))
        def hand_over(self, who: str, to: str, hours: float) -> None:
            model, actor, until = self.model, ground.people[who], timedelta(hours=hours)
            there = any((f, t) == (who, to) and u > model.now for f, t, u in model.delegations)
            expected = (
                "approvals.delegation_to_self" if who == to
                else "approvals.delegate_unable" if to == "viewer"
                else "approvals.delegation_there" if there else OK
            )  # fmt: skip

            def hand(work: Any) -> None:
                self.ids[who, to] = delegate(work, actor, ground.people[to].user_id, work.now + until).id

            if expected == OK:
                model.delegations = [one for one in model.delegations if one[:2] != (who, to)]
                model.delegations.append((who, to, model.now + hours))
            self.told(expected, who, hand)

        @precondition(lambda self: self.ids)
        @rule(data=st.data(), by=people)
        def end_what_was_handed_over(self, data: st.DataObject, by: str) -> None:
            pair = data.draw(st.sampled_from(sorted(self.ids)))
            expected = OK if by in pair else "approvals.delegation_unknown"
            if expected == OK:
                self.model.delegations = [one for one in self.model.delegations if one[:2] != pair]
            self.told(expected, by, lambda work: end_delegation(work, ground.people[by], self.ids[pair]))

        @rule(who=st.sampled_from(ABLE))
        def stop_everything(self, who: str) -> None:
            """The brake takes back what is held of one's own, whoever said yes to it."""
            model, actor = self.model, ground.people[who]
            if who == model.whose and model.held_until is not None:
                model.status, model.held_until, model.yeses = "pending", None, []
            self.told(OK, who, lambda work: stop(work, actor))
            self.told(OK, who, lambda work: resume_all(work, actor))

        @rule(hours=st.sampled_from((1.0, 5.0, 40.0, 100.0)), swept=st.booleans())
        def time_passes(self, hours: float, swept: bool) -> None:
            ground.passes(hours)
            self.model.now += hours
            if swept:
                self.sweep()

        @rule()
        def sweep(self) -> None:
            self.model.sweep()
            for item in ground.storage.due.due("suggestions", 100):
                with ground.storage.work(item.workspace_id, item.user_id) as work:
                    wake(work, item.id)
                    work.commit()

        @rule(who=st.sampled_from(ABLE))
        def a_newer_one_takes_its_place(self, who: str) -> None:
            """Only one by the same agent, and only while nobody has decided."""
            newer = mail(f"Re: {new_id()}")
            older = self.prefix if who == "owner" else "reply:something else"
            if who == "owner" and self.model.status in ("pending", "snoozed"):
                self.model.status = "withdrawn"
            ground.suggest(newer.model_copy(update={"supersedes": older}), who)

        @invariant()
        def the_database_says_what_the_model_says(self) -> None:
            model = self.model
            suggestion, decisions, executions = ground.suggestion(self.made.id)
            assert (suggestion.status, suggestion.revision) == (model.status, model.revision)
            assert len(executions) == model.executions, "one execution for each approval that was complete"
            assert len({one.approval_id for one in executions}) == len(executions)
            held = [one for one in executions if one.status == "held"]
            assert len(held) == (model.held_until is not None)
            assert all(one.status in ("held", "withdrawn") for one in executions)
            said = {one.id: one for one in decisions}
            for one in executions:
                yes = said[one.approval_id]
                assert yes.decision == "approve"
                before = self.over.setdefault(one.id, one.status)
                assert before in ("held", one.status), "what is over stays over"
                self.over[one.id] = one.status
            if held:
                yes = said[held[0].approval_id]
                with ground.work() as work:
                    action = work.suggestions.revision(self.made.id, yes.revision).action
                assert yes.revision == model.revision and yes.payload_sha256 == sha256(action)
                assert action.input["body"] == model.texts[-1], "exactly what was shown"
                assert len(model.yeses) == model.quorum
            if suggestion.status in ("pending", "snoozed"):
                assert suggestion.expires_at is not None, "nothing waits for ever"
                assert (suggestion.snoozed_until is not None) == (suggestion.status == "snoozed")

        def teardown(self) -> None:
            if not hasattr(self, "made"):
                return
            ground.passes(10_000)
            self.model.now += 10_000
            self.sweep()
            assert ground.suggestion(self.made.id)[0].status not in ("pending", "snoozed"), "everything comes to an end"

    return Suggestions


def test_whatever_people_and_time_do_to_a_suggestion_it_stands_as_the_model_says(
    storage: Storage, settings: Settings, owner_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kinds, "settings", lambda: settings)
    ground = make_ground(make_world(storage, settings, tmp_path), owner_url)
    run_state_machine_as_test(machine(ground), settings=profile(examples=10, steps=30))
    kinds.templates.cache_clear()


def test_the_brake_takes_back_what_others_said_yes_to(
    storage: Storage, settings: Settings, owner_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kinds, "settings", lambda: settings)
    ground = make_ground(make_world(storage, settings, tmp_path), owner_url)
    ground.changed(lambda work: work.suggestions.add_policy(ApprovalPolicy(
        id=new_id(), workspace_id=work.workspace_id, operation="*", created_at=work.now, allowed_roles=["admin"], undo_seconds=600,
    )))  # fmt: skip
    theirs, others = ground.suggest(mail(), "member"), ground.suggest(mail("Re: Other"), "approver")
    for made in (theirs, others):
        ground.changed(
            lambda work, made=made: decide.approve(work, ground.people["admin"], made.id, 1, sure=True), "admin"
        )
    stopped = ground.changed(lambda work: stop(work, ground.people["member"]), "member")
    assert [one.id for one in stopped.undone] == [theirs.id]
    assert ground.suggestion(theirs.id)[2][-1].status == "withdrawn"
    assert ground.suggestion(others.id)[2][-1].status == "held", "everybody brakes their own"
    kinds.templates.cache_clear()
