"""JSON values as YAML, the same text for the same values, which reading.py reads back exactly."""

from collections.abc import Iterable, Mapping
from typing import Any

import yaml


class _Dumper(yaml.SafeDumper):
    """Texts of several lines stand as they are where YAML allows it."""

    def ignore_aliases(self, data: Any) -> bool:
        """What appears twice is written twice."""
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    lines = text.split("\n")
    # The parser takes other line breaks (U+0085, U+2028) for its own unless they are escaped.
    style = None if all(line.isprintable() for line in lines) else '"'
    if len(lines) > 1 and not style and not text[:1].isspace() and not any(line.endswith(" ") for line in lines):
        style = "|"
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def write(documents: Iterable[Mapping[str, Any]]) -> str:
    """One YAML document for each."""
    return "---\n".join(
        yaml.dump(dict(each), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120) for each in documents
    )


def ordered(value: Any) -> Any:
    """A JSON value with its keys in order of name, all the way down: the database keeps no other order."""
    if isinstance(value, Mapping):
        return {key: ordered(value[key]) for key in sorted(value)}
    return [ordered(each) for each in value] if isinstance(value, list | tuple) else value
