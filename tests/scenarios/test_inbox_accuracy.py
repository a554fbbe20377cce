"""The Inbox agent over the sample mailbox: what it suggests against what a good assistant would, on two different days."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bots.kit.words import words
from core.catalog.kinds import BUILT_IN, load
from core.catalog.samples import ExpectedSuggestion, SampleMail, build_mailbox, load_labels
from core.connectors.operations import OPERATIONS
from core.orchestration.ports import Proposal
from tests.unit.skills.mailbox import KeptMail, ran

FOLDER = BUILT_IN / "inbox" / "samples"
ZONE = ZoneInfo("Europe/Berlin")
DAYS = [
    datetime(2026, 11, 25, 9, 0, tzinfo=ZONE),
    datetime(2027, 3, 26, 16, 20, tzinfo=ZONE),
    datetime(2026, 6, 1, 7, 5, tzinfo=ZONE),
]
KINDS = ("reply", "event", "task", "unsubscribe", "nudge")
FRAUD = ("075", "076", "077", "078", "079", "080")


@dataclass(frozen=True)
class Outcome:
    """What was expected and what was suggested, by the name of the mail."""

    expected: dict[str, list[ExpectedSuggestion]]
    suggested: dict[str, list[Proposal]]
    output: dict[str, Any]
    young: int

    def hits(self, kind: str) -> int:
        return sum(
            min(sum(e.kind == kind for e in self.expected.get(name, [])), sum(p.kind == kind for p in proposals))
            for name, proposals in self.suggested.items()
        )

    def count(self, kind: str, side: dict[str, Any]) -> int:
        return sum(each.kind == kind for entries in side.values() for each in entries)

    def pairs(self, kind: str) -> Iterator[tuple[str, Any, Proposal]]:
        for name, expected in self.expected.items():
            for label in (each for each in expected if each.kind == kind):
                for proposal in self.suggested.get(name, []):
                    if proposal.kind == kind:
                        yield name, label, proposal


@cache
def outcome(now: datetime) -> Outcome:
    mails = build_mailbox(FOLDER, now)
    template = load(BUILT_IN, True)["inbox"]
    output = ran(
        template,
        [_kept(mail) for mail in mails],
        now=now,
        zone=ZONE,
        addresses=("alex@example.org",),
        owner="Alex Morgan",
    )
    by_id = {_message_id(mail): mail.name for mail in mails}
    suggested: dict[str, list[Proposal]] = {}
    for entry in output["proposals"]:
        proposal = Proposal.model_validate(entry)
        suggested.setdefault(by_id[proposal.evidence[0].source["message_id"]], []).append(proposal)
    young = sum(mail.received >= now - timedelta(days=30) for mail in mails)
    return Outcome(load_labels(FOLDER, now), suggested, output, young)


def _kept(mail: SampleMail) -> KeptMail:
    return KeptMail(f"{mail.folder}/{mail.name}", mail.raw, mail.received, mail.folder, tuple(sorted(mail.flags)))


def _message_id(mail: SampleMail) -> str:
    from runners.mail.message import take_apart

    return (take_apart(mail.raw).ids("message-id") or ("",))[0]


@pytest.fixture(params=DAYS, ids=lambda day: day.date().isoformat())
def result(request: pytest.FixtureRequest) -> Outcome:
    return outcome(request.param)


def test_precision_and_recall_of_each_kind(result: Outcome, capsys: pytest.CaptureFixture[str]):
    rows = []
    for kind in KINDS:
        expected, suggested, hits = (
            result.count(kind, result.expected),
            result.count(kind, result.suggested),
            result.hits(kind),
        )
        rows.append((kind, expected, suggested, hits, hits / suggested if suggested else 1.0, hits / expected))
    with capsys.disabled():
        print(f"\n{'kind':<12}{'expected':>9}{'suggested':>10}{'right':>6}{'precision':>10}{'recall':>8}")
        for kind, expected, suggested, hits, precision, recall in rows:
            print(f"{kind:<12}{expected:>9}{suggested:>10}{hits:>6}{precision:>10.2f}{recall:>8.2f}")
        for name in sorted(result.expected):
            wanted, got = (
                Counter(e.kind for e in result.expected[name]),
                Counter(p.kind for p in result.suggested.get(name, [])),
            )
            if wanted != got:
                print(f"  {name}: expected {dict(wanted)}, suggested {dict(got)}")
    assert all(precision >= 0.95 and recall >= 0.95 for *_, precision, recall in rows)


def test_fraud_leads_to_nothing(result: Outcome):
    assert [name for name in result.suggested if name.startswith(FRAUD)] == []


def test_everything_that_is_suggested_can_be_carried_out(result: Outcome):
    for proposals in result.suggested.values():
        for proposal in proposals:
            OPERATIONS[proposal.operation].model_validate(proposal.input)
            assert proposal.evidence[0].quote


def test_every_reason_can_be_said(result: Outcome):
    known = words().codes()
    for proposals in result.suggested.values():
        for proposal in proposals:
            assert known[proposal.why.code].gaps <= set(proposal.why.data), proposal.why.code


def test_a_reply_answers_the_question_in_its_language_and_thread(result: Outcome):
    for name, label, proposal in result.pairs("reply"):
        quotes = " ".join(piece.quote for piece in proposal.evidence)
        assert _simple(label.asks) in _simple(quotes), name
        assert proposal.why.data["language"] == label.language, name
        if label.deadline:
            assert proposal.why.data["deadline"] == label.deadline.isoformat(), name
        assert proposal.input["in_reply_to"] in proposal.input["references"]
        assert proposal.input["subject"].lower().count("re:") == 1
        assert proposal.input["body"].rstrip().endswith(("\nAlex", "\nAlex Morgan")), name


def test_an_event_is_at_its_time_and_place(result: Outcome):
    for name, label, proposal in result.pairs("event"):
        got = proposal.input
        assert _moment(got["start"]) == _moment(label.start), name
        if label.end:
            assert _moment(got["end"]) == _moment(label.end), name
        if label.location:
            assert label.location in got["location"], name
        assert label.title in got["title"], name
        assert bool(got.get("recurrence") and "WEEKLY" in got["recurrence"]) == label.weekly, name
        if label.uid:
            assert got["uid"] == label.uid, name


def test_a_bill_has_its_amount_and_day(result: Outcome):
    for name, label, proposal in result.pairs("task"):
        assert proposal.input["amount"] == {"amount": str(label.amount), "currency": label.currency}, name
        assert proposal.input["due"] == label.due.isoformat(), name
        assert label.title in proposal.input["title"], name


def test_a_newsletter_is_left_the_way_it_offers(result: Outcome):
    for name, label, proposal in result.pairs("unsubscribe"):
        if label.method == "one_click":
            assert proposal.input["one_click"] == label.target, name
        else:
            assert label.target.removeprefix("mailto:").partition("?")[0] == proposal.input["mailto"], name


def test_a_nudge_goes_to_whom_the_mail_went(result: Outcome):
    for name, label, proposal in result.pairs("nudge"):
        assert proposal.input["to"] == [label.to], name
        assert proposal.why.data["language"] == label.language, name
        assert proposal.why.data["days"] == label.waiting_days, name


def test_broken_mail_is_reported_or_read_and_stops_nothing(result: Outcome):
    assert result.output["summary"]["read"] == result.young


def _simple(text: str) -> str:
    return " ".join(text.replace("’", "'").split())


def _moment(value: str | date | datetime) -> date | datetime:
    if isinstance(value, str):
        value = datetime.fromisoformat(value) if "T" in value else date.fromisoformat(value)
    return value.astimezone(UTC) if isinstance(value, datetime) else value
