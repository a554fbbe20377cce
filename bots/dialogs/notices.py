"""What core tells a person by message id, where one sentence alone does not do."""

from collections.abc import Mapping
from typing import Any

from bots.dialogs import ways
from bots.kit.dialog import Chat, notice
from bots.kit.screen import Paragraph, Screen, row
from bots.kit.speak import speak


@notice("run.not_started")
def not_started(chat: Chat, data: Mapping[str, Any]) -> Screen:
    """A schedule was due, and the agent could not start."""
    why = speak(chat.say, str(data.get("code", "")), data.get("data") or {})
    told = Paragraph(text=chat.say("run.not_started", agent=str(data.get("agent", "")), why=why.text))
    todo = (Paragraph(text=why.todo, muted=True),) if why.todo else ()
    return Screen(blocks=(told, *todo), buttons=(row(ways.agents(chat), ways.settings(chat)),), tone="problem")
