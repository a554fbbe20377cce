"""Whose words a run took in: what it suggests says so, whatever its graph, a model or a mail would have it say (promise 32)."""

from collections.abc import Iterable
from typing import Any, Protocol
from urllib.parse import urlsplit
from uuid import UUID

from core.catalog.ports import CatalogWork
from core.connectors.ports import ConnectionsWork
from core.orchestration.models import Run, RunStep
from core.orchestration.ports import OrchestrationWork, Proposal

FREE = frozenset(("llm", "summarise", "http_request", "mcp", "agent"))
"""Skills whose answer anybody outside may have shaped: what comes after them says whatever it likes of itself."""
MOST, LONGEST = 20, 200


class InfluenceWork(OrchestrationWork, CatalogWork, ConnectionsWork, Protocol):
    """What is needed to know."""


def owned_up(work: InfluenceWork, run: Run, proposals: list[Proposal]) -> list[Proposal]:
    """The proposals, each with whose words had a say in its run: where it names nobody itself, and where the run asked a model, a service or another agent."""
    if not proposals or run.agent_version_id is None:
        return proposals
    skills = {node.skill for node in work.agents.version(run.agent_version_id).graph.nodes}
    if all(proposal.influenced_by for proposal in proposals) and not any(_is_free(skill) for skill in skills):
        return proposals
    heard = _heard(work, run)
    return [
        proposal.model_copy(update={"influenced_by": tuple(dict.fromkeys((*proposal.influenced_by, *heard)))[:MOST]})
        for proposal in proposals
    ]


def _heard(work: InfluenceWork, run: Run) -> tuple[str, ...]:
    names: dict[str, None] = {}
    if run.trigger_type in ("webhook", "event"):
        names[run.trigger_type] = None
    tools = {} if run.agent_id is None else work.agents.get(run.agent_id).config.tools
    for step in work.runs.steps(run.id):
        if step.status == "succeeded":
            names.update((name[:LONGEST], None) for name in _of(work, step, tools) if name)
    return tuple(names)


def _of(work: InfluenceWork, step: RunStep, tools: Any) -> Iterable[str]:
    """Whose words a step brought in."""
    given, made = step.inputs or {}, step.outputs or {}
    match step.skill:
        case "mail.read":
            yield _account(work, tools, str(given.get("tool") or "mail"))
        case "http_request" if not made.get("proposals"):
            yield _host(str(made.get("url") or given.get("url") or ""))
        case "mcp":
            yield from (str(name) for name in made.get("influenced_by") or ())
        case "llm" | "summarise":
            yield str(made.get("model") or "")
        case skill if _is_free(skill):
            yield skill


def _account(work: InfluenceWork, tools: Any, role: str) -> str:
    if role not in tools:
        return role
    connection = work.connections.get(UUID(str(tools[role])))
    return connection.account or connection.name


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _is_free(skill: str) -> bool:
    """A skill of one's own (`own.<name>`) may be any of them."""
    return skill in FREE or skill.startswith("own.")
