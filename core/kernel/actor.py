"""Who acts, in which workspace, through which door. Made by a door from a verified channel, never from a payload."""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from core.kernel.errors import Forbidden

Role = Literal["owner", "admin", "approver", "member", "viewer"]
Scope = Literal["read", "write", "approve"]
ALL_SCOPES: frozenset[Scope] = frozenset(("read", "write", "approve"))


@dataclass(frozen=True)
class Actor:
    """A verified person in one workspace. `surface` is the door (web, telegram, slack, api, cli); `link_id` the identity
    link they speak through, where there is one."""

    user_id: UUID
    workspace_id: UUID
    role: Role
    surface: str
    scopes: frozenset[Scope] = ALL_SCOPES
    link_id: UUID | None = None

    def need(self, scope: Scope) -> None:
        """Raises Forbidden `identity.scope_missing` without the scope, `identity.role_too_low` when a viewer wants to change something."""
        if scope not in self.scopes:
            raise Forbidden("identity.scope_missing", scope=scope)
        if scope != "read" and self.role == "viewer":
            raise Forbidden("identity.role_too_low", role=self.role)
