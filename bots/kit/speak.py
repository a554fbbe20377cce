"""Puts an error into words: what happened, and what to do now."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bots.kit.words import Say
from core.kernel.errors import Failure


@dataclass(frozen=True)
class Spoken:
    """`text` says what happened, `todo` what to do now (may be empty)."""

    text: str
    todo: str = ""

    @property
    def line(self) -> str:
        """Both, as one line."""
        return f"{self.text} {self.todo}".strip()


def speak(say: Say, code: str, data: Mapping[str, Any]) -> Spoken:
    """The words of an error's code (`<code>`, and `<code>.todo` where there is something to do); for a code without words a general
    sentence that names it. Where the data says `which` (limit), there may be words for that one: `<code>.<which>`."""
    if not say.knows(code):
        return Spoken(say("error.general", code=code), say("error.general.todo"))
    todo, exact = f"{code}.todo", f"{code}.{data.get('which')}"
    return Spoken(say(exact if say.knows(exact) else code, **data), say(todo, **data) if say.knows(todo) else "")


def failure(say: Say, problem: Failure) -> Spoken:
    """The words of a failure."""
    return speak(say, problem.code, problem.data)
