"""Modals and home tabs: what a person sees of them, and what they have put in."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .blocks import with_ids
from .blocks.composition import every_option
from .blocks.elements import INPUTS
from .blocks.layout import elements_of
from .message import Shown

if TYPE_CHECKING:
    from .people import Person

DEPTH_LIMIT = 3
FILE_LIMIT = 10_000_000

# Element → the field of its state; what a person gives is turned into that shape.
_SINGLE = {"users_select": "user", "channels_select": "channel", "conversations_select": "conversation"}


class View(Shown):
    """Live: properties read what is shown now. `errors` are the app's answers to a submission, by block id."""

    def __init__(self, person: Person, content: dict[str, Any], id: str) -> None:
        self.person = person
        self.id = id
        self.versions: list[dict[str, Any]] = []
        self.hash = ""
        self.values: dict[str, dict[str, dict[str, Any]]] = {}
        self.errors: dict[str, str] = {}
        self.trouble = ""
        self.root: View = self
        self.previous: View | None = None
        self.closed = False
        self.change(content)

    def change(self, content: dict[str, Any]) -> None:
        """Show other content; what was put in stays where block and action ids are the same."""
        content = content | {"blocks": with_ids(content.get("blocks", []))}
        self.versions.append(content)
        self.hash = f"{self.person.team.next_ts()}.{secrets.token_hex(4)}"
        self.errors = {}
        kept, self.values = self.values, {}
        for block in content["blocks"]:
            for _, element in elements_of(block):
                if element["type"] in INPUTS:
                    before = kept.get(block["block_id"], {}).get(element["action_id"])
                    same = before is not None and before["type"] == element["type"]
                    state = before if same else initial_state(element)
                    self.values.setdefault(block["block_id"], {})[element["action_id"]] = state or {}

    @property
    def content(self) -> dict[str, Any]:
        return self.versions[-1]

    @property
    def type(self) -> str:
        return self.content["type"]

    @property
    def title(self) -> str:
        return self.content.get("title", {}).get("text", "")

    @property
    def submit(self) -> str:
        return self.content.get("submit", {}).get("text", "")

    @property
    def close(self) -> str:
        return self.content.get("close", {}).get("text", "Cancel")

    @property
    def private_metadata(self) -> str:
        return self.content.get("private_metadata", "")

    @property
    def callback_id(self) -> str:
        return self.content.get("callback_id", "")

    @property
    def blocks(self) -> list[dict[str, Any]]:
        return self.content["blocks"]

    @property
    def fields(self) -> list[str]:
        """Labels of the input blocks, in order."""
        return [block["label"]["text"] for block in self.blocks if block["type"] == "input"]

    def input(self, name: str) -> dict[str, Any]:
        """The input block with this label, block id or action id."""
        inputs = [block for block in self.blocks if block["type"] == "input"]
        for block in inputs:
            if name in (block["label"]["text"], block["block_id"], block["element"]["action_id"]):
                return block
        raise AssertionError(f"no input {name!r} in {self.title!r}, but {self.fields}")

    def error(self, name: str) -> str:
        """What the app says is wrong with an input; empty for nothing."""
        return self.errors.get(self.input(name)["block_id"], "")

    def wait_for(self, predicate: Callable[[View], bool], timeout: float = 60.0) -> View:
        """Wait until this view is such that `predicate` holds."""
        return self.person.world.wait_until(
            lambda: self if predicate(self) else None, timeout, lambda: f"no such change of {self!r}: {self.shown}"
        )

    def wait_for_text(self, text: str, timeout: float = 60.0) -> View:
        return self.wait_for(lambda view: text in view.shown, timeout)

    def put(self, name: str, value: Any) -> None:
        """Fill in one input as a person does; AssertionError where the form would not take it."""
        block = self.input(name)
        element = block["element"]
        state = self._handed_over(element, value) if element["type"] == "file_input" else state_of(element, value)
        self.values[block["block_id"]][element["action_id"]] = state

    def _handed_over(self, element: dict[str, Any], value: Any) -> dict[str, Any]:
        """Files as (name, content), one or several: the form takes them up before it is sent."""
        team, files = self.person.team, self.person.world.files
        given = [value] if isinstance(value, tuple) else list(value or [])
        assert len(given) <= element.get("max_files", 10), f"no more than {element.get('max_files', 10)} files"
        kept = []
        for name, content in given:
            kinds = element.get("filetypes")
            assert not kinds or name.rpartition(".")[2] in kinds, f"only {kinds} may be handed over"
            assert len(content) <= FILE_LIMIT, "no file over 10 MB"
            kept.append(files.keep(team, name, name, "application/octet-stream", content, self.person.id))
        return {"type": "file_input", "files": [files.as_json(one) for one in kept]}

    def complaints(self) -> dict[str, str]:
        """What Slack itself says before it sends a form: block id → words."""
        found: dict[str, str] = {}
        for block in self.blocks:
            if block["type"] != "input":
                continue
            state = self.values[block["block_id"]][block["element"]["action_id"]]
            value = next((one for key, one in state.items() if key != "type"), None)
            if value in (None, "", []) and not block.get("optional"):
                found[block["block_id"]] = "Please complete this required field."
            elif isinstance(value, str) and len(value) < block["element"].get("min_length", 0):
                found[block["block_id"]] = f"Please enter at least {block['element']['min_length']} characters."
            elif isinstance(value, str) and len(value) > block["element"].get("max_length", 3000):
                found[block["block_id"]] = (
                    f"Please enter at most {block['element'].get('max_length', 3000)} characters."
                )
        return found

    def as_json(self) -> dict[str, Any]:
        """The view object of responses and payloads."""
        installation = self.person.team.installation
        return {
            "id": self.id, "team_id": self.person.team.id, "type": self.type, "blocks": self.blocks,
            "private_metadata": self.private_metadata, "callback_id": self.callback_id,
            "external_id": self.content.get("external_id", ""), "state": {"values": self.values}, "hash": self.hash,
            "title": self.content.get("title", {"type": "plain_text", "text": "View Title", "emoji": True}),
            "clear_on_close": self.content.get("clear_on_close", False),
            "notify_on_close": self.content.get("notify_on_close", False),
            "close": self.content.get("close"), "submit": self.content.get("submit"),
            "root_view_id": self.root.id, "previous_view_id": self.previous.id if self.previous else None,
            "app_id": self.person.world.app.id, "app_installed_team_id": org.id if (org := self.person.team.whole) is not None else self.person.team.id,
            "bot_id": installation.bot_id if installation else "",
        }  # fmt: skip

    def __repr__(self) -> str:
        return f"<{self.id} {self.type} {self.title!r} {self.fields} {self.labels}{' (closed)' if self.closed else ''}>"


def initial_state(element: dict[str, Any]) -> dict[str, Any]:
    """What an input holds before anybody touched it."""
    kind = element["type"]
    if kind in _SINGLE:
        return {"type": kind, f"selected_{_SINGLE[kind]}": element.get(f"initial_{_SINGLE[kind]}")}
    if kind.removeprefix("multi_") in _SINGLE:
        name = _SINGLE[kind.removeprefix("multi_")] + "s"
        return {"type": kind, f"selected_{name}": element.get(f"initial_{name}", [])}
    if kind == "file_input":
        return {"type": kind, "files": []}
    if kind.startswith("multi_") or kind == "checkboxes":
        return {"type": kind, "selected_options": element.get("initial_options", [])}
    if kind in ("static_select", "external_select", "radio_buttons"):
        return {"type": kind, "selected_option": element.get("initial_option")}
    if kind in ("datepicker", "timepicker", "datetimepicker"):
        field = {"datepicker": "date", "timepicker": "time", "datetimepicker": "date_time"}[kind]
        return {"type": kind, f"selected_{field}": element.get(f"initial_{field}")}
    return {"type": kind, "value": element.get("initial_value")}


def state_of(element: dict[str, Any], value: Any) -> dict[str, Any]:
    """`value` as an input's state: options by their words or values, people and conversations as objects or ids."""
    state = initial_state(element)
    field = next(key for key in state if key != "type")
    if field == "selected_option":
        state[field] = None if value is None else _option(element, value)
    elif field == "selected_options":
        given = [value] if isinstance(value, str | dict) else list(value or [])
        state[field] = [_option(element, one) for one in given]
    elif field.endswith("s") and field != "selected_options" and field != "value":
        state[field] = [getattr(one, "id", one) for one in value]
    else:
        state[field] = getattr(value, "id", value)
    return state


def _option(element: dict[str, Any], wanted: Any) -> dict[str, Any]:
    """An option by its text or value; one of an external select is given as it came from the app."""
    if isinstance(wanted, dict):
        return wanted
    every = every_option(element)
    found = [one for one in every if wanted in (one["text"]["text"], one["value"])]
    assert found, f"no option {wanted!r} among {[one['text']['text'] for one in every]}"
    return found[0]
