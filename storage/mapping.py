"""Aggregates that change, mapped onto their tables: identity, change tracking and optimistic versions are SQLAlchemy's.

Frozen ones are rows in and rows out (storage.rows). Importing this instruments the classes of core; core does not know.
"""

from functools import wraps
from typing import Any

from sqlalchemy import ARRAY, Table, event
from sqlalchemy.orm import Mapper, attributes, registry

from core.approvals.models import ActionExecution, ApprovalPolicy, Batch, BatchItem, Delegation, Rewrite, Suggestion
from core.catalog.models import Agent, OwnSkill
from core.connectors.models import Connection, Credential
from core.connectors.tasks import Task
from core.identity.models import (
    ApiKey,
    IdentityLink,
    Invitation,
    LinkCode,
    Membership,
    Session,
    SignIn,
    Subscription,
    User,
    UserProfile,
    Workspace,
)
from core.messaging.models import Delivery, Room, RoomAgent, SetAside
from core.orchestration.models import Run
from core.preferences.models import UserConsent, UserContext, UserPreference
from core.privacy.models import PrivacyRequest
from core.workflows.models import Pack, Question, Trigger, Workflow, WorkflowExecution
from storage.tables import (
    approvals,
    catalog,
    connectors,
    identity,
    messaging,
    orchestration,
    preferences,
    privacy,
    workflows,
)
from storage.values import Value, dumps

MAPPED: dict[type, Table] = {
    User: identity.users,
    UserProfile: identity.user_profiles,
    Workspace: identity.workspaces,
    Membership: identity.memberships,
    IdentityLink: identity.identity_links,
    Invitation: identity.invitations,
    LinkCode: identity.link_codes,
    SignIn: identity.sign_ins,
    Session: identity.sessions,
    ApiKey: identity.api_keys,
    Subscription: identity.subscriptions,
    UserPreference: preferences.user_preferences,
    UserConsent: preferences.user_consents,
    UserContext: preferences.user_contexts,
    Agent: catalog.agents,
    OwnSkill: catalog.skills,
    Pack: workflows.packs,
    Workflow: workflows.workflows,
    WorkflowExecution: workflows.workflow_executions,
    Question: workflows.questions,
    Trigger: workflows.triggers,
    Run: orchestration.runs,
    Suggestion: approvals.suggestions,
    ActionExecution: approvals.action_executions,
    ApprovalPolicy: approvals.approval_policies,
    Delegation: approvals.delegations,
    Rewrite: approvals.rewrites,
    Batch: approvals.suggestion_batches,
    BatchItem: approvals.suggestion_batch_items,
    Credential: connectors.credentials,
    Connection: connectors.connections,
    Task: connectors.tasks,
    Delivery: messaging.deliveries,
    PrivacyRequest: privacy.privacy_requests,
    Room: messaging.rooms,
    RoomAgent: messaging.room_agents,
    SetAside: messaging.given_up,
}

aggregates = registry()
LOADED = "loaded"
_SEEN = "values as they were"
_VALUES: dict[type, tuple[str, ...]] = {}


def _fill_at_once(aggregate: type) -> None:
    """Lets a new aggregate hold its values without telling the mapper of each: it is going to write all of them."""
    fill = aggregate.__init__

    def init(self: Any, *given: Any, **named: Any) -> None:
        values = _Values()
        fill(values, *given, **named)
        self.__dict__.update(values.__dict__)

    aggregate.__init__ = wraps(fill)(init)


class _Values:
    """What a dataclass is filled with."""


def _map(aggregate: type, table: Table) -> Mapper[Any]:
    _fill_at_once(aggregate)
    versions: dict[str, Any] = {}
    if "version" in table.c:
        versions = {"version_id_col": table.c.version}
    hidden = [column.name for column in table.c if column.computed is not None]
    return aggregates.map_imperatively(
        aggregate, table, primary_key=[table.c.id], exclude_properties=hidden, **versions
    )


def remember_values(aggregate: Any) -> None:
    """Keeps what the JSON and list values are now: changed in place, they would be lost silently (see `find_silent_changes`)."""
    attributes.instance_state(aggregate).info[_SEEN] = {
        name: dumps(aggregate.__dict__[name]) for name in _VALUES[type(aggregate)] if name in aggregate.__dict__
    }


def loaded(aggregate: Any, session: Any) -> None:
    """An aggregate came from the database: what it holds is remembered, and it is kept until the end."""
    if _VALUES[type(aggregate)]:
        remember_values(aggregate)
        # The identity map holds what nobody changed only weakly; nobody has noticed these changes yet.
        session.info.setdefault(LOADED, []).append(aggregate)


def _loaded(aggregate: Any, context: Any, *_: Any) -> None:
    loaded(aggregate, context.session)


def find_silent_changes(aggregate: Any) -> None:
    """Marks the values of an aggregate that were changed in place since they were remembered."""
    state = attributes.instance_state(aggregate)
    for name, before in state.info.get(_SEEN, {}).items():
        if dumps(aggregate.__dict__.get(name)) != before:
            attributes.flag_modified(aggregate, name)


for _aggregate, _table in MAPPED.items():
    _map(_aggregate, _table)
    _VALUES[_aggregate] = tuple(column.name for column in _table.c if isinstance(column.type, Value | ARRAY))
    if _VALUES[_aggregate]:
        event.listen(_aggregate, "load", _loaded)
        event.listen(_aggregate, "refresh", _loaded)
aggregates.configure()
