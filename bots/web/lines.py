"""The lines of a chat as HTML: cards and words, each an element that is replaced when it changes. Everything is escaped by the
template; what is sent is a fragment with its place."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from bots.kit import clean
from bots.kit.parts import Parts
from bots.kit.place import Place
from bots.kit.screen import Button, Screen
from bots.kit.words import Say
from core.messaging.models import Delivery, Message

FOLDER = Path(__file__).parent
CODE = re.compile(r"[A-Z2-9]{4}-[A-Z2-9]{4}")
COMMAND = re.compile(r"/([a-z]+)")


@cache
def templates() -> Environment:
    """The page's templates: escaping always, a missing value is a mistake."""
    made = Environment(
        loader=FileSystemLoader(FOLDER / "templates"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    made.tests["code"] = lambda text: CODE.fullmatch(str(text)) is not None
    return made


@dataclass(frozen=True)
class Shown:
    """A line as the page has it. `key` orders lines, `message` says which version this is (both sort as text)."""

    id: str
    key: str
    message: str
    html: str

    def json(self) -> dict[str, str]:
        """As it travels."""
        return {"id": self.id, "key": self.key, "message": self.message, "html": self.html}


@dataclass(frozen=True)
class Speech:
    """How this page speaks: its person's words and place, and their chat's link for tokens."""

    say: Say
    place: Place
    link_id: UUID


class Lines:
    """Makes lines."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def shown(self, speech: Speech, lines: Iterable[Any]) -> list[Shown]:
        """Those lines that are seen: words, files, screens. Taps are answered, not repeated."""
        made = (self.line(speech, line.message, line.delivery) for line in lines)
        return [line for line in made if line is not None]

    def line(self, speech: Speech, message: Message, delivery: Delivery | None) -> Shown | None:
        """One line; None for what is not seen."""
        if message.direction == "in":
            return self._heard(speech, message)
        if delivery is None or "screen" not in message.payload:
            return None
        return self.screen(speech, delivery.id, message.id, delivery.created_at, message.payload["screen"])

    def screen(self, speech: Speech, delivery_id: UUID, message_id: UUID, at: datetime, screen: Any) -> Shown:
        """A screen in its place."""
        shown = screen if isinstance(screen, Screen) else Screen.model_validate(screen)
        element = f"d-{delivery_id}"
        html = _macro("screen")(
            screen=shown, element=element, key=str(delivery_id), message=str(message_id), at=at, speech=speech,
            token=lambda pressed: self._token(pressed, speech), delivery=str(delivery_id),
        )  # fmt: skip
        return Shown(element, str(delivery_id), str(message_id), str(html))

    def _heard(self, speech: Speech, message: Message) -> Shown | None:
        payload: Mapping[str, Any] = message.payload
        if "text" not in payload and "upload" not in payload:
            return None
        html = _macro("heard")(
            element=f"m-{message.id}", key=str(message.id), message=str(message.id), at=message.created_at,
            speech=speech, text=_called(speech, clean.text(str(payload.get("text") or payload.get("caption") or ""))),
            file=clean.line(str(payload.get("upload", "")), 120), size=int(payload.get("size") or 0),
        )  # fmt: skip
        return Shown(f"m-{message.id}", str(message.id), str(message.id), str(html))

    def _token(self, pressed: Any, speech: Speech) -> str:
        if isinstance(pressed, Button) and pressed.url:
            return ""
        return self._parts.tokens.pack(pressed, speech.link_id)


def _called(speech: Speech, text: str) -> str:
    """What a person chose in the menu goes by the name that it has there."""
    command = COMMAND.fullmatch(text)
    code = f"command.{command[1]}" if command else ""
    return speech.say(code) if code and speech.say.knows(code) else text


def _macro(name: str) -> Any:
    return getattr(templates().get_template("lines.html").module, name)
