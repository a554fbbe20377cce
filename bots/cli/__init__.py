"""The terminal is a door too: `nod up`, one command a process, administration."""

from bots.cli.app import main

__all__ = ["main"]
