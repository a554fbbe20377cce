"""What is asked next, as a rule, by whoever has just asked for something: it travels along, instead of one round trip each. Foreseeing wrongly costs PostgreSQL a look that nobody
needed; nothing else depends on it (storage.transaction)."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, literal_column, select

from core.approvals.models import ActionExecution, Delegation, Suggestion
from core.catalog.models import Agent
from core.connectors.models import Connection
from core.identity.models import IdentityLink, Membership, User, UserProfile, Workspace
from core.messaging.models import Delivery
from core.preferences.models import UserContext
from storage.engine import Ask
from storage.loading import Loading, equal
from storage.prepared import Prepared
from storage.seals import KEY
from storage.tables.approvals import approvals, delegations, suggestions
from storage.tables.approvals import suggestion_revisions as revisions
from storage.tables.identity import memberships, users
from storage.tables.messaging import messages

MESSAGE = Prepared(select(messages).where(messages.c.id == bindparam("id")))
DECISIONS = Prepared(
    select(approvals)
    .where(approvals.c.suggestion_id == bindparam("suggestion_id"))
    .order_by(approvals.c.decided_at, approvals.c.id)
)
_newest = select(suggestions.c.revision).where(suggestions.c.id == bindparam("suggestion_id")).scalar_subquery()
REVISION_NOW = Prepared(
    select(revisions).where(revisions.c.suggestion_id == bindparam("suggestion_id"), revisions.c.number == _newest)
)
ACTIVE_MEMBERS = Loading(
    Membership,
    select(memberships)
    .join(users, users.c.id == memberships.c.user_id)
    .where(users.c.status == literal_column("'active'"), memberships.c.left_at.is_(None))
    .order_by(memberships.c.id),
)
ACTIVE_DELEGATIONS = Loading(
    Delegation,
    select(delegations)
    .where(delegations.c.revoked_at.is_(None), delegations.c.until > bindparam("now"))
    .order_by(delegations.c.id),
)


def one(of: type, /, **same: object) -> Ask:
    """What Repository._one asks."""
    return equal(of, tuple(same), None, 1)(**same)


def of_person(user_id: UUID) -> list[Ask]:
    """Of somebody who is spoken to, or was heard."""
    return [one(User, id=user_id), one(UserProfile, user_id=user_id), KEY(user_id=user_id)]


def of_delivery(delivery: Delivery) -> list[Ask]:
    """Of a delivery that was claimed, to be drawn."""
    asked = [one(Membership, user_id=delivery.user_id), one(Workspace, id=delivery.workspace_id)]
    if delivery.link_id is not None:
        asked.append(one(IdentityLink, id=delivery.link_id))
    if delivery.agent_id is not None:
        asked.append(one(Agent, id=delivery.agent_id))
    if not delivery.shown:
        asked.append(equal(UserContext, ("user_id",), "id")(user_id=delivery.user_id))
    if delivery.subject_kind == "suggestion":
        asked += [one(Suggestion, id=delivery.subject_id), *of_suggestion(delivery.subject_id)]
        asked.append(equal(ActionExecution, ("suggestion_id",), "-id", 1)(suggestion_id=delivery.subject_id))
    elif delivery.subject_kind == "message":
        asked.append(MESSAGE(id=delivery.subject_id))
    return asked


def of_suggestion(suggestion_id: UUID) -> list[Ask]:
    """Of a suggestion that is decided about, or shown."""
    return [REVISION_NOW(suggestion_id=suggestion_id), DECISIONS(suggestion_id=suggestion_id)]


def of_action(connection_id: UUID, agent_id: UUID) -> list[Ask]:
    """Of an action that is known, and whose it is."""
    return [one(Connection, id=connection_id), one(Agent, id=agent_id)]


def of_rule(now: datetime) -> list[Ask]:
    """Of a policy: whom it names."""
    return [ACTIVE_MEMBERS(), ACTIVE_DELEGATIONS(now=now)]


def of_execution(execution: ActionExecution, user_id: UUID) -> list[Ask]:
    """Of an execution that was claimed or locked, of somebody's suggestion."""
    return [
        one(User, id=user_id), KEY(user_id=user_id),
        one(Suggestion, id=execution.suggestion_id), *of_suggestion(execution.suggestion_id),
        one(Connection, id=execution.connection_id), one(Workspace, id=execution.workspace_id),
    ]  # fmt: skip
