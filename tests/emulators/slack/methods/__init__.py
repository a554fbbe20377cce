"""The Web API, by method. Names are Slack's own."""

from . import assisting, authing, posting, reading, showing, streaming
from .method import Caller, Method

METHODS: dict[str, Method] = {
    **authing.METHODS,
    **posting.METHODS,
    **streaming.METHODS,
    **reading.METHODS,
    **showing.METHODS,
    **assisting.METHODS,
}

__all__ = ["METHODS", "Caller", "Method"]
