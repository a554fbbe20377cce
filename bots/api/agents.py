"""`/agents`: a person's agents, of templates and of graphs of their own, and starting them."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from bots.api.caller import Calling
from bots.api.pages import Cursor, Limit, Page, after, page
from bots.api.runs import RunOut, run_out
from bots.kit.contracts import contracts
from core.catalog.configure import change_agent, create_agent, pause_agent, resume_agent
from core.catalog.kinds import BLANK
from core.catalog.models import Agent
from core.catalog.skills import agents_using
from core.catalog.versions import compose_agent
from core.kernel.errors import Invalid
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


class Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewAgent(Asked):
    """An agent of a `template`, or of a `graph` of one's own (see `/schemas/graph`). With an empty config one of a template works on the template's sample data.
    `schedule` is a cron expression in `timezone`."""

    template: str = BLANK
    name: str = Field("", max_length=200)
    config: dict[str, Any] = {}
    tools: dict[str, UUID] = {}
    schedule: str | None = None
    timezone: str | None = None
    graph: dict[str, Any] | None = None
    description: str = Field("", max_length=2000)
    note: str | None = Field(None, max_length=2000)


class AgentChange(Asked):
    """What shall be different; what is not given stays."""

    name: str | None = Field(None, max_length=200)
    config: dict[str, Any] | None = None
    tools: dict[str, UUID] | None = None
    status: Literal["active", "paused"] | None = None


class NewRun(Asked):
    """A run. `input` is what its graph sees as `run.input`. With `dry_run` it only shows what it would suggest."""

    input: dict[str, Any] = {}
    dry_run: bool = False

    @property
    def given(self) -> dict[str, Any]:
        """What the run is given."""
        return {**self.input, "dry_run": True} if self.dry_run else self.input


@router.get("/agents")
def list_agents(
    caller: Calling, limit: Limit = 50, cursor: Cursor = None, status: str | None = None, template: str | None = None,
    skill: Annotated[str | None, Query(description="Only those whose newest version uses it: `llm`, `mail.read`, `own.summary`.")] = None,
) -> Page[AgentOut]:  # fmt: skip
    """The person's agents; with `skill` those of the workspace that use it."""
    with caller.reading() as work:
        if skill is not None:
            if status is not None or template is not None:
                raise Invalid("api.filters_exclude", filters=["skill", "status", "template"])
            return page(agents_using(work, skill, after(cursor), limit + 1), limit, agent_out)
        rows = work.agents.page(caller.actor.user_id, after(cursor), limit + 1, status=status, template=template)
        return page(rows, limit, agent_out)


@router.post("/agents", status_code=201, response_model=AgentOut)
def make_agent(asked: NewAgent, caller: Calling) -> Response:
    """Makes an agent."""

    def change(work: Any) -> AgentOut:
        agent = _made(work, caller, asked)
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


@router.post("/agents/{agent_id}/runs", status_code=202, response_model=RunOut)
def start_run(agent_id: UUID, caller: Calling, asked: NewRun | None = None) -> Response:
    """Starts a run; it is queued when this answers."""
    wanted = asked or NewRun()

    def change(work: Any) -> RunOut:
        return run_out(start(work, caller.actor, agent_id, "manual", wanted.given))

    return caller.write(wanted, 202, change, f"agents.run {agent_id}")


def _made(work: Any, caller: Calling, asked: NewAgent) -> Agent:
    if (asked.graph is None) == (asked.template == BLANK):
        raise Invalid("api.agent_unclear")
    if asked.graph is None:
        return create_agent(work, caller.actor, asked.template, asked.name, asked.config, asked.tools)
    return compose_agent(
        work, caller.actor, contracts(), asked.name, asked.graph, description=asked.description, params=asked.config,
        tools=asked.tools, note=asked.note,
    )  # fmt: skip


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
