"""People, their ways in, workspaces, and the data keys that seal what is theirs."""

from sqlalchemy import Index, Table, func
from sqlalchemy import text as sql

from core.identity.models import (
    IdentityLink,
    Invitation,
    Membership,
    NotificationPreferences,
    PrivacySettings,
    Session,
    SignIn,
    Subscription,
    User,
    UserProfile,
    Workspace,
)
from storage.tables.access import AT_THE_DOOR, MINE, WORKSPACE, access
from storage.tables.base import (
    belongs,
    flag,
    holds,
    key,
    metadata,
    number,
    one_of,
    refers,
    sealed,
    sealing_key,
    text,
    texts,
    uid,
    unique,
    value,
    when,
)

COLLEAGUES = f"(SELECT m.user_id FROM nod.memberships m WHERE m.{WORKSPACE})"  # noqa: S608
MY_ROW = f"{WORKSPACE} AND {MINE}"

users = Table(
    "users",
    metadata,
    uid("id"),
    text("email"),
    text("name"),
    text("preferred_name", null=True),
    when("email_verified_at", null=True),
    text("status"),
    when("last_login_at", null=True),
    when("deleted_at", null=True),
    when("created_at"),
    number("version"),
    key("users", "id"),
    one_of("users", User, "status"),
)
Index("users_email_once", func.lower(users.c.email), unique=True)

user_profiles = Table(
    "user_profiles",
    metadata,
    uid("id"),
    uid("user_id"),
    text("timezone"),
    text("language"),
    text("tone"),
    texts("tip_kinds"),
    value("notification_preferences", NotificationPreferences),
    value("privacy_settings", PrivacySettings),
    when("settled_at", null=True),
    when("created_at"),
    number("version"),
    key("user_profiles", "user_id", "id"),
    unique("user_profiles", "user_id"),
    belongs("user_profiles", "user_id", "users", on_delete="CASCADE"),
    one_of("user_profiles", UserProfile, "tone"),
)

data_keys = Table(
    "data_keys",
    metadata,
    uid("user_id"),
    sealed("wrapped", null=True),
    text("master_key_id"),
    number("key_version"),
    when("created_at"),
    when("destroyed_at", null=True),
    key("data_keys", "user_id"),
    belongs("data_keys", "user_id", "users"),
)

workspaces = Table(
    "workspaces",
    metadata,
    uid("id"),
    uid("owner_id"),
    text("kind"),
    text("name"),
    text("status"),
    text("slack_team_id", null=True),
    when("created_at"),
    number("version"),
    key("workspaces", "id"),
    belongs("workspaces", "owner_id", "users"),
    one_of("workspaces", Workspace, "kind"),
    one_of("workspaces", Workspace, "status"),
)
Index(
    "workspaces_slack_team_once",
    workspaces.c.slack_team_id,
    unique=True,
    postgresql_where=sql("slack_team_id IS NOT NULL"),
)
Index("workspaces_personal_once", workspaces.c.owner_id, unique=True, postgresql_where=sql("kind = 'personal'"))

memberships = Table(
    "memberships",
    metadata,
    uid("id"),
    uid("workspace_id"),
    uid("user_id"),
    text("role"),
    when("created_at"),
    when("left_at", null=True),
    number("version"),
    key("memberships"),
    unique("memberships", "workspace_id", "user_id"),
    belongs("memberships", "workspace_id", "workspaces", on_delete="CASCADE"),
    belongs("memberships", "user_id", "users"),
    one_of("memberships", Membership, "role"),
)
Index("memberships_of_user", memberships.c.user_id)

identity_links = Table(
    "identity_links",
    metadata,
    uid("id"),
    uid("user_id"),
    uid("workspace_id"),
    text("provider"),
    text("provider_subject"),
    text("provider_tenant"),
    text("address", null=True),
    flag("reachable"),
    when("chosen_at", null=True),
    when("created_at"),
    number("version"),
    key("identity_links"),
    unique("identity_links", "provider", "provider_tenant", "provider_subject"),
    refers("identity_links", ["user_id"], "memberships", ["user_id"], on_delete="CASCADE"),
    one_of("identity_links", IdentityLink, "provider"),
)

Index("identity_links_of_subject", identity_links.c.provider_subject, identity_links.c.provider)
Index(
    "identity_links_of_tenant",
    identity_links.c.provider,
    func.split_part(identity_links.c.provider_tenant, "/", 1),
    identity_links.c.id,
)

invitations = Table(
    "invitations",
    metadata,
    uid("id"),
    uid("user_id"),
    uid("workspace_id"),
    text("role"),
    text("code_hash"),
    when("created_at"),
    when("expires_at"),
    when("used_at", null=True),
    uid("used_by", null=True),
    when("revoked_at", null=True),
    key("invitations"),
    unique("invitations", "code_hash"),
    refers("invitations", ["user_id"], "memberships", ["user_id"], on_delete="CASCADE"),
    one_of("invitations", Invitation, "role"),
    holds("invitations", "role <> 'owner'", "no_owner"),
    holds("invitations", "(used_at IS NULL) = (used_by IS NULL)", "used_by_somebody"),
)
Index(
    "invitations_open",
    invitations.c.workspace_id,
    invitations.c.expires_at,
    postgresql_where=sql("used_at IS NULL AND revoked_at IS NULL"),
)

link_codes = Table(
    "link_codes",
    metadata,
    uid("id"),
    uid("user_id"),
    uid("workspace_id"),
    text("code_hash"),
    when("created_at"),
    when("expires_at"),
    when("used_at", null=True),
    key("link_codes"),
    unique("link_codes", "code_hash"),
    refers("link_codes", ["user_id"], "memberships", ["user_id"], on_delete="CASCADE"),
)

sign_ins = Table(
    "sign_ins",
    metadata,
    uid("id"),
    uid("user_id"),
    uid("workspace_id"),
    text("way"),
    text("token_hash"),
    text("code_hash"),
    text("address", null=True),
    number("tries"),
    when("created_at"),
    when("expires_at"),
    when("used_at", null=True),
    key("sign_ins"),
    unique("sign_ins", "token_hash"),
    unique("sign_ins", "code_hash"),
    refers("sign_ins", ["user_id"], "memberships", ["user_id"], on_delete="CASCADE"),
    one_of("sign_ins", SignIn, "way"),
)
Index("sign_ins_of_user", sign_ins.c.workspace_id, sign_ins.c.user_id)

sessions = Table(
    "sessions",
    metadata,
    uid("id"),
    uid("user_id"),
    uid("workspace_id"),
    text("sid"),
    when("issued_at"),
    when("expires_at"),
    text("browser"),
    text("way"),
    when("seen_at", null=True),
    when("revoked_at", null=True),
    key("sessions"),
    unique("sessions", "sid"),
    refers("sessions", ["user_id"], "memberships", ["user_id"], on_delete="CASCADE"),
    one_of("sessions", Session, "way"),
)
Index("sessions_of_user", sessions.c.workspace_id, sessions.c.user_id)

api_keys = Table(
    "api_keys",
    metadata,
    uid("id"),
    uid("workspace_id"),
    uid("user_id"),
    text("name"),
    text("prefix"),
    text("hash"),
    texts("scopes"),
    when("created_at"),
    when("last_used_at", null=True),
    when("revoked_at", null=True),
    number("version"),
    key("api_keys"),
    unique("api_keys", "prefix"),
    refers("api_keys", ["user_id"], "memberships", ["user_id"], on_delete="CASCADE"),
)

subscriptions = Table(
    "subscriptions",
    metadata,
    uid("id"),
    uid("workspace_id"),
    text("tier"),
    text("status"),
    when("start"),
    when("end", null=True),
    text("billing_cycle"),
    when("created_at"),
    number("version"),
    key("subscriptions"),
    belongs("subscriptions", "workspace_id", "workspaces", on_delete="CASCADE"),
    one_of("subscriptions", Subscription, "tier"),
    one_of("subscriptions", Subscription, "status"),
    one_of("subscriptions", Subscription, "billing_cycle"),
)
Index(
    "subscriptions_active_once",
    subscriptions.c.workspace_id,
    unique=True,
    postgresql_where=sql("status = 'active'"),
)

slack_installations = Table(
    "slack_installations",
    metadata,
    uid("id"),
    text("team_id"),
    text("enterprise_id"),
    sealed("facts", null=True),
    when("installed_at"),
    when("revoked_at", null=True),
    sealing_key("facts"),
    key("slack_installations", "id"),
    unique("slack_installations", "enterprise_id", "team_id"),
)
Index("slack_installations_of_key", slack_installations.c.key_id, postgresql_where=sql("key_id IS NOT NULL"))

oauth_states = Table(
    "oauth_states",
    metadata,
    uid("id"),
    text("state_hash"),
    when("created_at"),
    when("expires_at"),
    when("used_at", null=True),
    key("oauth_states", "id"),
    unique("oauth_states", "state_hash"),
)

ME = "id = (SELECT nod.current_user_id())"
access(
    users,
    seen=f"{ME} OR id IN {COLLEAGUES}",
    made=ME,
    changed=ME,
    doors=("id", "email", "status"),
    door_rows=AT_THE_DOOR,
)
access(user_profiles, seen=f"{MINE} OR user_id IN {COLLEAGUES}", made=MINE, changed=MINE)
access(
    data_keys,
    seen=f"{MINE} OR user_id IN {COLLEAGUES}",
    made=MINE,
    changed=MINE,
    doors=("user_id", "master_key_id", "destroyed_at"),
)
access(
    workspaces,
    seen="id = (SELECT nod.current_workspace())",
    made="id = (SELECT nod.current_workspace()) AND owner_id = (SELECT nod.current_user_id())",
    doors=("id", "owner_id", "kind", "status", "slack_team_id"),
    door_rows=AT_THE_DOOR,
)
access(memberships, made=MY_ROW, doors=("workspace_id", "user_id", "role", "left_at"), door_rows=AT_THE_DOOR)
access(
    identity_links,
    made=MY_ROW,
    doors=("id", "workspace_id", "user_id", "provider", "provider_tenant", "provider_subject", "chosen_at"),
    door_rows=AT_THE_DOOR,
)
access(
    invitations,
    made=MY_ROW,
    fixed=("role", "code_hash", "expires_at"),
    doors=("id", "workspace_id", "user_id", "code_hash", "expires_at", "used_at", "revoked_at"),
    door_rows=AT_THE_DOOR,
)
access(
    link_codes,
    made=MY_ROW,
    fixed=("code_hash", "expires_at"),
    doors=("id", "workspace_id", "user_id", "code_hash", "expires_at", "used_at"),
    door_rows=AT_THE_DOOR,
)
access(
    sign_ins,
    seen=MY_ROW,
    made=MY_ROW,
    fixed=("way", "token_hash", "code_hash", "address"),
    delete="created_at < now() - interval '1 day'",
    doors=("id", "workspace_id", "user_id", "way", "token_hash", "code_hash", "expires_at", "used_at"),
    door_rows=AT_THE_DOOR,
)
access(
    sessions,
    made=MY_ROW,
    fixed=("sid", "issued_at", "browser", "way"),
    doors=("id", "workspace_id", "user_id", "sid", "expires_at", "revoked_at"),
    door_rows=AT_THE_DOOR,
)
access(
    api_keys,
    made=MY_ROW,
    fixed=("prefix", "hash", "scopes"),
    doors=("id", "workspace_id", "user_id", "prefix", "hash", "scopes", "revoked_at"),
    door_rows=AT_THE_DOOR,
)
access(subscriptions)
access(
    slack_installations,
    seen=AT_THE_DOOR,
    made=AT_THE_DOOR,
    fixed=("team_id", "enterprise_id", "key_id"),
    doors=("key_id",),
)
access(
    oauth_states,
    seen=AT_THE_DOOR,
    made=AT_THE_DOOR,
    fixed=("state_hash", "expires_at"),
    delete="expires_at < now() - interval '1 day'",
)
