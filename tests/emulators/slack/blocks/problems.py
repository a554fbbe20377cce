"""What is wrong with a payload, each problem with the JSON pointer to its place."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any


class Problems:
    """Collects problems; every check returns whether its value can be looked into further.

    A field that is null is not absent: the platform refuses it.
    """

    def __init__(self) -> None:
        self.found: list[str] = []

    def add(self, problem: str, path: str) -> None:
        self.found.append(f"{problem} [json-pointer:{path}]")

    def is_object(self, value: Any, path: str) -> bool:
        if not isinstance(value, dict):
            self.add("must provide an object", path)
            return False
        return True

    def is_list(self, value: Any, path: str, most: int, least: int = 1) -> bool:
        if not isinstance(value, list):
            self.add("must provide an array", path)
            return False
        if len(value) > most:
            self.add(f"no more than {most} items allowed", path)
        if len(value) < least:
            self.add(f"must provide at least {least} items", path)
        return True

    def has(self, value: dict[str, Any], path: str, *fields: str) -> bool:
        missing = [field for field in fields if field not in value]
        for field in missing:
            self.add(f"missing required field: {field}", path)
        return not missing

    def only(self, value: dict[str, Any], path: str, fields: Collection[str]) -> None:
        for field in value:
            if field not in fields:
                self.add(f"invalid additional property: {field}", path)

    def string(self, value: dict[str, Any], field: str, path: str, most: int, least: int = 1) -> None:
        """A field that may be absent; between `least` and `most` characters when it is there."""
        if field not in value:
            return
        text = value[field]
        if not isinstance(text, str):
            self.add("must provide a string", f"{path}/{field}")
        elif len(text) > most:
            self.add(f"must be less than {most + 1} characters", f"{path}/{field}")
        elif len(text) < least:
            self.add(f"must be more than {least - 1} characters", f"{path}/{field}")

    def is_kind(self, value: dict[str, Any], path: str, allowed: Collection[str]) -> bool:
        """Whether `type` is there and one of `allowed`."""
        if not self.has(value, path, "type"):
            return False
        if not isinstance(value["type"], str):
            self.add("must provide a string", f"{path}/type")
            return False
        if value["type"] not in allowed:
            self.add(f"unsupported type: {value['type']}", f"{path}/type")
            return False
        return True

    def number(self, value: dict[str, Any], field: str, path: str, low: int, high: int) -> None:
        if field not in value:
            return
        number = value[field]
        if not isinstance(number, int) or isinstance(number, bool):
            self.add("must provide a number", f"{path}/{field}")
        elif not low <= number <= high:
            self.add(f"must be between {low} and {high}", f"{path}/{field}")

    def boolean(self, value: dict[str, Any], field: str, path: str) -> None:
        if field in value and not isinstance(value[field], bool):
            self.add("must provide a boolean", f"{path}/{field}")

    def one_of(self, value: dict[str, Any], field: str, path: str, choices: Collection[str]) -> None:
        if field in value and not isinstance(value[field], str):
            self.add("must provide a string", f"{path}/{field}")
        elif field in value and value[field] not in choices:
            self.add("must be a valid enum value", f"{path}/{field}")

    def text(self, value: dict[str, Any], field: str, path: str, most: int, *, plain: bool = True) -> None:
        """A text object that may be absent: plain_text alone, or mrkdwn too when not `plain`."""
        if field not in value:
            return
        text = value[field]
        here, before = f"{path}/{field}", len(self.found)
        kinds = ("plain_text",) if plain else ("plain_text", "mrkdwn")
        if self.is_object(text, here) and self.is_kind(text, here, kinds) and self.has(text, here, "text"):
            known = {"type", "text", "emoji"} if text["type"] == "plain_text" else {"type", "text", "verbatim"}
            self.only(text, here, known)
            self.string(text, "text", here, most)
            self.boolean(text, "emoji", here)
            self.boolean(text, "verbatim", here)
        if len(self.found) > before:
            self.found.insert(before, f"failed to match all allowed schemas [json-pointer:{here}]")
