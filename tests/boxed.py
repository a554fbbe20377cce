"""What tests of boxed code are where no box can be closed: a test that code is refused there, in words."""

from datetime import UTC, datetime
from functools import cache

import pytest


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "boxed: runs code in a box; where there is none, code must be refused instead")


def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """The refusal in the test's place, where there is no box."""
    if pyfuncitem.get_closest_marker("boxed") is None or (reason := _missing()) is None:
        return None
    _is_refused_in_words(reason)
    return True


@cache
def _missing() -> str | None:
    from runners.sandbox.box import probe

    return probe()


def _is_refused_in_words(reason: str) -> None:
    from bots.kit.words import load
    from core.kernel.errors import Unavailable
    from runners.skills.code import Code, Input
    from tests.unit.skills.mailbox import context

    with pytest.raises(Unavailable) as refused:
        Code().run(context(now=datetime.now(UTC)), Input(source="1"))
    assert (refused.value.code, refused.value.data) == ("orchestration.isolation_missing", {"reason": reason})
    assert {refused.value.code, f"{refused.value.code}.todo"} <= load(strict=True).codes().keys()
