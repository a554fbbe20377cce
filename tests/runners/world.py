"""A small world for the runners' tests: a person with an agent and connections, real worker processes, and waiting for what happens."""

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import redis

from core.approvals.decide import approve
from core.approvals.models import ActionExecution, Suggestion
from core.approvals.propose import propose
from core.catalog.graph import Graph, Node
from core.catalog.models import Agent, AgentConfig, AgentVersion
from core.connectors.connect import connect
from core.kernel.actor import Actor
from core.kernel.ids import new_id
from core.kernel.settings import Settings
from core.messaging.post import announce
from core.orchestration.models import Run
from core.orchestration.ports import Evidence, Proposal, Words
from core.preferences.choose import consent
from storage import Storage
from tests.databases import somebody
from tests.runners.forked import Forked


@dataclass
class World:
    """A person, their agent, and a connection for each tool."""

    storage: Storage
    settings: Settings
    actor: Actor
    agent_id: UUID
    version_id: UUID
    tools: dict[str, UUID]
    maildir: Path

    def work(self) -> Any:
        """A unit of work of the person."""
        return self.storage.work(self.actor.workspace_id, self.actor.user_id)

    def suggest(self, proposal: Proposal) -> Suggestion:
        """A pending suggestion with a card in the person's chat."""
        with self.work() as work:
            run = self.run(work)
            made, refused = propose(work, run, [proposal])
            assert not refused, refused
            announce(work, self.actor.user_id, "suggestion", made[0].id)
            work.commit()
        return made[0]

    def run(self, work: Any, **fields: Any) -> Run:
        """A run row of the agent, finished unless told otherwise."""
        run = Run(
            id=new_id(), workspace_id=self.actor.workspace_id, user_id=self.actor.user_id, agent_id=self.agent_id,
            agent_version_id=self.version_id, trigger_type="manual", queued_at=work.now, created_at=work.now, due_at=work.now,
            **{"status": "succeeded", **fields},
        )  # fmt: skip
        work.runs.add(run)
        return run

    def approve(self, suggestion: Suggestion, undo_seconds: int | None = None) -> ActionExecution:
        """Approves the first revision; without waiting for the undo window unless told."""
        with self.work() as work:
            approved = approve(work, self.actor, suggestion.id, 1)
            assert approved.execution is not None
            if undo_seconds is None:
                approved.execution.status, approved.execution.due_at = "ready", work.now
            else:
                approved.execution.due_at = work.now + timedelta(seconds=undo_seconds)
            work.commit()
        return approved.execution

    def execution(self, suggestion: Suggestion) -> ActionExecution:
        """What became of it."""
        with self.work() as work:
            found = work.executions.of(suggestion.id)
            assert found is not None
            return found

    def wait_until(self, happened: Callable[[], Any], seconds: float = 60.0) -> Any:
        """Waits for bells of the person's chats until `happened` answers something true; fails after `seconds`."""
        end = time.monotonic() + seconds
        with redis.Redis.from_url(redis_address(self.settings)).pubsub() as bells:
            bells.subscribe("nod:deliveries:web")
            while True:
                answer = happened()
                if answer:
                    return answer
                left = end - time.monotonic()
                assert left > 0, "it did not happen in time"
                bells.get_message(timeout=min(left, 0.5))


def task(title: str = "Pay the dentist", key: str | None = None) -> Proposal:
    """A task, class local."""
    return _proposal("task", "task.create", "tasks", {"title": title}, key or f"task:{title}")


def event(title: str = "Lunch") -> Proposal:
    """A calendar event, class keyed."""
    times = {"start": "2030-03-04T12:00:00+01:00", "end": "2030-03-04T13:00:00+01:00"}
    return _proposal("calendar", "calendar.create", "calendar", {"title": title, **times}, f"event:{title}")


def mail(subject: str = "Re: Offer") -> Proposal:
    """A reply, class searchable."""
    sent = {"sender": "me@example.org", "to": ["kim@example.net"], "subject": subject, "body": "Yes, gladly.\n"}
    return _proposal("email", "mail.send", "mail", {**sent, "in_reply_to": "<q@example.net>"}, f"reply:{subject}")


def _proposal(type: Any, operation: str, tool: str, input: dict[str, Any], key: str) -> Proposal:
    return Proposal(
        type=type, kind=type, operation=operation, tool=tool, input=input, why=Words(code="suggestion.why.asked"),
        evidence=(Evidence(quote="Can you?", source={"kind": "mail"}),), dedupe_key=key,
    )  # fmt: skip


def make_world(storage: Storage, settings: Settings, folder: Path) -> World:
    """A person who owns an agent (of a tiny template of their own) with mail in a Maildir, a calendar folder and tasks."""
    template = settings.data_dir / "templates" / "tiny"
    template.mkdir(parents=True, exist_ok=True)
    (template / "manifest.yaml").write_text(
        "version: 1.0.0\nname: Tiny\narchetype: generic\ndescription: For tests\ndoes: []\nnever: []\ntools: []\n"
        "consents: ['data:mail']\ngraph:\n  nodes: [{id: read, skill: mail.read}]\n"
    )
    maildir = folder / "maildir"
    for part in ("cur", "new", "tmp"):
        (maildir / part).mkdir(parents=True)
    actor = somebody(storage)
    with storage.work(actor.workspace_id, actor.user_id) as work:
        consent(work, actor, "data:mail")
        tools = {
            "mail": connect(work, actor, "maildir", "", {"folder": str(maildir), "email": "me@example.org"}).id,
            "calendar": connect(work, actor, "calendar_folder", "", {}).id,
            "tasks": connect(work, actor, "tasks", "", {}).id,
        }
        agent = Agent(
            id=new_id(), workspace_id=actor.workspace_id, owner_id=actor.user_id, template="tiny", name="Tiny",
            config=AgentConfig(tools=tools), created_at=work.now,
        )  # fmt: skip
        work.agents.add(agent)
        version = AgentVersion(
            id=new_id(), workspace_id=actor.workspace_id, agent_id=agent.id, semantic_version="1.0.0",
            graph=Graph(nodes=(Node(id="read", skill="mail.read"),)),
            default_params=agent.config.model_dump(mode="json"), created_at=work.now,
        )  # fmt: skip
        work.agents.add(version)
        agent.latest_version_id = version.id
        work.commit()
    return World(storage, settings, actor, agent.id, version.id, tools, maildir)


def redis_address(settings: Settings) -> str:
    """Where the test's broker is."""
    assert settings.redis_url is not None
    return settings.redis_url.get_secret_value()


def launch(settings: Settings, what: str = "worker", **more: str) -> tuple[Forked, bool]:
    """A real process that does what `python -m runners <what>` does, and whether it said that it was ready (else it has ended before)."""
    reading, writing = os.pipe()
    assert settings.database_url is not None and settings.master_key is not None
    environment = {
        **os.environ,
        "NOD_TEST": "1",
        "NOD_DATABASE_URL": settings.database_url.get_secret_value(),
        "NOD_REDIS_URL": redis_address(settings),
        "NOD_DATA_DIR": str(settings.data_dir),
        "NOD_MASTER_KEY": settings.master_key.get_secret_value(),
        "NOD_LOG_FORMAT": "json",
        **more,
    }
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    with (settings.data_dir / f"{what}.log").open("ab") as log:
        child = Forked([what], environment, writing, log.fileno())
    os.close(writing)
    with os.fdopen(reading, "rb") as ready:
        return child, ready.readline() == b"ready\n"


def end(child: Forked) -> None:
    """Kills it if it still runs."""
    if child.poll() is None:
        child.send_signal(signal.SIGCONT)
        child.kill()
    child.wait()


@contextmanager
def process(settings: Settings, what: str = "worker", **more: str) -> Iterator[Forked]:
    """A real process that does what `python -m runners <what>` does, ready when this gives it; killed at the end if it still runs."""
    child, ready = launch(settings, what, **more)
    try:
        assert ready, (settings.data_dir / f"{what}.log").read_text()
        yield child
    finally:
        end(child)


def log_lines(settings: Settings, what: str = "worker") -> list[dict[str, Any]]:
    """What a process logged."""
    text = (settings.data_dir / f"{what}.log").read_text()
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]
