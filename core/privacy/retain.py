"""History goes when its time is over: that of the workspace's tier, or the shorter one that a person chose. What explains a suggestion, and what is not over, stays."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from core.billing.limits import Limits
from core.billing.reserve import limits_of
from core.identity.models import PrivacySettings
from core.kernel.ids import earliest_id
from core.privacy.ports import HistoryWork

AGAIN_SECONDS = 24 * 3600.0
LEASE_SECONDS = 600.0
"""How long a pass may be silent before another process goes on with it."""
LOOKED_AT_ONCE = 500
FIRINGS_AT_ONCE = 1_000
FIRINGS_KEPT = timedelta(days=30)
"""A sender may come again with the same delivery for some days (GitHub 3, Stripe 30 by hand): so long it is known, however short history is."""


@dataclass(frozen=True)
class Cuts:
    """Below which id a run is too old: `workspace` for everybody (None: never), `people` for those who chose fewer days."""

    now: datetime
    workspace: UUID | None
    people: Mapping[UUID, UUID]

    def of(self, user_id: UUID) -> UUID | None:
        """Of a person's runs."""
        return self.people.get(user_id, self.workspace)

    @property
    def first(self) -> UUID | None:
        """Nothing above it is too old, whosever it is; None when nothing is at all."""
        return max((cut for cut in (self.workspace, *self.people.values()) if cut is not None), default=None)


def days_kept(limits: Limits, privacy: PrivacySettings) -> int | None:
    """For how many days a person's history is kept: as long as the workspace's tier says, or fewer where the person has what is old deleted. None for ever."""
    chosen = privacy.data_retention_days if privacy.auto_delete_enabled else None
    return min((days for days in (limits.retention_days, chosen) if days is not None), default=None)


def begin_pass(work: HistoryWork) -> Cuts | None:
    """Takes the workspace's pass and says what is too old; None where another process has it, or where nothing ever is."""
    if not work.history.claim(LEASE_SECONDS):
        return None
    work.history.remove_answers()
    limits = limits_of(work)
    workspace = _cut(work.now, limits.retention_days)
    people: dict[UUID, UUID] = {}
    for member in work.people.members():
        cut = _cut(work.now, days_kept(limits, work.people.profile(member.user_id).privacy_settings))
        if cut is not None and cut != workspace:
            people[member.user_id] = cut
    cuts = Cuts(work.now, workspace, people)
    if cuts.first is None:
        end_pass(work)
        return None
    return cuts


def remove_some_runs(work: HistoryWork, cuts: Cuts, before: UUID) -> tuple[int, UUID | None]:
    """Looks at some runs below an id and removes those that may go, with all that belongs to them: (how many went, below which id to go on; None at the end).
    A run stays while it has not ended, while runs that it started stay, and for good when it made a suggestion: it explains what was asked, decided and done."""
    work.history.put_off(LEASE_SECONDS)
    looked_at = work.history.runs(before, LOOKED_AT_ONCE)
    going: dict[UUID, None] = {}
    # Newest first: what a run started comes before it.
    for run in looked_at:
        cut = cuts.of(run.user_id)
        if cut is not None and run.id < cut and run.over and not run.suggested and going.keys() >= set(run.started):
            going[run.id] = None
    removed = work.history.remove_runs(list(going)) if going else 0
    return removed, looked_at[-1].id if len(looked_at) == LOOKED_AT_ONCE else None


def remove_some_firings(work: HistoryWork, cuts: Cuts) -> int:
    """Removes some of what is said of triggers' firings that is too old for everybody in the workspace; answers how many, 0 at the end."""
    work.history.put_off(LEASE_SECONDS)
    everybody = [cuts.of(member.user_id) for member in work.people.members()]
    known = [cut for cut in everybody if cut is not None]
    if not known or len(known) < len(everybody):
        return 0
    return work.history.remove_firings(min(*known, earliest_id(cuts.now - FIRINGS_KEPT)), FIRINGS_AT_ONCE)


def end_pass(work: HistoryWork) -> None:
    """All of the workspace was looked at; the next pass is in a day."""
    work.history.put_off(AGAIN_SECONDS)


def _cut(now: datetime, days: int | None) -> UUID | None:
    return None if days is None else earliest_id(now - timedelta(days=days))
