"""What is registered about the app: its secrets, scopes, events, commands and shortcuts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

BOT_SCOPES = [
    "app_mentions:read", "assistant:write", "channels:history", "channels:read", "chat:write", "commands",
    "files:read", "files:write", "groups:history", "groups:read", "im:history", "im:read", "im:write", "mpim:history",
    "mpim:read", "reactions:read", "reactions:write", "users:read", "users:read.email",
]  # fmt: skip

# What an app needs before an event is sent to it (https://docs.slack.dev/reference/events); none for the others.
EVENT_SCOPES = {
    "message.im": {"im:history"}, "message.channels": {"channels:history"}, "message.groups": {"groups:history"},
    "message.mpim": {"mpim:history"}, "app_mention": {"app_mentions:read"},
    "member_joined_channel": {"channels:read", "groups:read"}, "member_left_channel": {"channels:read", "groups:read"},
    "reaction_added": {"reactions:read"}, "reaction_removed": {"reactions:read"},
    "assistant_thread_started": {"assistant:write"}, "assistant_thread_context_changed": {"assistant:write"},
    **{f"channel_{what}": {"channels:read"} for what in ("archive", "deleted", "left", "rename", "unarchive")},
    **{f"group_{what}": {"groups:read"} for what in ("archive", "deleted", "left", "rename", "unarchive")},
    "app_home_opened": set(), "app_uninstalled": set(), "team_access_revoked": set(), "tokens_revoked": set(),
}  # fmt: skip


@dataclass
class SlackApp:
    """An app's settings, all features on unless a manifest says otherwise. `app_token` opens Socket Mode. `agent`: people speak with it in threads of the messages
    tab (agent_view), and not in a container of its own (assistant_view)."""

    id: str = "A0NODEMULATE"
    name: str = "Nod"
    bot_name: str = "nod"
    client_id: str = "1000000000.2000000000"
    client_secret: str = "5ec2e7c11e57000000000000c11e5ec2"
    signing_secret: str = "519e1e57000000000000000000519e1e"
    app_token: str = "xapp-1-A0NODEMULATE-3000000000-0a0b0c0d0e0f"
    verification_token: str = "legacyverificationtoken0"
    scopes: list[str] = field(default_factory=lambda: list(BOT_SCOPES))
    events: set[str] = field(default_factory=lambda: set(EVENT_SCOPES))
    commands: set[str] = field(default_factory=lambda: {"/nod"})
    shortcuts: dict[str, tuple[str, str]] = field(default_factory=dict)
    redirect_urls: list[str] = field(default_factory=list)
    home_tab: bool = True
    messages_tab: bool = True
    people_may_write: bool = True
    assistant: bool = True
    agent: bool = False
    interactivity: bool = True
    rotation: bool = False

    def takes(self, manifest: dict[str, Any]) -> None:
        """Settings from an app manifest (https://docs.slack.dev/reference/app-manifest): what it leaves out is off."""
        features, settings = manifest.get("features", {}), manifest.get("settings", {})
        oauth = manifest.get("oauth_config", {})
        self.name = manifest["display_information"]["name"]
        self.bot_name = features.get("bot_user", {}).get("display_name", self.name).lower()
        self.scopes = list(oauth.get("scopes", {}).get("bot", []))
        self.redirect_urls = list(oauth.get("redirect_urls", []))
        self.events = set(settings.get("event_subscriptions", {}).get("bot_events", []))
        self.commands = {one["command"] for one in features.get("slash_commands", [])}
        self.shortcuts = {one["callback_id"]: (one["name"], one["type"]) for one in features.get("shortcuts", [])}
        tabs = features.get("app_home", {})
        self.home_tab = bool(tabs.get("home_tab_enabled"))
        self.messages_tab = bool(tabs.get("messages_tab_enabled"))
        self.people_may_write = self.messages_tab and not tabs.get("messages_tab_read_only_enabled")
        self.agent = bool(features.get("agent_view"))
        self.assistant = bool(features.get("assistant_view") or features.get("agent_view"))
        self.rotation = bool(settings.get("token_rotation_enabled"))
        self.interactivity = bool(settings.get("interactivity", {}).get("is_enabled"))

    def shortcut(self, name: str, kind: str) -> str:
        """The callback_id of a shortcut by its name or id; `kind` is global or message."""
        if not self.shortcuts:
            return name
        for callback_id, (title, its_kind) in self.shortcuts.items():
            if name in (callback_id, title) and its_kind == kind:
                return callback_id
        raise AssertionError(f"the app has no {kind} shortcut {name!r}, but {self.shortcuts}")
