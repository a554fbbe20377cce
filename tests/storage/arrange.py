"""What storage tests begin with: an agent, a run, a suggestion, an approved action, each through the front door of storage."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg

from core.approvals.canonical import sha256
from core.approvals.models import Action, ActionExecution, Approval, Suggestion, SuggestionRevision
from core.catalog.graph import Graph, Node
from core.catalog.models import Agent, AgentConfig, AgentVersion
from core.connectors.models import Connection
from core.kernel.actor import Actor
from core.kernel.ids import new_id
from core.kernel.settings import Settings
from core.messaging.models import Delivery, Message
from core.orchestration.models import Run
from storage import Storage
from storage.addresses import app_password
from storage.context import ContextSigner
from storage.master_key import master_keys


def app_connection(settings: Settings, **options: Any) -> psycopg.Connection[Any]:
    """A connection as the app role, with no context."""
    assert settings.database_url is not None
    return psycopg.connect(
        settings.database_url.get_secret_value(),
        user="nod_app",
        password=app_password(master_keys(settings)),
        **options,
    )


def enter(connection: psycopg.Connection[Any], settings: Settings, actor: Actor, seconds: int = 60) -> None:
    """Begins a transaction under the actor's signed context, as storage does."""
    now = connection.execute("SELECT extract(epoch FROM clock_timestamp())::bigint").fetchone()
    assert now is not None
    signed = ContextSigner(master_keys(settings)[-1]).sign(actor.workspace_id, actor.user_id, now[0] + seconds)
    connection.execute("SELECT set_config('nod.context', %s, true)", (signed,))


def an_agent(storage: Storage, actor: Actor) -> Agent:
    with storage.work(actor.workspace_id, actor.user_id) as work:
        agent = Agent(new_id(), actor.workspace_id, actor.user_id, "inbox", "Inbox", AgentConfig(), work.now)
        version = AgentVersion(
            new_id(),
            actor.workspace_id,
            agent.id,
            "1.0.0",
            Graph(nodes=(Node(id="a", skill="mail.fetch"),)),
            {},
            work.now,
        )
        work.agents.add(agent)
        work.agents.add(version)
        agent.latest_version_id = version.id
        work.commit()
    return agent


def a_run(storage: Storage, actor: Actor, agent: Agent | None = None, **fields: Any) -> Run:
    agent = agent or an_agent(storage, actor)
    assert agent.latest_version_id is not None
    with storage.work(actor.workspace_id, actor.user_id) as work:
        run = Run(
            new_id(), actor.workspace_id, actor.user_id, agent.id, agent.latest_version_id, "manual", work.now, work.now,
            **{"due_at": work.now} | fields,
        )  # fmt: skip
        work.runs.add(run)
        work.commit()
    return run


def a_connection(storage: Storage, actor: Actor, **fields: Any) -> Connection:
    with storage.work(actor.workspace_id, actor.user_id) as work:
        connection = Connection(
            new_id(), actor.workspace_id, actor.user_id, "maildir", "Mail", {"path": "/mail"}, work.now, **fields
        )
        work.connections.add(connection)
        work.commit()
    return connection


def an_action(connection: Connection, text: str = "Yes, Tuesday suits me.") -> Action:
    return Action(operation="mail.send", connection_id=connection.id, input={"body": text, "to": ["a@example.org"]})


def a_revision(work: Any, suggestion: Suggestion, action: Action, number: int = 1) -> SuggestionRevision:
    return SuggestionRevision(
        new_id(), suggestion.workspace_id, suggestion.id, number, action, sha256(action), "agent", suggestion.agent_id, work.now
    )  # fmt: skip


def a_suggestion(
    storage: Storage, actor: Actor, *, key: str = "reply:1", run: Run | None = None, text: str = "Yes, Tuesday suits me.", **fields: Any
) -> tuple[Suggestion, SuggestionRevision]:  # fmt: skip
    run = run or a_run(storage, actor)
    connection = a_connection(storage, actor)
    with storage.work(actor.workspace_id, actor.user_id) as work:
        fields = {"expires_at": work.now + timedelta(days=7)} | fields
        suggestion = Suggestion(
            new_id(), actor.workspace_id, actor.user_id, run.id, run.agent_id, "email", "mail.reply", "medium",
            {"code": "why.question"}, [{"quote": "can you?"}], ["a@example.org"], key, work.now, **fields,
        )  # fmt: skip
        revision = a_revision(work, suggestion, an_action(connection, text))
        assert work.suggestions.add(suggestion, revision)
        work.commit()
    return suggestion, revision


def an_approval(work: Any, actor: Actor, shown: SuggestionRevision, **fields: Any) -> Approval:
    return Approval(
        **{
            "id": new_id(), "workspace_id": actor.workspace_id, "suggestion_id": shown.suggestion_id, "revision": shown.number,
            "payload_sha256": shown.payload_sha256, "user_id": actor.user_id, "decision": "approve", "decided_at": work.now,
            "surface": "web",
        } | fields
    )  # fmt: skip


def an_execution_of(work: Any, approval: Approval, connection_id: UUID, **fields: Any) -> ActionExecution:
    return ActionExecution(
        **{
            "id": new_id(), "workspace_id": approval.workspace_id, "suggestion_id": approval.suggestion_id, "approval_id": approval.id,
            "connection_id": connection_id, "key": approval.id.hex, "status": "ready", "created_at": work.now, "due_at": work.now,
        } | fields
    )  # fmt: skip


def an_execution(storage: Storage, actor: Actor, **fields: Any) -> ActionExecution:
    _, revision = a_suggestion(storage, actor, key=new_id().hex)
    with storage.work(actor.workspace_id, actor.user_id) as work:
        approval = an_approval(work, actor, revision)
        work.suggestions.approve(approval)
        execution = an_execution_of(work, approval, revision.action.connection_id, **fields)
        work.executions.add(execution)
        work.commit()
    return execution


def a_message(work: Any, actor: Actor, text: str, **fields: Any) -> Message:
    return Message(
        **{
            "id": new_id(), "workspace_id": actor.workspace_id, "user_id": actor.user_id, "direction": "in", "surface": "web",
            "payload": {"text": text}, "created_at": work.now, "link_id": actor.link_id,
        } | fields
    )  # fmt: skip


def a_delivery(storage: Storage, actor: Actor, **fields: Any) -> Delivery:
    assert actor.link_id is not None
    with storage.work(actor.workspace_id, actor.user_id) as work:
        delivery = Delivery(
            **{
                "id": new_id(), "workspace_id": actor.workspace_id, "user_id": actor.user_id, "link_id": actor.link_id,
                "channel": "web", "subject_kind": "run", "subject_id": new_id(), "created_at": work.now, "due_at": work.now,
            } | fields
        )  # fmt: skip
        work.messages.deliver(delivery)
        work.commit()
    return delivery
