"""The methods of the Bot API, by topic. A method is a plain function of the world and its parameters; names ignore case."""

from __future__ import annotations

from . import asking, callbacks, chats, drafting, editing, profile, sending
from .method import Answer, Method

METHODS: dict[str, Method] = {
    name.lower(): method
    for topic in (asking, callbacks, chats, drafting, editing, profile, sending)
    for name, method in topic.METHODS.items()
}

__all__ = ["METHODS", "Answer", "Method"]
