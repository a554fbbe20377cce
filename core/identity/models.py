"""People, the ways they speak to Nod, and the workspaces that keep their things apart."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from core.kernel.actor import Role, Scope

Provider = Literal["telegram", "slack", "google", "apple", "email", "web"]
Tone = Literal["direct", "gentle", "motivational"]
Tier = Literal["free", "personal_pro", "family", "creator", "enterprise"]


class QuietHours(BaseModel):
    """Local times (`22:00`) between which nothing but what is urgent is sent."""

    model_config = ConfigDict(frozen=True)

    start: str = Field(default="22:00", pattern=r"^([01]\d|2[0-3]):[0-5]\d$")
    end: str = Field(default="07:00", pattern=r"^([01]\d|2[0-3]):[0-5]\d$")
    enabled: bool = False


class NotificationPreferences(BaseModel):
    """How a person wants to hear from Nod."""

    model_config = ConfigDict(frozen=True)

    email_enabled: bool = False
    sms_enabled: bool = False
    in_app_enabled: bool = True
    frequency: Literal["immediate", "hourly", "daily"] = "immediate"
    quiet_hours: QuietHours = QuietHours()


class PrivacySettings(BaseModel):
    """What a person lets Nod keep. `data_retention_days` counts from the day a thing was made."""

    model_config = ConfigDict(frozen=True)

    data_retention_days: int = Field(default=365, ge=1, le=3650)
    auto_delete_enabled: bool = False
    export_enabled: bool = True


@dataclass
class User:
    """A person. `email` is unique without regard to case."""

    id: UUID
    email: str
    created_at: datetime
    name: str = ""
    preferred_name: str | None = None
    email_verified_at: datetime | None = None
    status: Literal["active", "suspended", "deleted"] = "active"
    last_login_at: datetime | None = None
    deleted_at: datetime | None = None
    version: int = 1


@dataclass
class UserProfile:
    """How a person is spoken to. `timezone` is an IANA name, `language` a BCP 47 tag; `settled_at` when they confirmed both."""

    id: UUID
    user_id: UUID
    timezone: str
    language: str
    created_at: datetime
    tone: Tone = "gentle"
    tip_kinds: list[str] = field(default_factory=list)
    notification_preferences: NotificationPreferences = NotificationPreferences()
    privacy_settings: PrivacySettings = PrivacySettings()
    settled_at: datetime | None = None
    version: int = 1


@dataclass
class IdentityLink:
    """One way a person speaks: their account at a provider. `address` is where to deliver to (a chat id), None when it cannot
    receive; `reachable` turns false when the platform says that the person blocked us. An account has a link in each workspace in which its person speaks through it:
    the first under its plain name, further ones with the workspace's id in `provider_tenant`; what is said there goes to the one that was `chosen_at` last."""

    id: UUID
    user_id: UUID
    workspace_id: UUID
    provider: Provider
    provider_subject: str
    created_at: datetime
    provider_tenant: str = ""
    address: str | None = None
    reachable: bool = True
    chosen_at: datetime | None = None
    version: int = 1

    @property
    def tenant(self) -> str:
        """The provider's own name of the tenant (a Slack team); empty where its accounts have none. See `further_tenant`."""
        if self.provider_tenant == str(self.workspace_id):
            return ""
        return self.provider_tenant.partition("/")[0]


def further_tenant(tenant: str, workspace_id: UUID) -> str:
    """What stands as `provider_tenant` in the rows of an account that are not its first one."""
    return f"{tenant}/{workspace_id}" if tenant else str(workspace_id)


@dataclass
class LinkCode:
    """A one-time code, shown on a surface that is linked already, that links a second one. Only its hash is kept."""

    id: UUID
    user_id: UUID
    workspace_id: UUID
    code_hash: str
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None = None


@dataclass
class Invitation:
    """A one-time code that lets whoever has it join the workspace with that role. Only its hash is kept; `user_id` made it, `used_by` came by it."""

    id: UUID
    user_id: UUID
    workspace_id: UUID
    role: Role
    code_hash: str
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None = None
    used_by: UUID | None = None
    revoked_at: datetime | None = None


@dataclass
class SignIn:
    """A way into the page that works once: a link and a code, of which only hashes are kept. `way` says who vouches for the person: a chat that is linked
    already, their mailbox (`address`), or, for `verify`, they themselves, who say that `address` is theirs. `tries` counts wrong codes where these can be counted."""

    id: UUID
    user_id: UUID
    workspace_id: UUID
    way: Literal["chat", "mail", "verify"]
    token_hash: str
    code_hash: str
    created_at: datetime
    expires_at: datetime
    address: str | None = None
    tries: int = 0
    used_at: datetime | None = None


@dataclass
class Session:
    """A signed-in browser. `sid` is stored as a hash. `browser` is what it called itself, in few words (`Firefox on Linux`); `way` is how it was signed in;
    `seen_at` when it was here, to the quarter of an hour."""

    id: UUID
    user_id: UUID
    workspace_id: UUID
    sid: str
    issued_at: datetime
    expires_at: datetime
    browser: str = ""
    way: Literal["address", "chat", "mail"] = "address"
    seen_at: datetime | None = None
    revoked_at: datetime | None = None


@dataclass
class ApiKey:
    """A key for programs; it acts for the person who made it. `prefix` finds it, `hash` proves it; the secret is shown once."""

    id: UUID
    workspace_id: UUID
    user_id: UUID
    name: str
    prefix: str
    hash: str
    scopes: list[Scope]
    created_at: datetime
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None
    version: int = 1


@dataclass(frozen=True)
class SlackInstallation:
    """Nod in one Slack team. `facts` are what Slack gave when it was installed, the bot's token among it; sealed at rest, dropped when Slack revokes it."""

    id: UUID
    team_id: str
    enterprise_id: str
    facts: dict[str, Any] | None
    installed_at: datetime
    revoked_at: datetime | None = None


@dataclass(frozen=True)
class OauthState:
    """That an installation was begun here: named once at its end, and only in time. Only its hash is kept."""

    id: UUID
    state_hash: str
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None = None


@dataclass
class Workspace:
    """The boundary of isolation: everything belongs to one workspace. One `personal` workspace a person."""

    id: UUID
    owner_id: UUID
    kind: Literal["personal", "family", "team"]
    name: str
    created_at: datetime
    status: Literal["active", "suspended", "cancelled"] = "active"
    slack_team_id: str | None = None
    version: int = 1


@dataclass
class Membership:
    """A person's role in a workspace. `left_at`: they left it, or were removed; what they did stays theirs."""

    id: UUID
    workspace_id: UUID
    user_id: UUID
    role: Role
    created_at: datetime
    left_at: datetime | None = None
    version: int = 1


@dataclass
class Subscription:
    """What a workspace pays for."""

    id: UUID
    workspace_id: UUID
    tier: Tier
    status: Literal["active", "cancelled", "expired"]
    start: datetime
    created_at: datetime
    end: datetime | None = None
    billing_cycle: Literal["monthly", "annual"] = "monthly"
    version: int = 1
