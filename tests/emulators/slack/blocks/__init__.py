"""Block Kit as the platform checks it: limits from https://docs.slack.dev/reference/block-kit, words from its answers."""

from .layout import check_blocks, with_ids
from .problems import Problems
from .surfaces import check_view, message_blocks

__all__ = ["Problems", "check_blocks", "check_view", "message_blocks", "with_ids"]
