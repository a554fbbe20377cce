"""What every process has that hears Slack, whichever way: teams, the intake, the forms, and who answers."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from bots.kit.parts import Parts
from bots.kit.place import place
from bots.slack import modal
from bots.slack.answering import Answering
from bots.slack.forms import Forms
from bots.slack.intake import Intake
from bots.slack.limits import Limits
from bots.slack.teams import Teams
from core.kernel.settings import Settings


class Listening:
    """One process's. `wake` is called when an event was stored, `wake_outbound` when something may be due."""

    def __init__(
        self, parts: Parts, settings: Settings, rate: float = 1.0, wake: Callable[[], None] = lambda: None
    ) -> None:
        self._parts = parts
        self.wake_outbound: Callable[[], None] = lambda: None
        self.teams = Teams(parts, settings, Limits(rate))
        self.answering = Answering(parts, self.teams, settings.public_url, self._something_due)
        self.forms = Forms(parts, self.answering.submitting.submit, self.answering.submitting.late, self._waiting)
        self.intake = Intake(parts, settings, self.teams, self.forms, wake)

    def _something_due(self) -> None:
        self.wake_outbound()

    def _waiting(self, view: dict[str, Any]) -> dict[str, Any]:
        return modal.waiting(self._parts.words.in_language(place(modal.language(view), "UTC", datetime.now(UTC))))
