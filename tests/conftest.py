"""Fixtures that every test may ask for."""

import signal
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from bots.kit.words import Words

pytest_plugins = ["tests.servers", "tests.databases", "tests.boxed"]
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    # Whoever starts us in the background has us ignore it, and with us every process that a test sends it to.
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A slow machine is no failure: no example of any property is held against the clock.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


@pytest.fixture(scope="session")
def catalogue() -> "Words":
    """The shipped words, where a missing one is an error."""
    from bots.kit.words import load

    return load(strict=True)
