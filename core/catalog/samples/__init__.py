"""The data that a template ships to be tried on: mails written as sources with relative dates, and what an agent should make of each."""

from core.catalog.samples.labels import (
    ExpectedEvent,
    ExpectedNudge,
    ExpectedReply,
    ExpectedSuggestion,
    ExpectedTask,
    ExpectedUnsubscribe,
    load_labels,
    load_reasons,
)
from core.catalog.samples.mailbox import SampleMail, build_mailbox

__all__ = [
    "ExpectedEvent",
    "ExpectedNudge",
    "ExpectedReply",
    "ExpectedSuggestion",
    "ExpectedTask",
    "ExpectedUnsubscribe",
    "SampleMail",
    "build_mailbox",
    "load_labels",
    "load_reasons",
]
