"""Dialogs over this test's own database, with templates of their own."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import bots.dialogs  # noqa: F401
from bots.kit.parts import Parts
from bots.kit.tokens import Tokens
from bots.kit.words import Words
from core.catalog import kinds
from core.identity.models import Membership
from core.identity.register import add_link
from core.kernel.actor import Actor, Role
from core.kernel.ids import new_id
from storage import Storage
from tests.bots.dialogs.person import Person
from tests.databases import somebody

TEMPLATES = Path(__file__).parent / "templates"


@pytest.fixture(autouse=True)
def own_templates(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The catalog of these tests: what the shipped agents say is not their matter."""
    monkeypatch.setattr(kinds, "BUILT_IN", TEMPLATES)
    kinds.templates.cache_clear()
    yield
    kinds.templates.cache_clear()


@pytest.fixture
def parts(storage: Storage, catalogue: Words) -> Parts:
    return Parts(storage, catalogue, Tokens(b"k" * 32), kinds.templates(), None)


@pytest.fixture
def arrives(parts: Parts) -> Callable[..., Person]:
    """Makes a person who speaks through the web."""

    def make(timezone: str = "Europe/Berlin") -> Person:
        return Person(parts, somebody(parts.storage, timezone=timezone))

    return make


@pytest.fixture
def person(arrives: Callable[..., Person]) -> Person:
    return arrives()


@pytest.fixture
def by_telegram(parts: Parts) -> Callable[[Person], Person]:
    """The same person in a second chat."""

    def link(person: Person) -> Person:
        with person.work() as work:
            made = add_link(work, person.actor.user_id, "telegram", "4711", "4711")
            work.commit()
        actor = Actor(person.actor.user_id, person.actor.workspace_id, "owner", "telegram", link_id=made.id)
        return Person(parts, actor)

    return link


@pytest.fixture
def joins() -> Callable[..., Person]:
    """Somebody else comes into the person's workspace, and speaks there through a chat of their own in Telegram."""

    def join(person: Person, role: Role, name: str = "") -> Person:
        other, place = somebody(person.parts.storage), person.actor.workspace_id
        with person.parts.storage.work(place, other.user_id) as work:
            work.people.add(
                Membership(id=new_id(), workspace_id=place, user_id=other.user_id, role=role, created_at=work.now)
            )
            work.commit()
        with person.parts.storage.work(place, other.user_id) as work:
            link = add_link(work, other.user_id, "telegram", other.user_id.hex, other.user_id.hex)
            work.people.user(other.user_id).preferred_name = name or None
            work.commit()
        return Person(person.parts, Actor(other.user_id, place, role, "telegram", link_id=link.id))

    return join
