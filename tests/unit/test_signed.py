"""How old a signed delivery may be, to the second, by a clock that stands still."""

import hashlib
import hmac
from datetime import UTC, datetime

import pytest

from core.kernel.errors import Unauthenticated
from core.workflows.signed import verified

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SECRET, BODY = "whsec_dGVzdA==", b'{"id": "evt_1"}'


def stripe(seconds: int) -> dict[str, str]:
    at = str(int(NOW.timestamp()) + seconds)
    signature = hmac.new(SECRET.encode(), at.encode() + b"." + BODY, hashlib.sha256).hexdigest()
    return {"stripe-signature": f"t={at},v1={signature}"}


@pytest.mark.parametrize("seconds", [-300, 0, 300])
def test_five_minutes_are_taken_either_way(seconds: int) -> None:
    assert verified("stripe", [SECRET], stripe(seconds), BODY, NOW).key == "id:evt_1"


@pytest.mark.parametrize("seconds", [-301, 301])
def test_a_second_more_is_refused(seconds: int) -> None:
    with pytest.raises(Unauthenticated):
        verified("stripe", [SECRET], stripe(seconds), BODY, NOW)
