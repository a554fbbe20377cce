"""A family in a Telegram group: one parent founds it, the other and a child come by invitations, an agent asks in the group; the child may not decide, a parent does."""

import re
from typing import Any

from core.approvals.rooms import ask_in_rooms, let_ask
from core.identity.sign_in import vouch
from core.kernel.actor import Actor
from tests.bots.dialogs import stage
from tests.bots.telegram.running import Phone
from tests.emulators.telegram import Message, Person, TelegramEmulator
from tests.runners.world import World


def _invited(phone: Phone, role: str) -> str:
    """What stands behind `start=` of a new invitation."""
    phone.person.sends("/team")
    page = phone.person.chat.wait_for(lambda shown: "Invite somebody" in shown.labels)
    phone.person.taps(page, "Invite somebody")
    chosen = page.wait_for(lambda shown: f"As {role}" in shown.labels)
    before = phone.person.chat.last
    phone.person.taps(chosen, f"As {role}")
    shown = phone.person.chat.wait_for(lambda one: "start=" in one.text, after=before)
    found = re.search(r"start=([A-Z0-9]{12})", shown.text)
    assert found is not None
    return found[1]


def _joins(telegram: TelegramEmulator, phone: Phone, name: str, role: str) -> Person:
    """A stranger opens the link, reads who invites to what, and joins."""
    code, person = _invited(phone, role), telegram.user(name)
    person.sends(f"/start {code}")
    asked = person.chat.wait_for(lambda shown: "Join" in shown.labels)
    assert "to the family “Klee”" in asked.text and f"as {role}" in asked.text
    person.taps(asked, "Join")
    asked.wait_for(lambda shown: "You joined" in shown.text)
    person.chat.wait_for(lambda shown: bool(shown.labels) and shown.text != asked.text)
    phone.person.chat.wait_for_text(f"{name} joined by your invitation")
    return person


def test_two_parents_and_a_child_share_an_agent_in_a_group_and_only_a_parent_decides(
    phone: Phone, telegram: TelegramEmulator, world: World
) -> None:
    storage = world.storage
    with world.work() as work:
        vouch(work, world.actor.user_id)
        work.commit()
    phone.person.sends("/team")
    page = phone.person.chat.wait_for(lambda shown: "Found a family" in shown.labels)
    phone.person.taps(page, "Found a family")
    phone.person.chat.wait_for_text("What shall it be called?")
    phone.person.sends("Klee")
    phone.person.chat.wait_for_text("This chat speaks for Klee")
    dad = _joins(telegram, phone, "Tom", "admin")
    child = _joins(telegram, phone, "Lea", "member")

    group = telegram.group("Family", [phone.person, dad, child])
    group.wait_for_text("/nod")
    phone.person.sends("/nod@nod_test_bot", chat=group)
    group.wait_for_text("connected this room")

    known = storage.directory.by_link("telegram", "", str(phone.person.id))
    assert known is not None and known.workspace_id != world.actor.workspace_id
    mia = _Speaker(storage, Actor(known.user_id, known.workspace_id, "owner", "telegram", link_id=known.id))
    [made] = stage.suggests(mia, stage.mail(), by=stage.agent(mia))  # pyright: ignore[reportArgumentType]
    with mia.work() as work:
        [room] = work.rooms.all()
        let_ask(work, mia.actor, room.id, made.agent_id, "open")
        work.commit()
    with mia.work() as work:
        ask_in_rooms(work, work.suggestions.get(made.id))
        work.commit()
    card: Message = group.wait_for(lambda shown: "Approve" in shown.labels)

    refusal = child.taps(card, "Approve").answer()
    assert refusal.show_alert and _status(mia, made) == "pending"
    phone.person.sends("/workspace")
    mine = phone.person.chat.wait_for(lambda shown: "Speak for Just you" in shown.labels)
    phone.person.taps(mine, "Speak for Just you")
    phone.person.chat.wait_for_text("This chat speaks for Just you")
    assert "Approved" in phone.person.taps(card, "Approve").answer(), (
        "in the group it is the family that is decided for"
    )
    card.wait_for(lambda shown: "Approve" not in shown.labels)
    assert _status(mia, made) == "approved"


class _Speaker:
    """Who acts in the family, for the stage."""

    def __init__(self, storage: Any, actor: Actor) -> None:
        self.storage, self.actor = storage, actor

    def work(self) -> Any:
        return self.storage.work(self.actor.workspace_id, self.actor.user_id)

    def looks(self) -> None:
        """The door delivers by itself."""


def _status(speaker: _Speaker, suggestion: Any) -> str:
    with speaker.work() as work:
        return work.suggestions.get(suggestion.id).status
