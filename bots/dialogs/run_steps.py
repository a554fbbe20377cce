"""A run step by step: what each one did or waits for, its tries, what it used, and the runs below and above."""

from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

from bots.dialogs import own_words, ways
from bots.dialogs.run_facts import name_of, spoken_error
from bots.kit import clean
from bots.kit.dialog import Chat, Reply, action
from bots.kit.screen import Block, Bullets, Button, Heading, Paragraph, Screen, row
from core.catalog.graph import Node
from core.kernel.errors import NotFound
from core.orchestration.models import Run, RunStep

STEPS = 30
BELOW = 6
LABEL = 60


@action("run.steps")
def steps(chat: Chat, run_id: str) -> Reply:
    """Each step, as a message of its own."""
    run = chat.work.runs.get(UUID(run_id))
    made = chat.work.runs.steps(run.id)
    counts: dict[tuple[str, str], list[RunStep]] = defaultdict(list)
    for one in made:
        counts[one.node_id, one.status].append(one)
    items = [_step(chat, status, group) for (_, status), group in list(counts.items())[:STEPS]]
    begun = {one.node_id for one in made}
    if made and run.status not in ("failed", "cancelled"):
        ahead = [node for node in nodes_of(chat, run) if node.id not in begun]
        items += [chat.say("run.step.ahead", name=node_name(chat, node)) for node in ahead[: STEPS - len(items)]]
    blocks: list[Block] = [
        Heading(text=chat.say("run.steps_of", what=name_of(chat, run))),
        Paragraph(text=chat.say("run.steps", n=len(made)), muted=True),
        Bullets(items=tuple(items)) if items else Paragraph(text=chat.say("run.steps.none")),
    ]
    back = Button(label=chat.say("run.card"), action="run.open", args=(run_id,))
    link = Button(label=chat.say("opening.link"), action="opening.link", args=("run", run_id))
    return Reply(
        Screen(blocks=tuple(blocks), buttons=ways.rows(*linked(chat, run, made), row(back, link, ways.agents(chat))))
    )


def linked(chat: Chat, run: Run, made: list[RunStep]) -> list[tuple[Button, ...]]:
    """Buttons to what belongs to a run: questions that wait, its sub-runs, and the run that it is a part of."""
    rows = [row(_question(chat, step)) for step in made if _waits_for(step).get("question")]
    below = chat.work.runs.children(run.id, BELOW)
    rows += [row(_run(chat, "run.below", child)) for child in below]
    if run.parent_run_id is not None:
        rows.append(row(_run(chat, "run.above", chat.work.runs.get(run.parent_run_id))))
    return rows


def _question(chat: Chat, step: RunStep) -> Button:
    question = chat.work.questions.get(UUID(_waits_for(step)["question"]))
    label = clean.line(chat.say("question.listed", question=question.question), LABEL)
    return Button(label=label, action="question.open", args=(str(question.id),), style="primary")


def _run(chat: Chat, code: str, run: Run) -> Button:
    label = chat.say(code, what=name_of(chat, run), status=chat.say(f"run.status.{run.status}"))
    return Button(label=clean.line(label, LABEL), action="run.open", args=(str(run.id),))


def nodes_of(chat: Chat, run: Run) -> tuple[Node, ...]:
    """What the run carries out; nothing where that is no longer kept."""
    try:
        if run.agent_version_id is not None:
            return tuple(chat.work.agents.version(run.agent_version_id).graph.nodes)
    except NotFound:
        return ()
    execution = chat.work.workflow_executions.of_run(run.id)
    return () if execution is None else tuple(execution.graph.nodes)


def node_name(chat: Chat, node: Node) -> str:
    """A node as people know it: an agent by its name."""
    return _name(chat, node.id, node.skill, node.inputs)


def waiting_for(chat: Chat, made: list[RunStep]) -> list[str]:
    """What the run waits for now, in words."""
    return [_waiting(chat, step) for step in made if step.status == "waiting"]


def _step(chat: Chat, status: str, group: list[RunStep]) -> str:
    """Steps of one node together: its name, how many, how long, what they used, why one failed."""
    first = group[0]
    if status == "waiting":
        return _waiting(chat, first)
    seconds = sum((s.finished_at - s.started_at).total_seconds() for s in group if s.finished_at)
    line = chat.say(
        f"run.step.{status}", name=_name(chat, first.node_id, first.skill, first.inputs), n=len(group),
        seconds=chat.place.number(round(seconds, 2)),
    )  # fmt: skip
    tries = max(s.attempt for s in group)
    if tries > 1:
        line = chat.say("run.step.tries", line=line, n=tries)
    used = [usage for s in group for usage in _usages(s)]
    tokens = sum(int(u.get("tokens_prompt", 0)) + int(u.get("tokens_completion", 0)) for u in used)
    if tokens:
        line = chat.say("run.step.tokens", line=line, n=tokens)
    dollars = sum((Decimal(str(u.get("cost") or 0)) for u in used), start=Decimal(0))
    if dollars:
        line = chat.say("run.step.cost", line=line, cost={"amount": str(dollars), "currency": "USD"})
    error = next((s.error for s in group if s.error), None)
    return f"{line}: {spoken_error(chat, error)}" if error else line


def _waiting(chat: Chat, step: RunStep) -> str:
    name, wait = _name(chat, step.node_id, step.skill, step.inputs), step.wait or {}
    data, until = _waits_for(step), wait.get("until")
    if data.get("held"):
        return chat.say("run.step.held", name=name)
    if data.get("question"):
        return chat.say("run.step.asks", name=name, until=until)
    if data.get("child"):
        return chat.say("run.step.child", name=name)
    return chat.say("run.step.pauses", name=name, until=until) if until else chat.say("run.step.waits", name=name)


def _waits_for(step: RunStep) -> Mapping[str, Any]:
    """What a waiting step waits for; nothing for one that is over."""
    return (step.wait or {}).get("data", {}) if step.status == "waiting" else {}


def _name(chat: Chat, node: str, skill: str, inputs: Mapping[str, Any]) -> str:
    if skill == "agent":
        try:
            return chat.work.agents.get(UUID(str(inputs.get("agent") or inputs.get("agent_id")))).name
        except (NotFound, ValueError):
            pass
    return own_words.step(chat, node.replace("_", " "))


def _usages(step: RunStep) -> list[Mapping[str, Any]]:
    """Usage is one record, or a list of them under `calls`."""
    usage = step.usage or {}
    listed = usage.get("calls")
    return list(listed) if isinstance(listed, list) else [usage]
