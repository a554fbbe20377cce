"""`/agents`: a person's agents, their versions, and starting them."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from bots.api.caller import Calling
from bots.api.pages import Cursor, Limit, Page, after, page
from bots.api.runs import RunOut, run_out
from core.catalog.configure import change_agent, create_agent, pause_agent, resume_agent
from core.catalog.models import Agent, AgentVersion
from core.orchestration.start import start
from core.workflows.schedule import schedule

router = APIRouter(tags=["agents"])


class AgentOut(BaseModel):
    """An agent."""

    id: UUID
    template: str
    name: str
    description: str
    status: str
    config: dict[str, Any]
    tools: dict[str, UUID]
    latest_version_id: UUID | None
    last_run_at: datetime | None
    created_at: datetime
    version: int


class VersionOut(BaseModel):
    """An immutable version of an agent."""

    id: UUID
    agent_id: UUID
    semantic_version: str
    graph: dict[str, Any]
    default_params: dict[str, Any]
    created_at: datetime
    parent_run_id: UUID | None


class Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewAgent(Asked):
    """An agent of a template. With an empty config it works on the template's sample data. `schedule` is a cron expression in `timezone`."""

    template: str
    name: str = Field("", max_length=200)
    config: dict[str, Any] = {}
    tools: dict[str, UUID] = {}
    schedule: str | None = None
    timezone: str | None = None


class AgentChange(Asked):
    """What shall be different; what is not given stays."""

    name: str | None = Field(None, max_length=200)
    config: dict[str, Any] | None = None
    tools: dict[str, UUID] | None = None
    status: Literal["active", "paused"] | None = None


class NewRun(Asked):
    """A run. With `dry_run` it only shows what it would suggest."""

    dry_run: bool = False


@router.get("/agents")
def list_agents(
    caller: Calling, limit: Limit = 50, cursor: Cursor = None, status: str | None = None, template: str | None = None
) -> Page[AgentOut]:
    """The person's agents."""
    with caller.reading() as work:
        rows = work.agents.page(caller.actor.user_id, after(cursor), limit + 1, status=status, template=template)
        return page(rows, limit, agent_out)


@router.post("/agents", status_code=201, response_model=AgentOut)
def make_agent(asked: NewAgent, caller: Calling) -> Response:
    """Makes an agent."""

    def change(work: Any) -> AgentOut:
        agent = create_agent(work, caller.actor, asked.template, asked.name, asked.config, asked.tools)
        if asked.schedule is not None:
            timezone = asked.timezone or work.people.profile(caller.actor.user_id).timezone
            schedule(work, caller.actor, agent.id, asked.schedule, timezone)
        return agent_out(agent)

    return caller.write(asked, 201, change, "agents.create")


@router.get("/agents/{agent_id}")
def get_agent(agent_id: UUID, caller: Calling) -> AgentOut:
    """One agent."""
    with caller.reading() as work:
        return agent_out(work.agents.get(agent_id))


@router.patch("/agents/{agent_id}", response_model=AgentOut)
def alter_agent(agent_id: UUID, asked: AgentChange, caller: Calling) -> Response:
    """Changes an agent; another config or other tools make a new version."""

    def change(work: Any) -> AgentOut:
        agent = change_agent(work, caller.actor, agent_id, name=asked.name, settings=asked.config, tools=asked.tools)
        if asked.status is not None:
            agent = (resume_agent if asked.status == "active" else pause_agent)(work, caller.actor, agent_id)
        return agent_out(agent)

    return caller.write(asked, 200, change, f"agents.change {agent_id}")


@router.get("/agents/{agent_id}/versions")
def list_versions(agent_id: UUID, caller: Calling) -> Page[VersionOut]:
    """Every version of an agent, newest first."""
    with caller.reading() as work:
        work.agents.get(agent_id)
        return Page(items=[_version_out(row) for row in work.agents.versions(agent_id)], next=None)


@router.post("/agents/{agent_id}/runs", status_code=202, response_model=RunOut)
def start_run(agent_id: UUID, caller: Calling, asked: NewRun | None = None) -> Response:
    """Starts a run; it is queued when this answers."""
    wanted = asked or NewRun()

    def change(work: Any) -> RunOut:
        given = {"dry_run": True} if wanted.dry_run else {}
        return run_out(start(work, caller.actor, agent_id, "manual", given))

    return caller.write(wanted, 202, change, f"agents.run {agent_id}")


def agent_out(agent: Agent) -> AgentOut:
    """The shape of an agent."""
    return AgentOut(
        id=agent.id,
        template=agent.template,
        name=agent.name,
        description=agent.description,
        status=agent.status,
        config=agent.config.behaviour,
        tools=agent.config.tools,
        latest_version_id=agent.latest_version_id,
        last_run_at=agent.last_run_at,
        created_at=agent.created_at,
        version=agent.version,
    )


def _version_out(row: AgentVersion) -> VersionOut:
    return VersionOut(
        id=row.id,
        agent_id=row.agent_id,
        semantic_version=row.semantic_version,
        graph=row.graph.model_dump(mode="json"),
        default_params=row.default_params,
        created_at=row.created_at,
        parent_run_id=row.parent_run_id,
    )
