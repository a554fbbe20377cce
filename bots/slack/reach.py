"""Whether people can be reached at Slack, and what follows when they cannot: one who is gone, or a whole team that took Nod out."""

from uuid import UUID

from bots.kit.parts import Parts
from core.approvals import stop

PROVIDER = "slack"
PAGE = 100
NOBODY = UUID(int=0)


def unreached(parts: Parts, workspace_id: UUID, user_id: UUID, link_id: UUID) -> None:
    """As core.approvals.stop.unreached, in a transaction of its own."""
    with parts.storage.work(workspace_id, user_id) as work:
        stop.unreached(work, link_id, "slack.gone")
        work.commit()


def org_gone(parts: Parts, org: str) -> list[str]:
    """The organisation's installation is no more; the teams that used it, which are not told here."""
    parts.storage.installations.revoke("", org)
    return parts.storage.installations.teams_of(org)


def team_gone(parts: Parts, team_id: str, at: float | None = None, org: str = "") -> int:
    """The team took Nod out, or its token back: deliveries end, agents that nobody else sees stop. A second time changes nothing, nor does what Slack tells
    late of an earlier installation (`at`, Unix seconds). A team that used its organisation's (`org`) and has one of its own goes on by that. How many people it had."""
    through = parts.storage.installations.through(team_id)
    org = org or (through.enterprise_id if through is not None else "")
    if through is not None and at is not None and through.installed_at.timestamp() > at + 1:
        return 0
    if org:
        parts.storage.installations.revoke(team_id, org)
        if parts.storage.installations.find(team_id) is not None:
            return 0
    installed = parts.storage.installations.find(team_id)
    if installed is not None and at is not None and installed.installed_at.timestamp() > at + 1:
        return 0
    parts.storage.installations.revoke(team_id)
    after, people = NOBODY, 0
    while found := parts.storage.directory.links_of_tenant(PROVIDER, team_id, after, PAGE):
        for link in found:
            unreached(parts, link.workspace_id, link.user_id, link.id)
        after, people = found[-1].id, people + len(found)
    return people
