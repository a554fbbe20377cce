"""Aggregates that change, mapped onto their tables: identity, change tracking and optimistic versions are SQLAlchemy's.

Frozen ones are rows in and rows out (storage.rows). Importing this instruments the classes of core; core does not know.
"""

from typing import Any

from sqlalchemy import Table, event
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapper, attributes, registry

from core.approvals.models import ActionExecution, ApprovalPolicy, Suggestion
from core.catalog.models import Agent
from core.connectors.models import Connection, Credential
from core.connectors.tasks import Task
from core.identity.models import (
    ApiKey,
    IdentityLink,
    LinkCode,
    Membership,
    Session,
    Subscription,
    User,
    UserProfile,
    Workspace,
)
from core.messaging.models import Delivery
from core.orchestration.models import Run
from core.preferences.models import UserConsent, UserContext, UserPreference
from core.workflows.models import Trigger
from storage.tables import approvals, catalog, connectors, identity, messaging, orchestration, preferences, workflows
from storage.values import Value, dumps

MAPPED: dict[type, Table] = {
    User: identity.users,
    UserProfile: identity.user_profiles,
    Workspace: identity.workspaces,
    Membership: identity.memberships,
    IdentityLink: identity.identity_links,
    LinkCode: identity.link_codes,
    Session: identity.sessions,
    ApiKey: identity.api_keys,
    Subscription: identity.subscriptions,
    UserPreference: preferences.user_preferences,
    UserConsent: preferences.user_consents,
    UserContext: preferences.user_contexts,
    Agent: catalog.agents,
    Trigger: workflows.triggers,
    Run: orchestration.runs,
    Suggestion: approvals.suggestions,
    ActionExecution: approvals.action_executions,
    ApprovalPolicy: approvals.approval_policies,
    Credential: connectors.credentials,
    Connection: connectors.connections,
    Task: connectors.tasks,
    Delivery: messaging.deliveries,
}

aggregates = registry()
_SEEN = "nod_values_as_loaded"


def _map(aggregate: type, table: Table) -> Mapper[Any]:
    versions: dict[str, Any] = {}
    if "version" in table.c:
        versions = {"version_id_col": table.c.version}
    hidden = [column.name for column in table.c if column.computed is not None]
    return aggregates.map_imperatively(
        aggregate, table, primary_key=[table.c.id], exclude_properties=hidden, **versions
    )


def _remember_values(mapper: Mapper[Any]) -> None:
    """JSON and lists that are changed in place would be lost silently: they are compared with what was loaded (see `find_silent_changes`)."""
    names = tuple(c.name for c in mapper.local_table.c if isinstance(c.type, Value | ARRAY) and c.computed is None)
    if not names:
        return

    def loaded(target: Any, *_: Any) -> None:
        attributes.instance_state(target).info[_SEEN] = {
            name: dumps(target.__dict__[name]) for name in names if name in target.__dict__
        }

    event.listen(mapper.class_, "load", loaded)
    event.listen(mapper.class_, "refresh", loaded)


def find_silent_changes(target: Any) -> None:
    """Marks the values of a loaded aggregate that were changed in place."""
    state = attributes.instance_state(target)
    for name, before in state.info.get(_SEEN, {}).items():
        if dumps(target.__dict__.get(name)) != before:
            attributes.flag_modified(target, name)
            state.info[_SEEN][name] = dumps(target.__dict__.get(name))


for _aggregate, _table in MAPPED.items():
    _remember_values(_map(_aggregate, _table))
aggregates.configure()
