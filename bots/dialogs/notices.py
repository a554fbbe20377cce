"""What core tells a person by message id, where one sentence alone does not do."""

from collections.abc import Mapping
from typing import Any

from bots.dialogs import ways
from bots.kit.dialog import Chat, notice
from bots.kit.screen import Button, Paragraph, Screen, row
from bots.kit.speak import speak


@notice("run.not_started")
def not_started(chat: Chat, data: Mapping[str, Any]) -> Screen:
    """A schedule was due, and the agent could not start."""
    why = speak(chat.say, str(data.get("code", "")), data.get("data") or {})
    told = Paragraph(text=chat.say("run.not_started", agent=str(data.get("agent", "")), why=why.text))
    todo = (Paragraph(text=why.todo, muted=True),) if why.todo else ()
    return Screen(blocks=(told, *todo), buttons=(row(ways.agents(chat), ways.settings(chat)),), tone="problem")


@notice("agent.paused_after_failures")
def held(chat: Chat, data: Mapping[str, Any]) -> Screen:
    """An agent failed again and again, and is on hold until its owner says so."""
    agent_id, run_id = str(data.get("agent_id", "")), str(data.get("run_id", ""))
    text = chat.say("agent.paused_after_failures", agent=str(data.get("agent", "")), failures=data.get("failures"))
    why = speak(chat.say, str(data.get("code") or ""), data.get("data") or {}) if data.get("code") else None
    told = () if why is None else (Paragraph(text=why.line, muted=True),)
    resume = Button(label=chat.say("agent.resume"), action="agent.resume", args=(agent_id,), style="primary")
    details = Button(label=chat.say("trigger.details"), action="run.open", args=(run_id,))
    return Screen(blocks=(Paragraph(text=text), *told), buttons=(row(resume, details),), tone="problem")
