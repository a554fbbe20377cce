"""What is told of a run that is over: figures, and in words what could not be used."""

from collections import defaultdict
from collections.abc import Mapping
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
    began = run.started_at or run.queued_at
    rows.append((say("run.when"), say(f"details.ran.{run.trigger_type}", at=began, version=_version(chat, run))))
    rows.append((say("run.cost"), _cost(chat, run)))
    return Facts(rows=tuple(rows))


def _version(chat: Chat, run: Run) -> str:
    try:
        return chat.work.agents.version(run.agent_version_id).semantic_version
    except NotFound:
        return "?"


def _cost(chat: Chat, run: Run) -> str:
    if not run.tokens:
        return chat.say("run.cost.none")
    cost = chat.place.shown({"amount": str(run.cost), "currency": "USD"}, "money") if run.cost else ""
    return (
        chat.say("run.cost.tokens_money", n=run.tokens, cost=cost)
        if cost
        else chat.say("run.cost.tokens", n=run.tokens)
    )


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
