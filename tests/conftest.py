"""Fixtures that every test may ask for."""

import signal

pytest_plugins = ["tests.servers", "tests.databases"]

# A shell starts what runs in its background deaf to Ctrl-C, and so would every process be that a test starts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
