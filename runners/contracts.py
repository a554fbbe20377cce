"""What the skills of this source tree take and give, for the doors that check graphs (docs/adr/0007)."""

from functools import cache

from core.catalog.contracts import Contracts, SkillContract
from runners.skills import skills


@cache
def contracts() -> Contracts:
    """One contract for each skill that the registry finds."""
    return Contracts(
        SkillContract(
            name=name,
            input=found.Input.model_json_schema(mode="validation"),
            output=found.Output.model_json_schema(mode="serialization"),
            quick=getattr(found, "quick", False),
        )
        for name, found in skills().items()
    )
