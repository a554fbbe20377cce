"""What is told of a run that is over: figures, and in words what could not be used."""

from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from bots.kit.dialog import Chat
from bots.kit.screen import Block, Bullets, Facts, Paragraph
from bots.kit.speak import speak
from core.kernel.errors import NotFound
from core.orchestration.models import Run

PROBLEMS = 8
NAMED = 3
"""How many things with the same problem are named."""


def spoken_error(chat: Chat, error: Mapping[str, Any]) -> str:
    """An error `{code, data}` as a sentence."""
    return speak(chat.say, str(error.get("code", "")), error.get("data") or {}).text


def name_of(chat: Chat, run: Run) -> str:
    """What the agent, pack or workflow of a run is called."""
    try:
        if run.pack_id is not None:
            return chat.work.packs.get(run.pack_id).name
        if run.workflow_id is not None:
            return chat.work.workflows.get(run.workflow_id).name
        return chat.work.agents.get(run.agent_id).name
    except NotFound:
        return chat.say("details.gone")


def began(chat: Chat, run: Run) -> str:
    """What started it, when, and in which version: `by schedule Tue 18:00, version 1.2.0`; a pack has no versions."""
    at = run.started_at or run.queued_at
    if run.pack_id is not None:
        return chat.say(f"run.ran.{run.trigger_type}", at=at)
    return chat.say(f"details.ran.{run.trigger_type}", at=at, version=_version(chat, run))


def facts(chat: Chat, run: Run) -> Facts:
    """What it read, how long it took, what started it, what it cost."""
    say, output = chat.say, run.output or {}
    summary = output.get("summary") or {}
    rows: list[tuple[str, str]] = []
    read = summary.get("read", output.get("read"))
    if isinstance(read, int):
        rows.append((say("run.read"), say("run.read.mails", n=read)))
    if summary.get("fraud"):
        rows.append((say("run.fraud"), say("run.fraud.mails", n=summary["fraud"])))
    if summary.get("left"):
        rows.append((say("run.left"), say("run.left.next", n=summary["left"])))
    if run.started_at and run.finished_at:
        seconds = (run.finished_at - run.started_at).total_seconds()
        rows.append((say("run.took"), say("run.seconds", n=max(1, round(seconds)))))
    rows.append((say("run.when"), began(chat, run)))
    rows.append((say("run.cost"), cost(chat, run.tokens, run.cost)))
    return Facts(rows=tuple(rows))


def _version(chat: Chat, run: Run) -> str:
    try:
        if run.workflow_version_id is not None:
            return chat.work.workflows.version(run.workflow_version_id).semantic_version
        return chat.work.agents.version(run.agent_version_id).semantic_version
    except NotFound:
        return "?"


def cost(chat: Chat, tokens: int, dollars: Decimal) -> str:
    """What models used, in tokens and money."""
    if not tokens:
        return chat.say("run.cost.none")
    money = chat.place.shown({"amount": str(dollars), "currency": "USD"}, "money") if dollars else ""
    return chat.say("run.cost.tokens_money", n=tokens, cost=money) if money else chat.say("run.cost.tokens", n=tokens)


def problems(chat: Chat, run: Run) -> list[Block]:
    """What could not be read or was not suggested: each reason once, with how many, and the first ones by name."""
    output = run.output or {}
    named: dict[str, list[str]] = defaultdict(list)
    for problem in output.get("problems", ()):
        data = problem.get("data") or {}
        named[spoken_error(chat, problem)].append(str(data.get("subject") or problem.get("item_id") or ""))
    for one in output.get("refused", ()):
        named[chat.say("run.refused", why=spoken_error(chat, one))].append("")
    if not named:
        return []
    lines = [_problem(chat, why, names) for why, names in list(named.items())[:PROBLEMS]]
    return [Paragraph(text=chat.say("run.problems", n=sum(map(len, named.values())))), Bullets(items=tuple(lines))]


def _problem(chat: Chat, why: str, names: list[str]) -> str:
    known = [name[:80] for name in names if name]
    if not known:
        return why if len(names) == 1 else chat.say("run.problem.times", why=why, n=len(names))
    more = len(names) - len(known[:NAMED])
    listed = chat.place.listed([*known[:NAMED], *([chat.say("run.problems.more", n=more)] if more else [])])
    return chat.say("run.problem", what=listed, why=why)
