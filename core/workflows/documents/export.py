"""A workspace as one YAML text, or one thing of it with all that it needs."""

from collections.abc import Iterator
from typing import Any, Literal
from uuid import UUID

from core.kernel.actor import Actor
from core.kernel.errors import Invalid, NotFound
from core.workflows.documents.entries import needs
from core.workflows.documents.names import DocumentWork, Names
from core.workflows.documents.shapes import ENTRY
from core.workflows.documents.show import show, target_of
from core.workflows.documents.writing import write
from core.workflows.models import Trigger

Exported = Literal["agent", "pack", "workflow"]
"""What can be exported alone."""


def export_document(work: DocumentWork, actor: Actor) -> str:
    """Skills, agents, packs, workflows and triggers of the workspace, one document each, in order of name: applied to an empty workspace it makes the same, whose export is
    this text byte for byte. It holds no secrets, no ids, and no connections but their names. A pack that was put away is left out where another has its name.
    Raises Invalid `workflows.document_name_ambiguous` where a name stands for two things."""
    actor.need("read")
    names = Names(work, actor.user_id)
    packs = [pack for pack in names.packs if names.find("pack", pack.name) is pack]
    things: list[Any] = []
    for kind, found in (
        ("skill", names.skills),
        ("agent", names.agents),
        ("pack", packs),
        ("workflow", names.workflows),
    ):
        for thing in found:
            names.called(kind, thing.id)  # type: ignore[arg-type]
        things += sorted(found, key=lambda thing: thing.name)
    things += _told_apart(names, names.triggers)
    return write(show(work, names, thing) for thing in things)


def _told_apart(names: Names, triggers: list[Trigger]) -> list[Trigger]:
    """In order of what they start, type and name. Raises Invalid `workflows.document_name_ambiguous` where that is the same for two."""
    keys = {(*target_of(names, trigger), trigger.type, trigger.name): trigger for trigger in triggers}
    if len(keys) < len(triggers):
        doubled = next(trigger for trigger in triggers if trigger not in keys.values())
        raise Invalid("workflows.document_name_ambiguous", of="trigger", wanted=doubled.name)
    return [keys[key] for key in sorted(keys)]


def export_thing(work: DocumentWork, actor: Actor, kind: Exported, which: UUID | str) -> str:
    """One thing, known by its id or its name, as YAML, after what it refers to (own skills, agents, the pack of a workflow) and before what starts it. Like export_document
    in all else. Raises NotFound `workflows.nothing_to_export` (of, wanted), Invalid `workflows.document_name_ambiguous`."""
    actor.need("read")
    names = Names(work, actor.user_id)
    try:
        thing = names.the(kind, names.called(kind, which) if isinstance(which, UUID) else which)
    except NotFound as unknown:
        raise NotFound("workflows.nothing_to_export", of=kind, wanted=unknown.data["wanted"]) from None
    shown = [show(work, names, each) for each in _with_needs(work, names, kind, thing.name)]
    starting = [trigger for trigger in names.triggers if getattr(trigger, f"{kind}_id") == thing.id]
    shown += [show(work, names, trigger) for trigger in _told_apart(names, starting)]
    return write(shown)


def _with_needs(work: DocumentWork, names: Names, kind: Any, name: str) -> Iterator[Any]:
    """The thing after all that it refers to, each once; without recursion, however long the chain."""
    known: set[tuple[str, ...]] = set()
    todo: list[tuple[Any, bool]] = [((kind, name), False)]
    while todo:
        key, ready = todo.pop()
        if ready:
            yield names.the(*key)
        elif key not in known:
            known.add(key)
            entry = ENTRY.validate_python(show(work, names, names.the(*key)))
            todo.append((key, True))
            todo += [(need, False) for need in sorted(needs(entry), reverse=True)]
