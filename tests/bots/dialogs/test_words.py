"""What is put together from names has words for every name that there is."""

import bots.dialogs  # noqa: F401
from bots.kit.dialog import commands
from bots.kit.words import load
from core.approvals.models import ExecutionAttempt
from core.kernel.actor import ALL_SCOPES
from core.orchestration.models import RunStatus, TriggerKind

WORDS = load(strict=True).codes()


def test_every_command_has_a_name_and_says_what_it_does() -> None:
    dialogs = {name: handler for name, handler in commands.items() if handler.__module__.startswith("bots.dialogs")}
    assert len(dialogs) >= 13
    assert (
        sorted(name for name in dialogs if f"command.{name}" not in WORDS or f"command.{name}.does" not in WORDS) == []
    )


def test_every_status_reason_and_choice_has_words() -> None:
    from typing import get_args, get_type_hints

    from bots.dialogs.card.outcome import REASONS
    from bots.dialogs.kinds import ORDER
    from bots.dialogs.settings import FREQUENCIES, TONES
    from core.preferences.contexts import USUAL

    names = {
        "run.status": get_args(RunStatus),
        "details.ran": get_args(TriggerKind),
        "details.attempt": get_args(get_type_hints(ExecutionAttempt)["outcome"]),
        "card.reason": REASONS,
        "kind": (*ORDER, "other"),
        "settings.tone": TONES,
        "settings.frequency": FREQUENCIES,
        "context": USUAL,
        "keys.scope": ALL_SCOPES,
        "card.unknown": ("done", "again", "drop"),
        "connection.listed": ("active", "checking", "problem", "expired", "revoked"),
        "day": range(7),
    }
    assert [f"{start}.{name}" for start, all_ in names.items() for name in all_ if f"{start}.{name}" not in WORDS] == []
