"""A form as questions, one at a time: how far it is, what an answer does to it. Pure: nothing is stored or shown here."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

from bots.kit import forms
from bots.kit.dialog import Upload
from bots.kit.screen import Field, Form
from core.kernel.errors import Invalid

OFFERED = 8
"""As many options as are shown as buttons at once."""
NOTHING = ("-", "–", "—")
"""What is written to leave something empty that had words."""


class Unclear(Exception):
    """The answer is none; `code` and `data` say why."""

    def __init__(self, code: str, **data: Any) -> None:
        super().__init__(code)
        self.code, self.data = code, data


class Flow(BaseModel):
    """How far a form is. `ask` are the numbers of the fields to ask, `at` which of these is open; `answers` what was said so far, by name, as a form
    posts it; `ticks` what is ticked of the open question's options, `found` which of them are offered (empty: from `page` on).
    `mark` tells this form's buttons from those of an earlier one. `outer` is the conversation that the form belongs to. `overview`: the form changes something, so
    that it is asked only for what was picked; `shown` while nothing is picked, `turn` counts what was said since, so that an old overview is known for one."""

    model_config = ConfigDict(frozen=True)

    form: Form
    ask: tuple[int, ...]
    mark: str
    at: int = 0
    answers: dict[str, Any] = {}
    ticks: tuple[int, ...] = ()
    found: tuple[int, ...] = ()
    page: int = 0
    errors: dict[str, str] = {}
    outer: dict[str, Any] | None = None
    overview: bool = False
    shown: bool = False
    turn: int = 0

    @property
    def menu(self) -> str:
        """What the overview's buttons carry."""
        return f"m{self.turn}"

    @property
    def place(self) -> str:
        """What the buttons of that which is open carry."""
        return self.menu if self.shown else str(self.at)

    @property
    def field(self) -> Field:
        """The open question."""
        return self.form.fields[self.ask[self.at]]

    @property
    def complete(self) -> bool:
        """Whether everything was asked."""
        return not self.shown and self.at >= len(self.ask)

    @property
    def by_reply(self) -> bool:
        """Whether the open question takes words and nothing else: no option, nothing to keep or to leave out."""
        field = self.field
        takes_words = field.kind not in ("choice", "choices", "boolean", "file") and not field.options
        return takes_words and (self.overview or (field.required and not self.preset))

    @property
    def offered(self) -> tuple[int, ...]:
        """The options that are buttons now, by number."""
        if self.found:
            return self.found
        options = self.field.options if self.field.kind in ("choice", "choices") else ()
        return tuple(range(len(options)))[self.page * OFFERED : (self.page + 1) * OFFERED]

    @property
    def pages(self) -> int:
        """How many pages of options there are."""
        options = self.field.options if self.field.kind in ("choice", "choices") and not self.found else ()
        return -(-len(options) // OFFERED)

    @property
    def preset(self) -> Any:
        """The open question's answer so far: given before, or what is set now."""
        return self.answers.get(self.field.name, posted(self.field))


def begin(form: Form, mark: str, outer: dict[str, Any] | None = None) -> Flow:
    """The form at its first question, or at the overview of what stands."""
    flow = Flow(form=form, ask=tuple(range(len(form.fields))), mark=mark, outer=outer)
    if form.changes and len(form.fields) > 1:
        return flow.model_copy(update={"overview": True, "shown": True})
    return _opened(flow, 0)


def again(flow: Flow, errors: Mapping[str, str]) -> Flow:
    """The same with only the refused answers asked once more, each with what is wrong with it."""
    wrong = tuple(at for at, field in enumerate(flow.form.fields) if field.name in errors)
    plain = {"overview": False, "shown": False}
    return _opened(flow.model_copy(update={"ask": wrong, "errors": dict(errors), **plain}), 0)


def posted(field: Field) -> Any:
    """What a form would post for the value that is set now."""
    match field.value:
        case None:
            return ""
        case bool():
            return "true" if field.value else ""
        case list() | tuple():
            return [str(one) for one in field.value]
        case value:
            return str(value)


def values(flow: Flow) -> dict[str, Any]:
    """All answers, as a form posts them."""
    given = {field.name: flow.answers.get(field.name, posted(field)) for field in flow.form.fields}
    return {
        name: Upload(**value["upload"]) if isinstance(value, dict) and "upload" in value else value
        for name, value in given.items()
    }


def tapped(flow: Flow, what: str) -> Flow:
    """`o3` takes the option number 3, `t3` ticks it or not, `p1` turns to a page, `yes`, `no`, `done`, `keep`, `back`; of an overview `f3` opens the field number 3,
    `save` ends it. Raises Unclear."""
    number = int(what[1:]) if what[1:].isascii() and what[1:].isdigit() else -1
    if flow.shown:
        return _picked(flow, what, number)
    if what[:1] in ("o", "t") and 0 <= number < len(flow.field.options):
        if what[0] == "o":
            return _answered(flow, flow.field.options[number][0])
        ticks = set(flow.ticks) ^ {number}
        return flow.model_copy(update={"ticks": tuple(sorted(ticks))})
    if what[:1] == "p" and 0 <= number < flow.pages:
        return flow.model_copy(update={"page": number})
    match what:
        case "yes" | "no" if flow.field.kind == "boolean":
            return _answered(flow, "true" if what == "yes" else "")
        case "done" if flow.field.kind == "choices":
            if flow.field.required and not flow.ticks:
                raise Unclear("form.rule.required")
            return _answered(flow, [flow.field.options[at][0] for at in flow.ticks])
        case "keep" if flow.preset or not flow.field.required:
            return _answered(flow, flow.preset)
        case "back":
            return back(flow)
    raise Unclear("telegram.form.stale")


def _picked(flow: Flow, what: str, number: int) -> Flow:
    if what == "save":
        return flow.model_copy(update={"shown": False, "overview": False, "at": len(flow.ask)})
    if what[:1] == "f" and 0 <= number < len(flow.ask):
        return _opened(flow.model_copy(update={"shown": False}), number)
    raise Unclear("telegram.form.stale")


def back(flow: Flow) -> Flow:
    """One question back; from a question that was picked, to the overview. Raises Unclear."""
    if flow.overview and not flow.shown:
        return flow.model_copy(update={"shown": True, "at": 0})
    if flow.overview or flow.at == 0:
        raise Unclear("telegram.form.stale")
    return _opened(flow, flow.at - 1)


def said(flow: Flow, words: str) -> Flow:
    """An answer in words. Raises Unclear; Invalid `form.field_invalid` for one that breaks the field's rule."""
    if flow.shown:
        raise Unclear("telegram.form.pick")
    field, words = flow.field, words.strip()
    if flow.overview and not field.required and words in NOTHING:
        return _answered(flow, [] if field.kind == "choices" else "")
    if field.kind == "file":
        raise Unclear("telegram.form.file")
    if field.kind == "boolean":
        raise Unclear("telegram.form.tap")
    if field.options:
        return _option(flow, words)
    forms.read({"properties": {field.name: _rules(field)}, "required": [field.name]}, {field.name: words})
    return _answered(flow, words)


def handed(flow: Flow, upload: Upload) -> Flow:
    """An answer that is a file. Raises Unclear."""
    if flow.shown or flow.field.kind != "file":
        raise Unclear("telegram.form.no_file")
    return _answered(flow, {"upload": {"name": upload.name, "blob": upload.blob, "size": upload.size}})


def _option(flow: Flow, words: str) -> Flow:
    """The option that is meant: by its value or its label, else those that hold the words are offered; a text may be something else."""
    field, wanted = flow.field, words.casefold()
    exact = [at for at, option in enumerate(field.options) if wanted in (option[0].casefold(), option[1].casefold())]
    near = exact or [at for at, option in enumerate(field.options) if wanted and wanted in option[1].casefold()]
    if len(near) == 1 and field.kind != "choices":
        return _answered(flow, field.options[near[0]][0])
    if field.kind == "choices" and len(near) == 1:
        return flow.model_copy(update={"ticks": tuple(sorted({*flow.ticks, near[0]}))})
    if near:
        return flow.model_copy(update={"found": tuple(near[:OFFERED])})
    if field.kind == "text" and words:
        return _answered(flow, words)
    raise Unclear("telegram.form.no_option", words=words[:60])


def _answered(flow: Flow, value: Any) -> Flow:
    if flow.overview:
        answers = {**flow.answers, flow.field.name: value}
        return flow.model_copy(update={"answers": answers, "shown": True, "turn": flow.turn + 1, "at": 0})
    return _opened(flow.model_copy(update={"answers": {**flow.answers, flow.field.name: value}}), flow.at + 1)


def _opened(flow: Flow, at: int) -> Flow:
    """The flow at another question, with what is set there ticked."""
    moved = flow.model_copy(update={"at": at, "found": (), "page": 0, "ticks": ()})
    if moved.complete or moved.field.kind != "choices":
        return moved
    chosen = [moved.preset] if isinstance(moved.preset, str) else list(moved.preset)
    ticks = tuple(at for at, option in enumerate(moved.field.options) if option[0] in chosen)
    return moved.model_copy(update={"ticks": ticks})


def _rules(field: Field) -> dict[str, Any]:
    kinds = {"integer": "integer", "number": "number"}
    rules: dict[str, Any] = {"type": kinds.get(field.kind, "string")}
    if field.kind in ("date", "time"):
        rules["format"] = field.kind
    if field.kind in kinds:
        rules |= {"minimum": field.minimum, "maximum": field.maximum}
    elif field.max_length is not None:
        rules["maxLength"] = field.max_length
    return {name: value for name, value in rules.items() if value is not None}


__all__ = [
    "OFFERED",
    "Flow",
    "Invalid",
    "Unclear",
    "again",
    "back",
    "begin",
    "handed",
    "posted",
    "said",
    "tapped",
    "values",
]
