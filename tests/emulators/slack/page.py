"""What a person sees, as a page to look at and to take pictures of."""

from __future__ import annotations

from .people import Person


def draw(person: Person, what: str, theme: str) -> str:
    return f"{person} {what} {theme}"
