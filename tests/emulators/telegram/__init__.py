"""A Bot API server on this machine with people in it: see README.md beside this file."""

from .chat import Chat, Draft
from .emulator import TelegramEmulator
from .faults import Fault
from .groups import Group
from .message import Button, Message, NoSuchButton, SentFile, Span, Version
from .people import Bot, Person, Tap, Toast
from .world import Call

__all__ = [
    "Bot",
    "Button",
    "Call",
    "Chat",
    "Draft",
    "Fault",
    "Group",
    "Message",
    "NoSuchButton",
    "Person",
    "SentFile",
    "Span",
    "Tap",
    "TelegramEmulator",
    "Toast",
    "Version",
]
