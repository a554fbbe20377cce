"""YAML from outside, read as JSON values with the line of each: no tags, no aliases, no surprises, in little time."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

import yaml

from core.kernel.errors import Invalid

MAX_BYTES = 1_000_000
MAX_DEPTH = 60
MAX_VALUES = 100_000
SHOWN = 80
# The parser gives events only; nothing is constructed by it. libyaml's is some twenty times faster.
PARSER: Any = getattr(yaml, "CLoader", yaml.Loader)
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]*)")
_NUMBER = re.compile(r"-?[0-9]+\.[0-9]*(?:[eE][-+][0-9]+)?")
_WORDS = {"": None, "~": None, "null": None, "Null": None, "NULL": None} | {
    word: word.lower() == "true" for word in ("true", "True", "TRUE", "false", "False", "FALSE")
}
Path = tuple[str | int, ...]


@dataclass
class Marked:
    """A value, and on which line (from 1) each of its parts stands."""

    value: Any = None
    lines: dict[Path, int] = field(default_factory=dict)

    def line(self, path: Path = ()) -> int:
        """The line of the part, or of the innermost that there is around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def read(text: str | bytes) -> list[Marked]:
    """Each document of a YAML text. Plain words are read as YAML 1.2 does: `yes` and `on` are text.

    Raises Invalid, with the line: `workflows.document_too_big`, `document_not_text`, `document_broken` (problem), `document_tag`, `document_alias`,
    `document_key_twice` (key), `document_key_wrong`, `document_value_wrong`, `document_too_deep`, `document_too_many`."""
    try:
        raw = text if isinstance(text, bytes) else text.encode()
        if len(raw) > MAX_BYTES:
            raise Invalid("workflows.document_too_big", most=MAX_BYTES)
        said = raw.decode("utf-8-sig")
    except UnicodeError:
        raise Invalid("workflows.document_not_text") from None
    try:
        return [document for document in _documents(said) if document.value is not None]
    except yaml.YAMLError as problem:
        mark = getattr(problem, "problem_mark", None)
        line = mark.line + 1 if mark is not None else said.count("\n", 0, getattr(problem, "position", 0) or 0) + 1
        why = getattr(problem, "problem", None) or getattr(problem, "reason", None) or "syntax"
        raise Invalid("workflows.document_broken", line=line, problem=str(why)[:SHOWN]) from None


@dataclass
class _Open:
    """A mapping or list that is being read; `key` waits for its value."""

    value: Any
    path: Path
    key: str | None = None


def _documents(text: str) -> Iterator[Marked]:
    made, stack, values = Marked(), list[_Open](), 0
    for event in yaml.parse(text, Loader=PARSER):
        if isinstance(event, yaml.DocumentStartEvent):
            made, stack = Marked(), []
            continue
        if isinstance(event, yaml.DocumentEndEvent):
            yield made
            continue
        if isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            stack.pop()
            continue
        if not isinstance(event, yaml.NodeEvent):
            continue
        line = event.start_mark.line + 1
        values += 1
        _refuse(event, line, values, len(stack))
        holder = stack[-1] if stack else None
        if holder is not None and isinstance(holder.value, dict) and holder.key is None:
            holder.key = _key(event, holder.value, line)
            made.lines[(*holder.path, holder.key)] = line
            continue
        path: Path = () if holder is None else (*holder.path, _place(holder))
        if isinstance(event, yaml.ScalarEvent):
            value: Any = _scalar(event, line)
        else:
            value = {} if isinstance(event, yaml.MappingStartEvent) else []
        made.lines.setdefault(path, line)
        if holder is None:
            made.value = value
        elif isinstance(holder.value, dict):
            holder.value[holder.key], holder.key = value, None
        else:
            holder.value.append(value)
        if not isinstance(event, yaml.ScalarEvent):
            stack.append(_Open(value, path))


def _refuse(event: Any, line: int, values: int, depth: int) -> None:
    if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
        raise Invalid("workflows.document_alias", line=line)
    if event.tag is not None:
        raise Invalid("workflows.document_tag", line=line, tag=event.tag[:SHOWN])
    if values > MAX_VALUES:
        raise Invalid("workflows.document_too_many", line=line, most=MAX_VALUES)
    if depth >= MAX_DEPTH:
        raise Invalid("workflows.document_too_deep", line=line, most=MAX_DEPTH)


def _place(holder: _Open) -> str | int:
    return holder.key if holder.key is not None else len(holder.value)


def _key(event: Any, there: dict[str, Any], line: int) -> str:
    if not isinstance(event, yaml.ScalarEvent):
        raise Invalid("workflows.document_key_wrong", line=line)
    key = _text(event.value, line)
    if key in there:
        raise Invalid("workflows.document_key_twice", line=line, key=key[:SHOWN])
    return key


def _scalar(event: Any, line: int) -> Any:
    said = event.value
    if event.style:
        return _text(said, line)
    if said in _WORDS:
        return _WORDS[said]
    if _INTEGER.fullmatch(said):
        if len(said) > 20 or abs(int(said)) >= 2**63:
            raise Invalid("workflows.document_value_wrong", line=line)
        return int(said)
    if _NUMBER.fullmatch(said):
        if not isfinite(float(said)):
            raise Invalid("workflows.document_value_wrong", line=line)
        return float(said)
    return _text(said, line)


def _text(said: str, line: int) -> str:
    """Only what JSON in PostgreSQL has."""
    if "\x00" in said or any("\ud800" <= char <= "\udfff" for char in said):
        raise Invalid("workflows.document_value_wrong", line=line)
    return said
