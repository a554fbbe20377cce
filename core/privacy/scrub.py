"""Secrets do not leave with an export, also where one was shown in a chat."""

import re
from typing import Any

LEFT_OUT = "[left out: a secret]"
_SECRETS = re.compile(
    r"nod_[0-9a-f]{8}_[A-Za-z0-9_-]{20,}|whsec_[A-Za-z0-9+/=_-]{20,}|xox[a-z]-[A-Za-z0-9-]{10,}|\b\d{6,12}:[A-Za-z0-9_-]{30,}|[?&]token=[A-Za-z0-9_.-]{16,}"
)


def scrubbed(value: Any) -> Any:
    """A JSON value without API keys, webhook secrets, tokens of Slack and Telegram, and addresses that sign in."""
    if isinstance(value, str):
        return _SECRETS.sub(LEFT_OUT, value)
    if isinstance(value, dict):
        return {key: scrubbed(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [scrubbed(inner) for inner in value]
    return value
