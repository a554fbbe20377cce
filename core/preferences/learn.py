"""What Nod notices by itself: a choice that a person made again and again is offered first. It is shown, can be kept or dropped, and never overrules what they said
(domain rule 9)."""

from typing import Any

from core.kernel.actor import Actor
from core.kernel.errors import NotFound
from core.preferences.choose import prefer
from core.preferences.models import UserPreference
from core.preferences.ports import PreferencesWork

SCOPE = "orchestrator"
USUAL_SNOOZE = "usual_snooze"
LEARNED = (USUAL_SNOOZE,)
"""The keys under which something may be noticed."""
TIMES = 3
"""So often in a row makes a habit."""


def chose(work: PreferencesWork, actor: Actor, key: str, choice: str) -> None:
    """The person chose this just now. Another choice begins to count anew, and ends the habit."""
    known = work.preferences.preference(actor.user_id, SCOPE, key)
    before: dict[str, Any] = known.value if known is not None and known.source == "inferred" else {}
    times = before.get("times", 0) + 1 if before.get("choice") == choice else 1
    prefer(work, actor, SCOPE, key, {"choice": choice, "times": min(times, 99)}, source="inferred")


def usual(work: PreferencesWork, user_id: Any, key: str) -> str | None:
    """What to offer first: what the person said, else their habit, else nothing."""
    known = work.preferences.preference(user_id, SCOPE, key)
    return known.value["choice"] if known is not None and _holds(known) else None


def learned(work: PreferencesWork, user_id: Any) -> list[UserPreference]:
    """All that is in use, whether noticed or said."""
    known = (work.preferences.preference(user_id, SCOPE, key) for key in LEARNED)
    return [one for one in known if one is not None and _holds(one)]


def keep(work: PreferencesWork, actor: Actor, key: str) -> UserPreference:
    """The person makes what was noticed their own: it stays until they say otherwise. Raises NotFound `preferences.nothing_learned`."""
    known = _known(work, actor, key)
    prefer(work, actor, SCOPE, key, {"choice": known.value["choice"]})
    return known


def forget(work: PreferencesWork, actor: Actor, key: str) -> None:
    """Drops it; it may be noticed again, from the beginning. Raises NotFound `preferences.nothing_learned`."""
    actor.need("write")
    work.preferences.remove(_known(work, actor, key))


def _known(work: PreferencesWork, actor: Actor, key: str) -> UserPreference:
    known = work.preferences.preference(actor.user_id, SCOPE, key) if key in LEARNED else None
    if known is None:
        raise NotFound("preferences.nothing_learned")
    return known


def _holds(known: UserPreference) -> bool:
    return known.source == "user" or known.value.get("times", 0) >= TIMES
