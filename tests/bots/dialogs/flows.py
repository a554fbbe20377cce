"""What the tests of packs and workflows begin with: agents that only pass on what they are given, and the transactions that the engine makes."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from bots.kit.contracts import contracts
from core.catalog.models import Agent
from core.catalog.versions import compose_agent
from core.kernel.ids import new_id
from core.orchestration import finish
from core.orchestration.models import Run, RunStep
from core.orchestration.ports import Waits
from core.workflows.flows import make_workflow, start_workflow
from core.workflows.models import Question
from core.workflows.waits import ended, let_wait
from tests.bots.dialogs.person import Person

NOTHING = {"nodes": [{"id": "a", "skill": "noop", "inputs": {"value": {"$": "run.input"}}}]}
YES_NO = [{"value": "yes", "label": "Yes, send it"}, {"value": "no", "label": "No"}]
ASKING = [
    {"id": "sure", "kind": "ask", "question": "Send the offer?", "choices": YES_NO, "about": {"total_price": "240 €"}}
]


def agents(person: Person, *names: str) -> list[Agent]:
    with person.work() as work:
        made = [compose_agent(work, person.actor, contracts(), name, NOTHING) for name in names]
        work.commit()
    return made


def does(person: Person, act: Any, *given: Any, **more: Any) -> Any:
    """A use case in a transaction of its own."""
    with person.work() as work:
        made = act(work, person.actor, *given, **more)
        work.commit()
    person.looks()
    return made


def asking(person: Person, steps: list[dict[str, Any]] | None = None) -> Run:
    """A run of a workflow that asks before it does anything."""
    flow = does(person, make_workflow, contracts(), "Offers", "sequential", steps or ASKING)
    return does(person, start_workflow, flow.id, "manual", {})


def step_of(run: Run, node: str, skill: str, status: Any = "running", **more: Any) -> RunStep:
    return RunStep(
        new_id(), run.workspace_id, run.id, node, 0, skill, status, more.pop("inputs", {}), more.pop("at"), **more
    )


def waits(person: Person, run: Run, node: str, skill: str, kind: Any, data: dict[str, Any], days: int = 7) -> None:
    """The engine comes to a step that waits."""
    with person.work() as work:
        held = work.runs.claim(run.id, 30)
        assert held is not None
        step = step_of(held, node, skill, at=work.now, inputs=data)
        let_wait(work, held, [(step, Waits(kind, work.now + timedelta(days=days), data))])
        work.commit()
    person.looks()


def asked(person: Person, default: str | None = None, **more: Any) -> Question:
    """A workflow's run that has put its question."""
    step = {**ASKING[0], **({"default": default} if default else {}), **more}
    run = asking(person, [step])
    waits(
        person,
        run,
        "sure",
        "ask",
        "person",
        {k: v for k, v in step.items() if k not in ("id", "kind")} | {"to": more.get("to", [])},
    )
    with person.work() as work:
        return work.questions.of_run(run.id)[0]


def ends(person: Person, run_id: UUID, output: dict[str, Any] | None = None, error: Any = None) -> None:
    """The engine ends a run."""
    with person.work() as work:
        held = work.runs.claim(run_id, 30)
        assert held is not None
        if error is None:
            over = finish.succeed(work, run_id, held.fence, output or {})
        else:
            over = finish.fail(work, run_id, held.fence, error, again=False)
        assert over is not None
        ended(work, over)
        work.commit()
    person.looks()
