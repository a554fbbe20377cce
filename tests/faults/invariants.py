"""What must hold after every case, whatever happened in it: asked of the database as its owner, and of the places where effects land."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.faults.system import Asked, System

UNDER_WAY = """
SELECT e.id FROM nod.action_executions e JOIN nod.suggestions s ON s.id = e.suggestion_id
WHERE e.status IN ('held', 'ready', 'claimed', 'sending') OR (e.status = 'unknown' AND (e.lookups = 0 OR e.lease_until IS NOT NULL))
   OR (e.status = 'unknown' AND e.due_at < now() + interval '1 hour' AND s.kind <> 'other')"""
RUNS_UNDER_WAY = "SELECT id FROM nod.runs WHERE status IN ('queued', 'running')"
BROKEN = {
    "an execution without its approval": """
        SELECT e.id FROM nod.action_executions e LEFT JOIN nod.approvals a ON a.id = e.approval_id AND a.decision = 'approve'
        WHERE a.id IS NULL""",
    "an approved suggestion without its execution": """
        SELECT s.id FROM nod.suggestions s LEFT JOIN nod.action_executions e ON e.suggestion_id = s.id
        WHERE s.status = 'approved' AND e.id IS NULL""",
    "other bytes than were approved": """
        SELECT a.id FROM nod.approvals a JOIN nod.suggestion_revisions r ON r.suggestion_id = a.suggestion_id AND r.number = a.revision
        WHERE a.payload_sha256 <> r.payload_sha256""",
    "a success without an attempt that says so": """
        SELECT e.id FROM nod.action_executions e WHERE e.status = 'succeeded' AND NOT EXISTS (
            SELECT FROM nod.execution_attempts t WHERE t.execution_id = e.id AND t.outcome IN ('succeeded', 'looked_up'))""",
    "two approvals of one revision": """
        SELECT suggestion_id FROM nod.approvals WHERE decision = 'approve' GROUP BY suggestion_id, revision HAVING count(*) > 1""",
    "two executions of one approval": """
        SELECT approval_id FROM nod.action_executions GROUP BY approval_id HAVING count(*) > 1""",
    "a run that ended well without its ledger row": """
        SELECT r.id FROM nod.runs r WHERE r.status = 'succeeded' AND r.attempt > 0
        AND (SELECT count(*) FROM nod.usage_ledger l WHERE l.run_id = r.id) <> 1""",
    "a step that was finished twice": """
        SELECT run_id FROM nod.run_steps GROUP BY run_id, node_id, index HAVING count(*) > 1""",
    "a run that is nobody's": """
        SELECT id FROM nod.runs WHERE status = 'running' AND lease_until < now() - interval '30 s'""",
}


@dataclass
class Verdict:
    """What was found. `lost`: done by nobody although it was said, or never ended; `doubled`: done more than once; `untrue`: said to have failed, but done;
    `unknown`: shown to the person as unknown; `broken`: rows that contradict each other."""

    approved: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    untrue: list[str] = field(default_factory=list)
    unknown: int = 0
    broken: dict[str, int] = field(default_factory=dict)

    @property
    def well(self) -> bool:
        """Whether every promise was kept."""
        return not (self.lost or self.doubled or self.untrue or self.broken)

    def __str__(self) -> str:
        return (
            f"approved {self.approved}, lost {self.lost[:5]}, doubled {self.doubled[:5]}, untrue {self.untrue[:5]}, unknown {self.unknown}, "
            f"broken {self.broken}"
        )


def settled(system: System) -> bool:
    """Whether nothing is under way any more: what is left waits for a person."""
    with system.owner() as owner:
        at_rest = not owner.execute(UNDER_WAY).fetchall() and not owner.execute(RUNS_UNDER_WAY).fetchall()
    return at_rest and all(platform.settled() for platform in system.platforms)


def verdict(system: System, asked: Sequence[Asked]) -> Verdict:
    """Compares what people said, what the product says, and what took place."""
    found = Verdict(approved=len(asked))
    effects = effects_of(system)
    with system.owner() as owner:
        for name, question in BROKEN.items():
            if rows := owner.execute(question.encode()).fetchall():
                found.broken[name] = len(rows)
        said = {
            row[0]: row[1]
            for row in owner.execute("SELECT suggestion_id, status FROM nod.action_executions").fetchall()
        }
    for platform in system.platforms:
        found.broken.update(platform.trouble())
    for one in asked:
        status, times = said.get(one.suggestion.id, "missing"), effects[one.text]
        name = f"{one.text} ({one.kind}, {status}, {times} times)"
        if times > 1:
            found.doubled.append(name)
        elif status == "unknown":
            found.unknown += 1
        elif status == "failed" and times:
            found.untrue.append(name)
        elif (status == "succeeded" and not times) or status not in ("succeeded", "failed"):
            found.lost.append(name)
    return found


def effects_of(system: System) -> Counter[str]:
    """How often each text took place, at the sink, in mailboxes, calendars and task lists."""
    effects = Counter(system.sink.effects)
    for world in system.people:
        # What was cut off lies in `tmp` and was never sent.
        for path in (path for part in ("cur", "new") for path in world.maildir.glob(f".Sent/{part}/*")):
            subject = next(line for line in path.read_text().splitlines() if line.lower().startswith("subject:"))
            effects[subject.partition(":")[2].strip()] += 1
        folder = system.folder / "connections" / str(world.tools["calendar"])
        for path in folder.glob("**/*.ics"):
            effects[
                next(line[8:] for line in path.read_text().splitlines() if line.startswith("SUMMARY:")).strip()
            ] += 1
    with system.owner() as owner:
        effects.update(row[0] for row in owner.execute("SELECT title FROM nod.tasks").fetchall())
    return effects
