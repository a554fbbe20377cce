"""Names instead of ids: what each thing of a workspace is called, and what a name stands for."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol
from uuid import UUID

from core.billing.ports import BillingWork
from core.catalog.models import Agent, OwnSkill
from core.catalog.ports import CatalogWork, SkillsWork
from core.connectors.models import Connection
from core.connectors.ports import ConnectionsWork
from core.kernel.errors import Invalid, NotFound
from core.messaging.post import PostWork
from core.orchestration.ports import OrchestrationWork
from core.preferences.ports import PreferencesWork
from core.workflows.documents.reading import Path
from core.workflows.documents.shapes import Kind
from core.workflows.models import Pack, Trigger, Workflow
from core.workflows.ports import PacksWork, QuestionsWork, TriggersWork, WorkflowsWork

PAGE = 500
ME = "me"
Named = Agent | OwnSkill | Pack | Workflow


class DocumentWork(
    CatalogWork, SkillsWork, BillingWork, ConnectionsWork, PreferencesWork, PostWork, OrchestrationWork, WorkflowsWork,
    PacksWork, QuestionsWork, TriggersWork, Protocol,
):  # fmt: skip
    """What documents need: everything that they can hold."""


class Names:
    """The things of a workspace by name; asked once, and told of what is made."""

    def __init__(self, work: DocumentWork, user_id: UUID) -> None:
        self._work, self._user_id = work, user_id
        self.agents = _all(lambda after: work.agents.page(None, after, PAGE))
        self.skills = _all(lambda after: work.skills.page(after, PAGE))
        self.packs = _all(lambda after: work.packs.page(None, after, PAGE))
        self.workflows = _all(lambda after: work.workflows.page(None, after, PAGE))
        self.triggers: list[Trigger] = _all(lambda after: work.triggers.page(after, PAGE))
        self.connections: list[Connection] = _all(lambda after: work.connections.page(after, PAGE))
        self._by_kind: Mapping[str, list[Any]] = {
            "agent": self.agents, "skill": self.skills, "pack": self.packs, "workflow": self.workflows,
        }  # fmt: skip
        self._emails: dict[str, UUID] | None = None

    def find(self, kind: Kind, name: str) -> Any:
        """The agent, skill, pack or workflow of that name, or None. What was put away gives way to what was not. Raises Invalid `workflows.document_name_ambiguous`."""
        same = [each for each in self._by_kind[kind] if each.name == name]
        if len(same) > 1:
            same = [each for each in same if each.status != "archived"] or same
        if len(same) > 1:
            raise Invalid("workflows.document_name_ambiguous", of=kind, wanted=name[:80])
        return same[0] if same else None

    def the(self, kind: Kind, name: str, place: Path = ()) -> Any:
        """Like find, of what must be there. Raises NotFound `workflows.document_name_unknown` (of, wanted)."""
        found = self.find(kind, name)
        if found is None:
            raise NotFound("workflows.document_name_unknown", of=kind, wanted=name[:80], path=place)
        return found

    def called(self, kind: Kind, id: UUID) -> str:
        """The name that stands for that id and no other. Raises Invalid `workflows.document_name_ambiguous`, NotFound `workflows.document_name_unknown`."""
        found = next((each for each in self._by_kind[kind] if each.id == id), None)
        if found is None:
            raise NotFound("workflows.document_name_unknown", of=kind, wanted=str(id))
        if self.find(kind, found.name).id != id:
            raise Invalid("workflows.document_name_ambiguous", of=kind, wanted=found.name[:80])
        return found.name

    def person(self, email: str, place: Path) -> UUID:
        """The member with that address. Raises NotFound `workflows.document_name_unknown`."""
        if email == ME:
            return self._user_id
        found = self._people().get(email.lower())
        if found is None:
            raise NotFound("workflows.document_name_unknown", of="person", wanted=email[:80], path=place)
        return found

    def email(self, user_id: UUID) -> str:
        """How a document calls a member."""
        if user_id == self._user_id:
            return ME
        return next((email for email, id in self._people().items() if id == user_id), str(user_id))

    def connection(self, integration: str, name: str, now: UUID | None, place: Path) -> Connection | None:
        """The connection of that name, or None; the one that is in use `now`, if it is called so. Raises Invalid `workflows.document_name_ambiguous`."""
        same = [each for each in self.connections if each.integration == integration and each.name == name]
        used = next((each for each in same if each.id == now), None)
        same = [used] if used is not None else [each for each in same if each.status != "revoked"]
        if len(same) > 1:
            raise Invalid("workflows.document_name_ambiguous", of="connection", wanted=name[:80], path=place)
        return same[0] if same else None

    def _people(self) -> dict[str, UUID]:
        if self._emails is None:
            members = [member.user_id for member in self._work.people.members()]
            self._emails = {self._work.people.user(id).email.lower(): id for id in members}
        return self._emails


def _all(page: Callable[[UUID | None], list[Any]]) -> list[Any]:
    found: list[Any] = []
    after: UUID | None = None
    while part := page(after):
        found += part
        after = part[-1].id
        if len(part) < PAGE:
            break
    return found
