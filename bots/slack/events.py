"""What Slack hands over, by its kind: whose it is, what tells it from any other, and what is worth being kept."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Literal

CHANNEL, FORMS = "slack", "slack.forms"
"""Of stored events: forms that were sent in have their own, because their sender waits for what is wrong with them."""
Kind = Literal["event", "command", "action", "form", "shortcut"]
KINDS: dict[str, Kind] = {
    "event_callback": "event",
    "block_actions": "action",
    "view_submission": "form",
    "shortcut": "shortcut",
    "message_action": "shortcut",
}
OF_CHANNELS = frozenset(
    f"{kind}_{what}" for kind in ("channel", "group") for what in ("archive", "deleted", "left", "rename")
)
"""What becomes of channels that Nod is in."""
OF_INSTALLATIONS = frozenset(("app_uninstalled", "team_access_revoked", "tokens_revoked"))
"""What becomes of where Nod is installed."""
WANTED = OF_CHANNELS | OF_INSTALLATIONS | {
    "message", "app_mention", "app_home_opened", "member_joined_channel",
}  # fmt: skip
"""Those that manifest.yaml subscribes to."""
OLDER = frozenset(("assistant_thread_started",))
"""What comes to apps with `assistant_view`, which `agent_view` has taken the place of (docs.slack.dev/ai/migrating-to-agent-messaging)."""
SPOKEN = frozenset((None, "file_share", "thread_broadcast", "me_message"))
"""Subtypes of messages that somebody said just now; an edit of what was said long ago must not become a new answer."""


@dataclass(frozen=True)
class Speaker:
    """Who did it, as Slack vouches for it: the team that Nod is in, the person, and the person's own team (another one in shared channels); `org`: the organisation whose installation
    it came through, empty for one of the team's own."""

    team: str
    user: str
    home: str
    org: str = ""

    @property
    def foreign(self) -> bool:
        """Whether the person belongs to another team: of another company, unless it is one of the same organisation."""
        return self.home != self.team


def is_tap(payload: dict[str, Any] | None) -> bool:
    """Whether it is a button that somebody pressed."""
    return (payload or {}).get("kind") == "action"


def kind_of(body: Any) -> Kind | None:
    """None for what Nod has no use for."""
    if not isinstance(body, dict):
        return None
    if "command" in body and "type" not in body:
        return "command"
    kind = KINDS.get(str(body.get("type")))
    return None if kind == "event" and not _wanted(body.get("event"), _bot(body)) else kind


def _bot(body: dict[str, Any]) -> str:
    """Nod's own account there; empty where Slack does not say."""
    authorized = body.get("authorizations")
    return str(_dict(authorized[0]).get("user_id") or "") if isinstance(authorized, list) and authorized else ""


def _wanted(event: Any, bot: str) -> bool:
    if not isinstance(event, dict) or event.get("type") not in WANTED | OLDER:
        return False
    if event["type"] == "message":
        spoken = event.get("subtype") in SPOKEN and not event.get("bot_id") and bool(event.get("user"))
        return spoken and event.get("channel_type") == "im"
    if event["type"] == "member_joined_channel":
        return bool(bot) and event.get("user") == bot
    return not event.get("bot_id")


def id_of(body: dict[str, Any]) -> str:
    """The same for every delivery of the same thing, another for anything else."""
    given = body.get("event_id") or body.get("trigger_id")
    if given:
        return f"{speaker(body).team}:{given}"
    return "sha256:" + hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def speaker(body: dict[str, Any]) -> Speaker:
    """Empty strings for what Slack did not say. Through an organisation's installation `team` may be missing or name the organisation itself, and the person's own team is what there is
    (docs.slack.dev/enterprise/organization-ready-apps; bolt-python does it so, too)."""
    event, org = _dict(body.get("event")), org_of(body)
    if event:
        authorized = body.get("authorizations")
        by = _dict(authorized[0]) if isinstance(authorized, list) and authorized else {}
        home = event.get("user_team") or event.get("source_team")
        installed = _team(by.get("team_id"), body.get("context_team_id"), body.get("team_id"), event.get("team"), home)
        user = event.get("user") or _dict(event.get("assistant_thread")).get("user_id")
        return Speaker(installed, str(user or ""), str(home or installed), org)
    if "command" in body:
        return Speaker(
            str(body.get("team_id") or ""), str(body.get("user_id") or ""), str(body.get("team_id") or ""), org
        )
    user, team, view = _dict(body.get("user")), _dict(body.get("team")), _dict(body.get("view"))
    home = str(user.get("team_id") or team.get("id") or "")
    return Speaker(_team(team.get("id"), home, view.get("team_id")), str(user.get("id") or ""), home, org)


def org_of(body: dict[str, Any]) -> str:
    """The organisation whose installation a body came through; empty for one of a team's own."""
    authorized = body.get("authorizations")
    if isinstance(authorized, list) and authorized:
        by = _dict(authorized[0])
        return str(by.get("enterprise_id") or body.get("enterprise_id") or "") if _yes(by) else ""
    named = _dict(body.get("enterprise")).get("id") or body.get("enterprise_id") or ""
    # What is said of an organisation alone (that it took Nod out) names no team.
    return str(named) if _yes(body) or not _team(body.get("team_id"), _dict(body.get("team")).get("id")) else ""


def _yes(said: dict[str, Any]) -> bool:
    return said.get("is_enterprise_install") in (True, "true")


def _team(*named: Any) -> str:
    """The first that is a team's id; an organisation's begins with E."""
    return next((str(one) for one in named if one and not str(one).startswith("E")), "")


def lane_of(payload: dict[str, Any] | None) -> tuple[str, str]:
    """What one person does is handled in order."""
    who = speaker(_dict(_dict(payload).get("body")))
    return (who.team, who.user)


def trigger_of(body: dict[str, Any]) -> str:
    """What opens a modal, within three seconds."""
    return str(body.get("trigger_id") or "")


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
