"""Which yeses count, and when each rung of the ladder is due: rules without a database."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from core.approvals.ask import asked_people
from core.approvals.deciders import Rule, Rules, counted
from core.approvals.ladder import ESCALATE, REMIND, rungs
from core.approvals.models import Approval, ApprovalPolicy, Delegation, Suggestion
from core.identity.models import Membership

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
WORKSPACE, AGENT = UUID(int=100), UUID(int=200)
PEOPLE = [UUID(int=number) for number in range(1, 6)]


def suggestion(**fields: Any) -> Suggestion:
    return Suggestion(
        **{
            "id": UUID(int=300), "workspace_id": WORKSPACE, "user_id": PEOPLE[0], "run_id": UUID(int=400), "agent_id": AGENT,
            "type": "email", "kind": "reply", "priority": "high", "why": {}, "evidence": [], "influenced_by": [],
            "dedupe_key": "k", "created_at": NOW, "expires_at": NOW + timedelta(days=7),
        } | fields
    )  # fmt: skip


def policy(**fields: Any) -> ApprovalPolicy:
    return ApprovalPolicy(id=UUID(int=500), workspace_id=WORKSPACE, operation="*", created_at=NOW, **fields)


@dataclass
class Row:
    """What the database holds, behind the questions that the rules ask."""

    members_: list[Membership] = field(default_factory=list)
    delegations_: list[Delegation] = field(default_factory=list)
    policy_: ApprovalPolicy = field(default_factory=policy)
    made: list[Approval] = field(default_factory=list)

    people: Any = field(init=False)
    suggestions: Any = field(init=False)
    delegations: Any = field(init=False)

    def __post_init__(self) -> None:
        self.people = self.suggestions = self.delegations = self

    def active_members(self) -> list[Membership]:
        return self.members_

    def policy(self, operation: str) -> ApprovalPolicy:
        return self.policy_

    def active(self) -> list[Delegation]:
        return self.delegations_

    def approvals(self, suggestion_id: UUID) -> list[Approval]:
        return self.made


def member(user_id: UUID, role: Any) -> Membership:
    return Membership(id=user_id, workspace_id=WORKSPACE, user_id=user_id, role=role, created_at=NOW)


def handed(of: UUID, to: UUID, **about: Any) -> Delegation:
    return Delegation(UUID(int=600), WORKSPACE, of, to, NOW + timedelta(days=1), NOW, **about)


def said(by: UUID, place: UUID | None, minute: int, decision: Any = "approve", revision: int = 1) -> Approval:
    return Approval(
        id=UUID(int=1000 + minute), workspace_id=WORKSPACE, suggestion_id=UUID(int=300), revision=revision, payload_sha256="0" * 64,
        user_id=by, decision=decision, decided_at=NOW + timedelta(minutes=minute), surface="web", for_user_id=place,
    )  # fmt: skip


YES = st.lists(
    st.tuples(st.sampled_from(PEOPLE), st.one_of(st.none(), st.sampled_from(PEOPLE)), st.sampled_from([1, 2])),
    max_size=12,
)


@given(YES, st.integers(-1, 12))
def test_nobody_and_no_place_counts_twice_and_nothing_counts_from_before(yeses: Any, since: int) -> None:
    made = [
        said(by, place if place != by else None, minute, revision=number)
        for minute, (by, place, number) in enumerate(yeses)
    ]
    counts_from = NOW + timedelta(minutes=since) if since >= 0 else None
    counts = counted(Row(made=made), suggestion(counts_from=counts_from))  # pyright: ignore[reportArgumentType]
    assert (
        len({one.user_id for one in counts}) == len({one.for_user_id or one.user_id for one in counts}) == len(counts)
    )
    assert all(one.revision == 1 for one in counts)
    assert all(counts_from is None or one.decided_at > counts_from for one in counts)


ROLES = st.lists(st.sampled_from(["owner", "admin", "approver", "member", "viewer"]), min_size=5, max_size=5)


@given(
    ROLES,
    st.lists(st.sampled_from(["owner", "admin", "approver", "member"]), unique=True),
    st.lists(st.sampled_from(PEOPLE), unique=True),
    st.one_of(st.none(), st.sampled_from(PEOPLE)),
    st.booleans(),
    st.lists(st.tuples(st.sampled_from(PEOPLE), st.sampled_from(PEOPLE)), max_size=6),
    st.integers(1, 3),
)
def test_whatever_a_rule_says_viewers_decide_nothing_and_own_requests_are_obeyed(
    roles: Any, allowed: Any, named: Any, last: Any, own_request: bool, pairs: Any, quorum: int
) -> None:
    members = [member(user_id, role) for user_id, role in zip(PEOPLE, roles, strict=True)]
    one = policy(
        allowed_roles=allowed, allowed_people=named, escalate_to=last, own_request=own_request, quorum=quorum,
    )  # fmt: skip
    rows = Row(members, [handed(of, to) for of, to in pairs if of != to], one)
    asked_about = suggestion()
    rule: Rule = Rules(rows).of(asked_about, "mail.send")  # pyright: ignore[reportArgumentType]
    viewers = {user_id for user_id, role in zip(PEOPLE, roles, strict=True) if role == "viewer"}
    assert not viewers & set(rule.people)
    assert own_request or asked_about.user_id not in rule.people
    assert all(set(places) <= set(rule.own) and places for places in rule.placed.values())
    assert all(len(set(rule.places(user_id))) == len(rule.places(user_id)) >= 1 for user_id in rule.people)
    asked = asked_people(asked_about, rule)
    assert asked[0] == asked_about.user_id and len(asked) == len(set(asked))
    assert set(asked) <= {asked_about.user_id, *rule.people}
    needed = [user_id for user_id in rule.own if user_id != rule.later]
    alone = asked_about.user_id in rule.own and quorum == 1 and (not named or asked_about.user_id in named)
    assert alone or set(needed) <= set(asked), "whoever may be needed is asked"


def test_what_was_handed_over_is_not_handed_on() -> None:
    rows = Row(
        [member(PEOPLE[0], "owner"), member(PEOPLE[1], "member"), member(PEOPLE[2], "member")],
        [handed(PEOPLE[0], PEOPLE[1]), handed(PEOPLE[1], PEOPLE[2])],
    )
    rule = Rules(rows).of(suggestion(), "mail.send")  # pyright: ignore[reportArgumentType]
    assert rule.people == [PEOPLE[0], PEOPLE[1]]


@given(
    st.one_of(st.none(), st.integers(600, 30 * 86_400)),
    st.integers(3_600, 90 * 86_400),
    st.booleans(),
)
def test_rungs_come_in_order_and_before_the_expiry(ahead: int | None, expiry: int, named: bool) -> None:
    if ahead is not None and ahead >= expiry:
        return
    one = policy(expiry_seconds=expiry, reminder_seconds=ahead, escalate_to=PEOPLE[1] if named else None)
    waits = suggestion(expires_at=NOW + timedelta(seconds=expiry))
    climbed = rungs(one, waits)
    assert [rung for rung, _ in climbed] == ([REMIND, 2] if ahead is not None else []) + ([ESCALATE] if named else [])
    times = [at for _, at in climbed]
    assert all(NOW < at < NOW + timedelta(seconds=expiry) for at in times)
    assert times == sorted(times)
    assert rungs(one, suggestion(expires_at=None)) == []
