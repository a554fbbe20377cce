"""Slack's tokens kept out of everything that is written down."""

import logging
import re
import traceback

HIDDEN = "<token>"
TOKEN = re.compile(r"\bx(?:ox[a-z]|app)-[A-Za-z0-9-]+")


class Hide(logging.Filter):
    """Takes whatever looks like a token of Slack's out of log lines, tracebacks included."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Always lets the record through, without tokens."""
        message = record.getMessage()
        if record.exc_info and record.exc_info[0] is not None:
            trace = "".join(traceback.format_exception(*record.exc_info))
            if TOKEN.search(trace):
                message, record.exc_info, record.exc_text = f"{message}\n{trace}", None, None
        if TOKEN.search(message):
            record.msg, record.args = TOKEN.sub(HIDDEN, message), ()
        return True


def hide_tokens() -> None:
    """From now on no log line of this process has one; the libraries' own lines about requests, which hold what people wrote, are not written at all."""
    for name in ("slack_bolt", "slack_sdk", "slack_sdk.socket_mode", "aiohttp"):
        logging.getLogger(name).setLevel(logging.WARNING if name != "slack_bolt" else logging.ERROR)
    for handler in logging.getLogger().handlers:
        handler.addFilter(Hide())
