"""People of one workspace."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Text, bindparam, delete, func, select

from core.identity.models import (
    ApiKey,
    IdentityLink,
    Invitation,
    LinkCode,
    Membership,
    Session,
    SignIn,
    User,
    UserProfile,
    Workspace,
)
from core.kernel.errors import NotFound
from storage.foresight import ACTIVE_MEMBERS, of_person, one
from storage.prepared import Prepared
from storage.repositories.base import Repository
from storage.tables.identity import (
    identity_links,
    invitations,
    sessions,
    sign_ins,
)

REACHED = Prepared(
    select(identity_links.c.id).where(
        identity_links.c.id == bindparam("link"), identity_links.c.reachable,
        identity_links.c.address.is_not_distinct_from(func.coalesce(bindparam("address", type_=Text), identity_links.c.address)),
    )
)  # fmt: skip


class SqlPeople(Repository):
    """core.identity.ports.People."""

    def add(self, row: Any) -> None:
        self._t.session.add(row)

    def user(self, user_id: UUID) -> User:
        return self._get(User, user_id, "identity.user_unknown")

    def profile(self, user_id: UUID) -> UserProfile:
        return _found(self._one(UserProfile, user_id=user_id), "identity.profile_unknown", user_id)

    def speaker(self, user_id: UUID, link_id: UUID) -> tuple[User, UserProfile, IdentityLink]:
        self._t.foresee(*of_person(user_id), one(IdentityLink, id=link_id))
        return self.user(user_id), self.profile(user_id), self.link(link_id)

    def reached(self, link_id: UUID, address: str | None) -> bool:
        return bool(self._t.ask(REACHED(link=link_id, address=address)))

    def workspace(self) -> Workspace:
        return self._get(Workspace, self._t.workspace_id, "identity.workspace_unknown")

    def membership(self, user_id: UUID) -> Membership:
        return _found(self._one(Membership, user_id=user_id), "identity.membership_unknown", user_id)

    def members(self) -> list[Membership]:
        return self._those(Membership)

    def active_members(self) -> list[Membership]:
        return self._t.load(ACTIVE_MEMBERS)

    def links(self, user_id: UUID) -> list[IdentityLink]:
        return self._those(IdentityLink, user_id=user_id)

    def link(self, link_id: UUID) -> IdentityLink:
        return self._get(IdentityLink, link_id, "identity.link_unknown")

    def link_code(self, code_id: UUID) -> LinkCode:
        return self._lock(LinkCode, code_id, "identity.link_code_unknown")

    def invitation(self, invitation_id: UUID) -> Invitation:
        return self._lock(Invitation, invitation_id, "identity.invitation_unknown")

    def invitations(self) -> list[Invitation]:
        c = invitations.c
        works = (c.used_at.is_(None), c.revoked_at.is_(None), c.expires_at > self._t.now)
        return self._all(Invitation, *works, order=(c.id.desc(),))

    def sign_in(self, sign_in_id: UUID) -> SignIn:
        return self._lock(SignIn, sign_in_id, "identity.link_code_unknown")

    def sign_ins(self, user_id: UUID) -> list[SignIn]:
        c, day_ago = sign_ins.c, self._t.now - timedelta(days=1)
        self._t.flush()
        self._t.session.execute(
            delete(sign_ins).where(c.user_id == user_id, c.created_at < day_ago),
            execution_options={"synchronize_session": False},
        )
        mine = select(SignIn).where(c.user_id == user_id).order_by(c.id.desc()).with_for_update()
        return list(self._t.session.scalars(mine.execution_options(populate_existing=True)))

    def session(self, session_id: UUID) -> Session:
        return self._get(Session, session_id, "identity.session_unknown")

    def sessions(self, user_id: UUID) -> list[Session]:
        c = sessions.c
        here = (c.user_id == user_id, c.revoked_at.is_(None), c.expires_at > self._t.now)
        return self._all(Session, *here, order=(c.id.desc(),))

    def api_keys(self, user_id: UUID) -> list[ApiKey]:
        return self._those(ApiKey, user_id=user_id)

    def api_key(self, key_id: UUID) -> ApiKey:
        return self._get(ApiKey, key_id, "identity.api_key_unknown")

    def make_data_key(self, user_id: UUID) -> None:
        self._t.flush()
        self._t.seals.make(user_id, self._t.now)

    def destroy_data_key(self, user_id: UUID) -> None:
        self._t.seals.destroy(user_id, self._t.now)


def _found(row: Any, unknown: str, user_id: UUID) -> Any:
    if row is None:
        raise NotFound(unknown, id=str(user_id))
    return row
