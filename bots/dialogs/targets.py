"""What can be run by a trigger or be drawn: an agent, a pack or a workflow, as a button's argument names it."""

from typing import Any
from uuid import UUID

from bots.kit.dialog import Chat
from bots.kit.screen import Button
from core.kernel.errors import Invalid
from core.workflows.models import Trigger

KINDS = ("agent", "pack", "flow")
FIELDS = {"agent": "agent_id", "pack": "pack_id", "flow": "workflow_id"}


def named(chat: Chat, kind: str, id: str) -> str:
    """What it is called. Raises NotFound where it is gone."""
    match kind:
        case "agent":
            return chat.work.agents.get(UUID(id)).name
        case "pack":
            return chat.work.packs.get(UUID(id)).name
        case "flow":
            return chat.work.workflows.get(UUID(id)).name
        case _:
            raise Invalid("messaging.button_unknown", action=kind)


def only(kind: str, id: str) -> dict[str, Any]:
    """As the argument of a use case: `{"pack_id": …}`."""
    if kind not in FIELDS:
        raise Invalid("messaging.button_unknown", action=kind)
    return {FIELDS[kind]: UUID(id)}


def of(trigger: Trigger) -> tuple[str, str]:
    """What a trigger starts: kind and id."""
    if trigger.agent_id is not None:
        return "agent", str(trigger.agent_id)
    return ("pack", str(trigger.pack_id)) if trigger.pack_id is not None else ("flow", str(trigger.workflow_id))


def back(chat: Chat, kind: str, id: str) -> Button:
    """To its page."""
    return Button(label=chat.say("way.back_to", what=named(chat, kind, id)), action=f"{kind}.open", args=(id,))
