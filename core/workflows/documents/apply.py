"""A YAML text becomes what it says: all of it or nothing, and nothing twice."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

from core.catalog.contracts import Contracts
from core.catalog.versions import Change, differences
from core.kernel.actor import Actor
from core.kernel.errors import Failure
from core.workflows.documents.entries import Written, entries
from core.workflows.documents.make import Maker
from core.workflows.documents.names import DocumentWork, Names
from core.workflows.documents.shapes import Kind
from core.workflows.documents.show import show


@dataclass(frozen=True)
class Changed:
    """What becomes of one entry; `changes` say what differs, for a new one all that it has. `id` is that of the thing, in a plan one that will never be."""

    kind: Kind
    name: str
    how: Literal["added", "changed", "removed", "unchanged"]
    changes: tuple[Change, ...] = ()
    id: UUID | None = None


@dataclass(frozen=True)
class NewSecret:
    """The secret of a new webhook, shown this once."""

    trigger: str
    trigger_id: UUID
    secret: str


@dataclass
class Applied:
    """What a document did, entry by entry in the order of its making."""

    changes: list[Changed] = field(default_factory=list)
    secrets: list[NewSecret] = field(default_factory=list)

    @property
    def differs(self) -> bool:
        """Whether anything was other than the document says."""
        return any(each.how != "unchanged" for each in self.changes)


def apply_document(work: DocumentWork, actor: Actor, contracts: Contracts, text: str | bytes) -> Applied:
    """Makes and changes what the document names; what it does not name stays. Where nothing differs nothing is written. Commit makes all of it durable, and no commit none.

    Raises the failures of the use cases of each kind, and those of entries.entries, with `line`, `entry_kind`, `entry_name` and `place` in their data;
    `workflows.document_name_unknown`, `document_name_ambiguous` (of, wanted), `document_field_fixed`, `document_history_differs`."""
    actor.need("write")
    written = entries(text)
    names = Names(work, actor.user_id)
    maker = Maker(work, actor, contracts, names)
    applied = Applied()
    found: dict[int, tuple[dict[str, Any] | None, Any]] = {}
    for at, one in enumerate(written):
        with _Located(one):
            existing = maker.find(one)
            before = None if existing is None else show(work, names, existing)
            found[at] = before, maker.remove(existing) if one.removed else maker.make(one, existing)
    # Only then: what is used by something that comes later must not be held before.
    for at, one in enumerate(written):
        if not one.removed:
            with _Located(one):
                maker.hold(one, found[at][1])
    for at, one in enumerate(written):
        before, thing = found[at]
        with _Located(one):
            changed = (
                _removed(one, before) if one.removed else _changed(one, before, show(work, names, thing), thing.id)
            )
        applied.changes.append(changed)
    applied.secrets += [NewSecret(trigger.name, trigger.id, secret) for trigger, secret in maker.secrets]
    return applied


def plan_changes(work: DocumentWork, actor: Actor, contracts: Contracts, text: str | bytes) -> list[Changed]:
    """What apply_document would do, found by doing it: for a unit of work that is never committed. Raises as apply_document does."""
    return apply_document(work, actor, contracts, text).changes


class _Located:
    """Every failure inside says where in the text."""

    def __init__(self, written: Written) -> None:
        self._written = written

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None, trace: object) -> None:
        if isinstance(problem, Failure):
            raise self._written.located(problem) from problem


def _changed(written: Written, before: dict[str, Any] | None, after: dict[str, Any], id: UUID) -> Changed:
    kind: Any = written.entry.kind
    if before == after:
        return Changed(kind, written.name, "unchanged", id=id)
    changes = tuple(_differences(before or {}, after))
    return Changed(kind, written.name, "added" if before is None else "changed", changes, id)


def _removed(written: Written, before: dict[str, Any] | None) -> Changed:
    """What is removed is told with all that it was."""
    if before is None:
        return Changed("trigger", written.name, "unchanged")
    return Changed("trigger", written.name, "removed", tuple(_differences(before, {})))


def _differences(before: dict[str, Any], after: dict[str, Any]) -> Iterator[Change]:
    hidden = ("kind", "name")
    shown = [{key: _by_id(value) for key, value in part.items() if key not in hidden} for part in (before, after)]
    return differences("", *shown)


def _by_id(value: Any) -> Any:
    """Nodes and steps are told by their ids, so that a change says which."""
    if isinstance(value, Mapping):
        return {key: _by_id(each) for key, each in value.items()}
    if isinstance(value, list) and value and all(isinstance(each, Mapping) and "id" in each for each in value):
        return {each["id"]: _by_id({key: part for key, part in each.items() if key != "id"}) for each in value}
    return value
