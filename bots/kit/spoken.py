"""What people write in their own language about times, put into the English that the readers of schedules and times understand: `bots/texts/<language>/spoken.yaml`."""

import re
from functools import cache
from typing import Literal

import yaml

from bots.kit.words import FOLDER, WordsBroken

About = Literal["schedule", "moment"]


def in_english(language: str, words: str, about: About) -> str | None:
    """`werktags um 8` as `weekdays at 8`; None for a language that has no such file. A word that the file does not know stays as it is."""
    known = _known(language.split("-", maxsplit=1)[0].lower())
    if not known:
        return None
    text = " ".join(words.lower().replace("’", "'").split())[:200].rstrip("!")
    text = text.rstrip(".") if text[-2:-1].isalpha() else text
    for pattern, english in (*known["both"], *known[about]):
        text = pattern.sub(english, text)
    return " ".join(text.split())


@cache
def _known(language: str) -> dict[str, list[tuple[re.Pattern[str], str]]]:
    file = FOLDER / language / "spoken.yaml"
    if not language.isalpha() or not file.is_file():
        return {}
    try:
        written = yaml.safe_load(file.read_text("utf-8"))
        return {
            about: [(re.compile(pattern), str(english)) for pattern, english in (written.get(about) or {}).items()]
            for about in ("both", "schedule", "moment")
        }
    except (yaml.YAMLError, re.error, AttributeError) as problem:
        raise WordsBroken(f"{file}: {problem}") from problem
