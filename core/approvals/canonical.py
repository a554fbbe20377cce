"""The one form of an action that is hashed: what is shown, approved and executed are the same bytes."""

import hashlib
import json

from core.approvals.models import Action


def canonical(action: Action) -> bytes:
    """Canonical JSON: keys sorted, no spaces, UTF-8, no floats that are not numbers (after RFC 8785; inputs hold no floats)."""
    return json.dumps(
        action.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def sha256(action: Action) -> str:
    """The hash of an action, in hex."""
    return hashlib.sha256(canonical(action)).hexdigest()
