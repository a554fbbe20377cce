"""Webhooks: what other programs send to a trigger's own address."""

from bots.hooks.door import make_hooks

__all__ = ["make_hooks"]
