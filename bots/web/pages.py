"""How every page of the door is drawn: in the language of whoever looks, with our own words, style and script."""

from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse

from bots.kit.parts import Parts
from bots.kit.place import place
from bots.kit.words import Say
from bots.web.lines import templates

STATIC = Path(__file__).parent / "static"
VERSION = sha256(b"".join(file.read_bytes() for file in sorted(STATIC.iterdir()))).hexdigest()[:12]


def say_to(parts: Parts, request: Request) -> Say:
    """The language that the browser asks for, as long as nobody is known."""
    return parts.words.in_language(place(parts.words.spoken(asked_for(request)), "UTC", datetime.now(UTC)))


def asked_for(request: Request) -> str:
    """The first language that the browser names."""
    return request.headers.get("accept-language", "en").split(",")[0].split(";")[0].strip() or "en"


def draw(name: str, status: int, say: Say, **values: Any) -> HTMLResponse:
    """A template as an answer."""
    html = (
        templates()
        .get_template(name)
        .render(say=say, language=say.language, direction=say.place.locale.text_direction, version=VERSION, **values)
    )
    return HTMLResponse(html, status)
