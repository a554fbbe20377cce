"""Makes one result of several, by rules: puts them in a row, lays them over each other, or counts what most of them say."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from core.kernel.errors import Invalid
from core.orchestration.ports import SkillContext

LARGEST_RESULT = 1_000_000
"""Characters of its JSON."""


class Input(BaseModel):
    """`results` that are null are passed over.

    concat: texts are joined with `separator`; else one list, lists among the results being opened.
    merge: objects become one, the later field wins; with `by`, a field's name, lists of objects become one list in which those that agree in it are one object.
    vote: what most say, at first sight of a tie; with `by`, only that field of each is counted."""

    model_config = ConfigDict(extra="forbid")

    how: Literal["concat", "merge", "vote"]
    results: list[Any] = Field(max_length=10_000)
    separator: str = Field(default="\n\n", max_length=200)
    by: str | None = Field(default=None, min_length=1, max_length=200)


class Count(BaseModel):
    """How often a value was voted for."""

    value: Any
    votes: int


class Output(BaseModel):
    """`result` is null when there was nothing. `counts` are those of a vote, the most frequent first; `tie` says that the first two are even."""

    result: Any
    counts: list[Count] = []
    tie: bool = False


class Aggregate:
    name: ClassVar[str] = "aggregate"
    quick: ClassVar[bool] = True
    Input = Input
    Output = Output

    def run(self, context: SkillContext, inputs: Input) -> Output:
        """Raises Invalid `orchestration.aggregate_unfit` (data: how, found: the JSON type that does not fit), `orchestration.result_too_large`."""
        given = [result for result in inputs.results if result is not None]
        match inputs.how:
            case "concat":
                output = Output(result=_row(given, inputs.separator))
            case "merge":
                output = Output(result=_merged(given) if inputs.by is None else _joined(given, inputs.by))
            case "vote":
                output = _vote(given, inputs.by)
        if len(json.dumps(output.result, ensure_ascii=False)) > LARGEST_RESULT:
            raise Invalid("orchestration.result_too_large", limit=LARGEST_RESULT)
        return output


def _row(given: list[Any], separator: str) -> Any:
    if not given:
        return None
    if all(isinstance(one, str) for one in given):
        return separator.join(given)
    return [entry for one in given for entry in (one if isinstance(one, list) else [one])]


def _merged(given: list[Any]) -> Any:
    merged: dict[str, Any] = {}
    for one in given:
        merged |= _object(one, "merge")
    return merged if given else None


def _joined(given: list[Any], by: str) -> list[dict[str, Any]]:
    """In the order of their first appearance; what lacks the field stands for itself."""
    found: dict[Any, dict[str, Any]] = {}
    for entry in _row(given, "") or ():
        part = _object(entry, "merge")
        name = _canonical(part[by]) if part.get(by) is not None else len(found)
        found[name] = {**found.get(name, {}), **part}
    return list(found.values())


def _vote(given: list[Any], by: str | None) -> Output:
    counts: dict[str, Count] = {}
    for value in given if by is None else _field(given, by):
        counts.setdefault(_canonical(value), Count(value=value, votes=0)).votes += 1
    ranked = sorted(counts.values(), key=lambda count: -count.votes)
    tie = len(ranked) > 1 and ranked[0].votes == ranked[1].votes
    return Output(result=ranked[0].value if ranked else None, counts=ranked, tie=tie)


def _field(given: list[Any], by: str) -> Iterator[Any]:
    for one in given:
        value = _object(one, "vote").get(by)
        if value is not None:
            yield value


def _object(value: Any, how: str) -> Mapping[str, Any]:
    if isinstance(value, Mapping):
        return value
    kinds = {str: "string", bool: "boolean", int: "number", float: "number", list: "array"}
    raise Invalid("orchestration.aggregate_unfit", how=how, found=kinds.get(type(value), "null"))


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
