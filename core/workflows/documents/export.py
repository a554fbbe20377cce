"""A whole workspace as one YAML text."""

from typing import Any

from core.kernel.actor import Actor
from core.kernel.errors import Invalid
from core.workflows.documents.names import DocumentWork, Names
from core.workflows.documents.show import show, target_of
from core.workflows.documents.writing import write


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
    keys = {(*target_of(names, trigger), trigger.type, trigger.name): trigger for trigger in names.triggers}
    if len(keys) < len(names.triggers):
        doubled = next(trigger for trigger in names.triggers if trigger not in keys.values())
        raise Invalid("workflows.document_name_ambiguous", of="trigger", wanted=doubled.name)
    things += [keys[key] for key in sorted(keys)]
    return write(show(work, names, thing) for thing in things)
