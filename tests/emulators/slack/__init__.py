"""Slack on this machine with people in it: see README.md beside this file."""

from .app import SlackApp
from .conversation import AssistantThread, Conversation
from .deliveries import Attempt, Delivery
from .dispatch import sign
from .emulator import SlackEmulator
from .faults import Fault
from .message import Button, Message, NoSuchButton, SentFile, Version
from .people import Person
from .team import Installation, Team
from .views import View
from .world import Call

__all__ = [
    "AssistantThread",
    "Attempt",
    "Button",
    "Call",
    "Conversation",
    "Delivery",
    "Fault",
    "Installation",
    "Message",
    "NoSuchButton",
    "Person",
    "SentFile",
    "SlackApp",
    "SlackEmulator",
    "Team",
    "Version",
    "View",
    "sign",
]
