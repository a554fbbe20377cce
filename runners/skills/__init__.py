"""The skills that graphs are made of. Each is a class in a file of its own in this package; importing it is all it takes."""

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pkgutil import walk_packages
from typing import Any

from pydantic import BaseModel

from core.kernel.errors import NotFound
from core.orchestration.ports import Skill

AnySkill = Skill[Any, Any]

__all__ = ["AnySkill", "SkillTwice", "skill", "skills"]


class SkillTwice(Exception):
    """Two classes claim the same skill name; the process refuses to start."""


def _is_skill(thing: Any, module: str) -> bool:
    return (
        isinstance(thing, type)
        and thing.__module__ == module
        and isinstance(getattr(thing, "name", None), str)
        and callable(getattr(thing, "run", None))
        and all(
            isinstance(model := getattr(thing, side, None), type) and issubclass(model, BaseModel)
            for side in ("Input", "Output")
        )
    )


def found_in(package: str) -> dict[str, type[AnySkill]]:
    """Every skill class in the modules of `package`, by name. Raises SkillTwice."""
    found: dict[str, type[AnySkill]] = {}
    for entry in walk_packages(import_module(package).__path__, prefix=f"{package}."):
        module = import_module(entry.name)
        for thing in vars(module).values():
            if not _is_skill(thing, module.__name__):
                continue
            if thing.name in found:
                raise SkillTwice(f"{thing.name}: {found[thing.name].__module__} and {module.__name__}")
            found[thing.name] = thing
    return dict(sorted(found.items()))


@cache
def skills() -> Mapping[str, type[AnySkill]]:
    """Every skill class by name. Raises SkillTwice."""
    return found_in(__name__)


@cache
def skill(name: str) -> AnySkill:
    """The skill of that name. Raises NotFound `orchestration.skill_unknown`."""
    try:
        return skills()[name]()
    except KeyError:
        raise NotFound("orchestration.skill_unknown", skill=name) from None
