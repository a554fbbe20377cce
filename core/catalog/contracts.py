"""What doors know of the skills that runners carry out: names and JSON Schemas, handed in by the wiring (docs/adr/0007)."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter


class SkillContract(BaseModel):
    """What a skill takes and gives, as JSON Schemas of objects. `quick`: it only computes, for milliseconds."""

    model_config = ConfigDict(frozen=True)

    name: str
    input: dict[str, Any]
    output: dict[str, Any]
    quick: bool = False


class Contracts(Mapping[str, SkillContract]):
    """The contracts of all platform skills, by name."""

    def __init__(self, contracts: Iterable[SkillContract]) -> None:
        self._by_name = {contract.name: contract for contract in contracts}

    def __getitem__(self, name: str) -> SkillContract:
        return self._by_name[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)

    def to_json(self) -> bytes:
        """For another process."""
        return _LIST.dump_json(list(self._by_name.values()))

    @classmethod
    def from_json(cls, text: bytes) -> "Contracts":
        """What `to_json` gave. Raises ValueError."""
        return cls(_LIST.validate_json(text))


_LIST = TypeAdapter(list[SkillContract])
