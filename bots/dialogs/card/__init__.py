"""The suggestion card: exactly what will happen, why, and what a person can do about it; true in every copy."""

from bots.dialogs.card import decide, details, edit, reading, show, snooze, stub  # noqa: F401  (they register themselves)
