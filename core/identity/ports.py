"""What the identity context needs of storage."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from core.identity.models import (
    ApiKey,
    IdentityLink,
    Invitation,
    LinkCode,
    Membership,
    Session,
    SignIn,
    SlackInstallation,
    Subscription,
    User,
    UserProfile,
    Workspace,
)
from core.kernel.actor import Role, Scope
from core.kernel.due import DueItem
from core.kernel.unit_of_work import UnitOfWork


@dataclass(frozen=True)
class Known:
    """Somebody the directory knows: whom a link, session, key or code stands for. `id` is the row that was found, `secret_hash` what
    proves it where a proof is wanted."""

    id: UUID
    user_id: UUID
    workspace_id: UUID
    role: Role
    scopes: tuple[Scope, ...] = ("read", "write", "approve")
    secret_hash: str | None = None


class Directory(Protocol):
    """Answers who somebody is before a workspace is known: the only questions that look across workspaces. Each answers ids, nothing
    else; revoked, expired, deleted and suspended ones are not found. May be called outside a unit of work."""

    def by_link(self, provider: str, tenant: str, subject: str) -> Known | None: ...

    def links_of_account(self, provider: str, tenant: str, subject: str) -> list[Known]:
        """All that an account at a provider is linked as, one for each workspace; the one it speaks for now is the first."""
        ...

    def by_invitation(self, code_hash: str) -> Known | None:
        """Who invites by that code, and to which workspace."""
        ...

    def by_session(self, sid_hash: str) -> Known | None: ...

    def by_api_key(self, prefix: str) -> Known | None: ...

    def by_link_code(self, code_hash: str) -> Known | None: ...

    def by_sign_in(self, secret_hash: str) -> Known | None:
        """Whom a link or a code would sign in at the page."""
        ...

    def by_email(self, email: str) -> Known | None:
        """The person with that address in their personal workspace; letter case does not matter."""
        ...

    def by_return_code(self, code_hash: str) -> Known | None:
        """Somebody who left and may come back, by the code that they were shown."""
        ...

    def workspaces_of(self, user_id: UUID) -> list[UUID]:
        """Every workspace that a person is in, also one who left."""
        ...

    def shares(self, user_id: UUID) -> bool:
        """Whether a person is in a workspace besides the one that is just theirs, and has not left it."""
        ...

    def by_slack_team(self, team_id: str) -> DueItem | None:
        """The workspace of a Slack team, and its owner."""
        ...

    def links_of_tenant(self, provider: str, tenant: str, after: UUID, limit: int) -> list[DueItem]:
        """Accounts of a tenant (a Slack team) by id, with the workspace and person of each; `after` the nil UUID begins."""
        ...

    def by_room(self, provider: str, tenant: str, address: str) -> DueItem | None:
        """The connected room (`id`) at that address, its workspace, and who connected it."""
        ...

    def by_trigger(self, trigger_id: UUID) -> DueItem | None:
        """The workspace and owner of an active webhook."""
        ...


class Installations(Protocol):
    """Where Nod is installed at Slack: in a team (its id, no enterprise), in a whole organisation (no team, its id), and which teams of an organisation use it through that (both ids).
    Works outside of any workspace; its own short transactions."""

    def save(self, team_id: str, enterprise_id: str, facts: Mapping[str, Any]) -> None:
        """Keeps what was given, sealed, in the place of what was known of that team."""
        ...

    def renew(self, team_id: str, refresh_token: str, facts: Mapping[str, Any], enterprise_id: str = "") -> bool:
        """Keeps what came of `refresh_token`; False where that is not what is known any more: somebody was quicker, or it is not installed now."""
        ...

    def find(self, team_id: str, enterprise_id: str = "") -> SlackInstallation | None:
        """None where it is not installed, or not any more."""
        ...

    def through(self, team_id: str) -> SlackInstallation | None:
        """The team's use of its organisation's installation; None where it has none, or not any more."""
        ...

    def orgs(self) -> list[str]:
        """The organisations that installed Nod as a whole."""
        ...

    def teams_of(self, enterprise_id: str) -> list[str]:
        """The teams that use the organisation's installation."""
        ...

    def revoke(self, team_id: str, enterprise_id: str = "") -> bool:
        """Forgets the tokens. False when there were none."""
        ...

    def issue(self, state_hash: str, seconds: float) -> None:
        """An installation was begun; it may end within `seconds`."""
        ...

    def consume(self, state_hash: str) -> bool:
        """Whether it was begun here, in time, and not ended before."""
        ...

    def forget(self) -> int:
        """Removes the states that ended a day ago; answers how many."""
        ...


class People(Protocol):
    """Rows of the identity context inside one workspace. `get` methods raise NotFound `identity.<noun>_unknown`."""

    def add(
        self,
        row: User
        | UserProfile
        | IdentityLink
        | LinkCode
        | Invitation
        | SignIn
        | Session
        | ApiKey
        | Workspace
        | Membership
        | Subscription,
    ) -> None: ...

    def user(self, user_id: UUID) -> User: ...

    def profile(self, user_id: UUID) -> UserProfile: ...

    def speaker(self, user_id: UUID, link_id: UUID) -> tuple[User, UserProfile, IdentityLink]:
        """Who speaks, and through which link, in one question. Raises NotFound as `user`, `profile` and `link` do."""
        ...

    def reached(self, link_id: UUID, address: str | None) -> bool:
        """Whether the link is known to be reachable, at that address (None: wherever it is)."""
        ...

    def workspace(self) -> Workspace: ...

    def membership(self, user_id: UUID) -> Membership: ...

    def members(self) -> list[Membership]:
        """In the order in which they joined, those who left included."""
        ...

    def active_members(self) -> list[Membership]:
        """Those who did not leave, and whose account is open."""
        ...

    def links(self, user_id: UUID) -> list[IdentityLink]: ...

    def link(self, link_id: UUID) -> IdentityLink: ...

    def link_code(self, code_id: UUID) -> LinkCode:
        """Locked for this transaction, so that a code works once."""
        ...

    def invitation(self, invitation_id: UUID) -> Invitation:
        """Locked for this transaction, so that it works once."""
        ...

    def invitations(self) -> list[Invitation]:
        """Those that still work, newest first."""
        ...

    def sign_in(self, sign_in_id: UUID) -> SignIn:
        """Locked for this transaction, so that it works once."""
        ...

    def sign_ins(self, user_id: UUID) -> list[SignIn]:
        """The person's of the last day, newest first, locked. Older ones are forgotten by this."""
        ...

    def session(self, session_id: UUID) -> Session: ...

    def sessions(self, user_id: UUID) -> list[Session]:
        """Those that are neither over nor ended, newest first."""
        ...

    def api_keys(self, user_id: UUID) -> list[ApiKey]: ...

    def api_key(self, key_id: UUID) -> ApiKey: ...

    def make_data_key(self, user_id: UUID) -> None:
        """Gives a new user the key that seals their messages and events."""
        ...

    def destroy_data_key(self, user_id: UUID) -> None:
        """Makes everything that was sealed for the person unreadable, for ever. Works only in a transaction of their own."""
        ...


class IdentityWork(UnitOfWork, Protocol):
    @property
    def people(self) -> People: ...
