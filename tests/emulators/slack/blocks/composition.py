"""Objects that elements are made of: options, groups of them, confirmations, filters."""

from __future__ import annotations

from typing import Any

from .problems import Problems

OPTION_LIMIT = 100


def check_confirm(problems: Problems, value: dict[str, Any], path: str) -> None:
    if "confirm" not in value:
        return
    confirm, here = value["confirm"], f"{path}/confirm"
    if not problems.is_object(confirm, here) or not problems.has(confirm, here, "title", "text", "confirm", "deny"):
        return
    problems.only(confirm, here, {"title", "text", "confirm", "deny", "style"})
    problems.text(confirm, "title", here, 100)
    problems.text(confirm, "text", here, 300, plain=False)
    problems.text(confirm, "confirm", here, 30)
    problems.text(confirm, "deny", here, 30)
    problems.one_of(confirm, "style", here, ("primary", "danger"))


def check_options(
    problems: Problems, value: dict[str, Any], path: str, most: int, *, plain: bool = True, field: str = "options"
) -> None:
    options = value.get(field)
    if not problems.is_list(options, f"{path}/{field}", most):
        return
    for at, option in enumerate(options):
        check_option(problems, option, f"{path}/{field}/{at}", plain=plain)


def check_option(problems: Problems, option: Any, path: str, *, plain: bool) -> None:
    if not problems.is_object(option, path) or not problems.has(option, path, "text", "value"):
        return
    problems.only(option, path, {"text", "value", "description", "url"})
    problems.text(option, "text", path, 75, plain=plain)
    problems.string(option, "value", path, 150)
    problems.text(option, "description", path, 75, plain=plain)
    problems.string(option, "url", path, 3000)


def check_choices(problems: Problems, value: dict[str, Any], path: str) -> None:
    """`options` or `option_groups` of a static select, exactly one of the two."""
    if ("options" in value) == ("option_groups" in value):
        problems.add("must define either `options` or `option_groups`", path)
        return
    if "options" in value:
        check_options(problems, value, path, OPTION_LIMIT)
        return
    groups = value["option_groups"]
    if not problems.is_list(groups, f"{path}/option_groups", OPTION_LIMIT):
        return
    for at, group in enumerate(groups):
        here = f"{path}/option_groups/{at}"
        if problems.is_object(group, here) and problems.has(group, here, "label", "options"):
            problems.text(group, "label", here, 75)
            check_options(problems, group, here, OPTION_LIMIT)


def every_option(value: dict[str, Any]) -> list[dict[str, Any]]:
    """Options of an element, of its groups too, in order."""
    own = list(value.get("options") or [])
    return own + [option for group in value.get("option_groups") or [] for option in group["options"]]


def check_initial(problems: Problems, value: dict[str, Any], path: str) -> None:
    """What is chosen at first has to be among the options, character by character."""
    known = every_option(value)
    if "initial_option" in value and value["initial_option"] not in known:
        problems.add("`initial_option` must match one of the options", f"{path}/initial_option")
    initial = value.get("initial_options", known[:1])
    if problems.is_list(initial, f"{path}/initial_options", OPTION_LIMIT):
        for option in initial:
            if option not in known:
                problems.add("`initial_option` must match one of the options", f"{path}/initial_options")
