"""Where a person is: contexts that they switch themselves, until a time if they say so, or that follow the hours of their week."""

from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from core.kernel.actor import Actor
from core.kernel.errors import Invalid, NotFound
from core.kernel.events import Event
from core.kernel.ids import new_id
from core.preferences.hours import kept, week_of
from core.preferences.models import UserContext
from core.preferences.ports import PreferencesWork

USUAL = ("work", "home", "vacation")
HOLDS = "vacation"
"""While this one is active, nothing but what is urgent is sent."""
LONGEST_NAME = 30
MOST = 12


def find(work: PreferencesWork, user_id: UUID, name: str) -> UserContext | None:
    """A person's context by its name."""
    return next((one for one in work.preferences.contexts(user_id) if one.name == name), None)


def made(work: PreferencesWork, actor: Actor, name: str) -> UserContext:
    """The person's context of that name, made where there is none yet. Raises Invalid `preferences.context_name_invalid`, `preferences.contexts_too_many`."""
    actor.need("write")
    named = " ".join(name.split())
    known = work.preferences.contexts(actor.user_id)
    same = next((one for one in known if one.name.casefold() == named.casefold()), None)
    if same is not None:
        return same
    if not named or len(named) > LONGEST_NAME or not named.isprintable():
        raise Invalid("preferences.context_name_invalid", n=LONGEST_NAME)
    if len(known) >= MOST:
        raise Invalid("preferences.contexts_too_many", n=MOST)
    context = UserContext(
        id=new_id(), user_id=actor.user_id, workspace_id=actor.workspace_id, name=named, active=False, created_at=work.now
    )  # fmt: skip
    work.preferences.add(context)
    return context


def switch(
    work: PreferencesWork, actor: Actor, name: str, active: bool, zone: ZoneInfo, until: datetime | None = None
) -> tuple[UserContext, bool]:
    """Switches one on or off, until `until` or the next time its hours say otherwise; whether that changed it. Raises Invalid `preferences.until_past`, and as `made`."""
    if until is not None and until <= work.now:
        raise Invalid("preferences.until_past")
    context = made(work, actor, name)
    was, context.active = context.active, active
    context.changes_at = until or _next(work, context, zone)
    if was != active:
        _said(work, context)
    return context, was != active


def set_hours(
    work: PreferencesWork, actor: Actor, name: str, words: str | None, zone: ZoneInfo
) -> tuple[UserContext, bool]:
    """Lets it follow hours in words, or (None) no longer; what holds now follows at once. Whether that switched it. Raises Invalid `preferences.hours_unclear`."""
    week = None if words is None else week_of(words)
    context = made(work, actor, name)
    context.schedule = None if week is None else str(week)
    was = context.active
    if week is not None:
        context.active = week.holds(work.now, zone)
    context.changes_at = _next(work, context, zone)
    if was != context.active:
        _said(work, context)
    return context, was != context.active


def turn(work: PreferencesWork, context_id: UUID, zone: ZoneInfo) -> UserContext | None:
    """Does what is due: its time is over, or its hours begin or end. None where nothing is due, or nothing changed."""
    context = work.preferences.context(context_id)
    if context.changes_at is None or context.changes_at > work.now:
        return None
    was = context.active
    context.active = kept(context.schedule).holds(work.now, zone) if context.schedule else False
    context.changes_at = _next(work, context, zone)
    if was == context.active:
        return None
    _said(work, context)
    return context


def move(work: PreferencesWork, actor: Actor) -> None:
    """The person lives by another clock now: what follows hours is looked at anew."""
    for context in work.preferences.contexts(actor.user_id):
        if context.schedule is not None:
            context.changes_at = work.now


def drop(work: PreferencesWork, actor: Actor, name: str) -> UserContext:
    """Removes one of a person's own naming. Raises NotFound `preferences.context_unknown`, Invalid `preferences.context_stays`."""
    actor.need("write")
    context = find(work, actor.user_id, name)
    if context is None:
        raise NotFound("preferences.context_unknown")
    if name in USUAL:
        raise Invalid("preferences.context_stays")
    work.preferences.remove(context)
    return context


def _next(work: PreferencesWork, context: UserContext, zone: ZoneInfo) -> datetime | None:
    """When its hours say something else than they do now."""
    return kept(context.schedule).changes(work.now, zone) if context.schedule else None


def _said(work: PreferencesWork, context: UserContext) -> None:
    kind = "context.entered" if context.active else "context.left"
    work.record(Event(kind, context.workspace_id, context.user_id, {"name": context.name}))
