"""What the skills of this source tree take and give, for the doors that check graphs (docs/adr/0007)."""

from functools import cache
from typing import Any

from core.catalog.contracts import Contracts, SkillContract
from runners.skills import skills


@cache
def contracts() -> Contracts:
    """One contract for each skill that the registry finds."""
    return Contracts(_contract(name, kind) for name, kind in skills().items())


def _contract(name: str, kind: Any) -> SkillContract:
    return SkillContract(
        name=name,
        input=kind.Input.model_json_schema(mode="validation"),
        output=kind.Output.model_json_schema(mode="serialization"),
        quick=getattr(kind, "quick", False),
    )
