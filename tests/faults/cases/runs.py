"""Runs whose workers die: between claim and first step, after each step, and at any moment. What was finished is not done again, and each run comes to one end. The sizes are such that
hardly a run meets three deaths: then it counts as what kills workers, is given up and said so, as is promised, and its agent pauses."""

import time
from datetime import UTC, datetime
from email.message import EmailMessage

from core.catalog.configure import create_agent
from core.catalog.versions import compose_agent
from core.orchestration.start import start
from runners.contracts import contracts
from runners.sandbox.box import probe
from tests.faults.case import case, workers
from tests.faults.system import Asked, CannotHere, System
from tests.runners.world import World

CHAIN = {
    "nodes": [
        {"id": "first", "skill": "noop", "inputs": {"value": 1}},
        {"id": "second", "skill": "noop", "inputs": {"value": {"$": "first.value"}}},
        {"id": "third", "skill": "noop", "inputs": {"value": {"$": "second.value"}}},
    ]
}
POINTS = ("run_claimed", "after_step_read", "after_step_understand", "after_step_suggest")
MAILS = 4
SLOW = "n = 0\nwhile n < 3000000:\n    n = n + 1\nn"
COMPUTES = {"nodes": [{"id": "work", "skill": "code", "inputs": {"source": SLOW, "inputs": {}}}]}
ONE_BY_ONE = {"id": "boom", "skill": "code", "for_each": "run.input.often", "inputs": {"source": "1", "inputs": {}}}
KILLS = {"nodes": [ONE_BY_ONE]}
NOT_OVER = "SELECT id FROM nod.runs WHERE status NOT IN ('succeeded', 'failed')"
GIVEN_UP = "SELECT id FROM nod.runs WHERE error->>'code' = 'orchestration.run_crashed'"
NOT_WELL = "SELECT id FROM nod.runs WHERE status <> 'succeeded'"
TOO_FEW = (
    "SELECT r.id FROM nod.runs r WHERE light AND (SELECT count(*) FROM nod.run_steps s WHERE s.run_id = r.id) <> 3"
)
AGAIN = "SELECT dedupe_key FROM nod.suggestions GROUP BY workspace_id, agent_id, dedupe_key HAVING count(*) > 1"


@case("runs", small=60, large=300)
def light_runs_whose_workers_die_between_claim_and_end(system: System, size: int) -> list[Asked]:
    """Dozens are claimed at once and their worker dies; each comes to its end all the same, with three steps and one ledger row."""
    agents = []
    for world in system.people:
        with world.work() as work:
            agents.append((world, compose_agent(work, world.actor, contracts(), "Nothing", CHAIN).id))
            work.commit()
    for number in range(size):
        world, agent_id = agents[number % len(agents)]
        with world.work() as work:
            start(work, world.actor, agent_id, "manual", {})
            work.commit()
        if number % 6 == 0:
            _die(system, "worker 0", "run_claimed:kill9")
    _end_well(system)
    assert not _rows(system, TOO_FEW), "a run without its three steps"
    return []


@case("runs", small=6, large=30)
def light_runs_whose_workers_die_before_anybody_claimed_them(system: System, size: int) -> list[Asked]:
    """A run that its ring tells of is computed at once, and its worker dies before it is on record; it is carried out again, once."""
    world = system.people[0]
    with world.work() as work:
        agent_id = compose_agent(work, world.actor, contracts(), "Nothing", CHAIN).id
        work.commit()
    for _ in range(size):
        system.start("worker 0", "run_computed:kill9")
        # The first makes the agent known to the process; one that comes while a thread is about to leave is claimed.
        while system.running["worker 0"].poll() is None:
            with world.work() as work:
                start(work, world.actor, agent_id, "manual", {})
                work.commit()
            system.wait(
                lambda: system.running["worker 0"].poll() is not None or not _rows(system, NOT_OVER),
                60,
                "its end, or a death",
            )
        system.ended("worker 0")
    _end_well(system)
    assert not _rows(system, TOO_FEW), "a run without its three steps"
    return []


@case("runs", small=6, large=12)
def agents_whose_workers_die_after_each_step(system: System, size: int) -> list[Asked]:
    """The Inbox agent reads a mailbox and suggests; its worker dies after a step that is drawn for it. Nothing is suggested twice, nothing is left out."""
    for world in system.people:
        _write(world)
    for number in range(size):
        world = system.people[number % len(system.people)]
        with world.work() as work:
            agent = create_agent(work, world.actor, "inbox", f"Inbox {number}", tools={"mail": world.tools["mail"]})
            start(work, world.actor, agent.id, "manual", {})
            work.commit()
        _die(system, "worker 0", f"{system.chance.choice(POINTS)}:kill9")
    _end_well(system)
    assert not _rows(system, AGAIN), "something was suggested twice"
    return []


@case("runs", small=60, large=300)
def light_runs_whose_workers_die_at_any_moment(system: System, size: int) -> list[Asked]:
    """Two workers, one of which dies every moment."""
    agents = []
    for world in system.people:
        with world.work() as work:
            agents.append((world, compose_agent(work, world.actor, contracts(), "Nothing", CHAIN).id))
            work.commit()
    workers(system, 2)
    for number in range(size):
        world, agent_id = agents[number % len(agents)]
        with world.work() as work:
            start(work, world.actor, agent_id, "manual", {})
            work.commit()
        if number % 10 == 0:
            time.sleep(system.chance.uniform(0.0, 0.1))
            victim = system.chance.choice(sorted(system.running))
            system.kill(victim)
            system.start(victim)
    _end_well(system)
    assert not _rows(system, TOO_FEW), "a run without its three steps"
    return []


@case("runs", small=3, large=18, people=6)
def one_that_kills_its_workers_beside_others(system: System, size: int) -> list[Asked]:
    """A run kills whatever worker has it in hand, and others are in hand each time. It is given up after its third death; they all end well."""
    if (why := probe()) is not None:
        raise CannotHere(f"code cannot be boxed ({why})")
    graphs = [COMPUTES] * size
    graphs.insert(size // 2, KILLS)
    runs = []
    for number, graph in enumerate(graphs):
        world = system.people[number % len(system.people)]
        with world.work() as work:
            agent = compose_agent(work, world.actor, contracts(), f"Agent {number}", graph)
            runs.append(start(work, world.actor, agent.id, "manual", {"often": [1, 2, 3, 4]}).id)
            work.commit()

    def over() -> bool:
        if "worker 0" not in system.running or system.ended("worker 0"):
            with system.owner() as owner:
                owner.execute("UPDATE nod.runs SET lease_until = now() WHERE status = 'running'")
            system.start("worker 0", "after_step_boom:kill9")
        return not _rows(system, NOT_OVER)

    system.wait(over, 300, "every run to end")
    assert _rows(system, GIVEN_UP) == _rows(system, NOT_WELL) == [(runs[size // 2],)], "others were given up with it"
    return []


def _die(system: System, name: str, fault: str) -> None:
    """Lets a worker of that name begin that has the fault, and waits for its death while there is work for it."""
    if name not in system.running or system.ended(name):
        system.start(name, fault)
    system.wait(
        lambda: (
            system.running[name].poll() is not None
            or not _rows(system, "SELECT id FROM nod.runs WHERE status = 'queued'")
        ),
        60,
        "a death",
    )
    if system.running[name].poll() is None:
        system.kill(name)


def _end_well(system: System) -> None:
    for name in sorted(system.running):
        if not system.ended(name):
            system.kill(name)
    workers(system)
    system.wait(lambda: not _rows(system, NOT_WELL), 150, "every run to end well")


def _rows(system: System, question: str) -> list[tuple[object, ...]]:
    with system.owner() as owner:
        return owner.execute(question.encode()).fetchall()


def _write(world: World) -> None:
    """Mails with a question each."""
    for number in range(MAILS):
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Date"] = f"Kim <kim{number}@example.net>", "me@example.org", datetime.now(UTC)
        mail["Subject"], mail["Message-ID"] = f"Offer {number}", f"<offer{number}@example.net>"
        mail.set_content(f"Hello,\n\ncould you send me offer {number} by Friday?\n\nKim\n")
        (world.maildir / "cur" / f"{number}.offer:2,").write_bytes(mail.as_bytes())
