"""REST for programs: the same use cases as the chats, with API keys, problem details and cursors."""

from bots.api.app import make_api

__all__ = ["make_api"]
