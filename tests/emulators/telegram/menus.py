"""Which of the registered commands a person's client offers (core.telegram.org/bots/api#determining-list-of-commands)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .chat import Chat
    from .people import Person

Commands = dict[tuple[str, str], list[dict[str, str]]]


def scope_key(scope: dict[str, Any] | None) -> str:
    """One text per scope, whatever the order of its fields."""
    return json.dumps(scope or {"type": "default"}, sort_keys=True)


def menu_of(known: Commands, person: Person, chat: Chat) -> list[dict[str, str]]:
    """The narrowest scope that has any, in the person's language before none."""
    for scope in _scopes(person, chat):
        for language in (person.language_code or "", ""):
            found = known.get((scope_key(scope), language))
            if found:
                return list(found)
    return []


def _scopes(person: Person, chat: Chat) -> list[dict[str, Any]]:
    here, default = {"type": "chat", "chat_id": chat.id}, {"type": "default"}
    if chat.person is not None:
        return [here, {"type": "all_private_chats"}, default]
    member = {"type": "chat_member", "chat_id": chat.id, "user_id": person.id}
    leading = [{"type": "chat_administrators", "chat_id": chat.id}] if chat.leads(person) else []
    leaders = [{"type": "all_chat_administrators"}] if chat.leads(person) else []
    return [member, *leading, here, *leaders, {"type": "all_group_chats"}, default]
