"""Groups that people share with the bot: who is in, who leads, and what everybody there is told of it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from .chat import Chat
from .people import Account, Person

if TYPE_CHECKING:
    from .world import World

ANONYMOUS_ID = 1_087_968_824


class AnonymousAdmin(Account):
    """Whom a bot is shown for every administrator that writes in the name of the group."""

    is_bot = True

    def __init__(self, world: World) -> None:
        super().__init__(world, ANONYMOUS_ID, "Group", "GroupAnonymousBot", None)


class Group(Chat):
    """A chat of several people and the bot."""

    def adds(self, person: Person) -> None:
        """Somebody comes in, added by the owner."""
        self._changes(person, "member", {"new_chat_members": [person.as_json()]})

    def removes(self, person: Person) -> None:
        """Somebody is taken out, or leaves."""
        self._changes(person, "left", {"left_chat_member": person.as_json()})

    def promotes(self, account: Account) -> None:
        """Somebody, or the bot, becomes an administrator."""
        if account is self.world.bot:
            self.world.change_bot_status(self, self.world.owner_of(self), "administrator")
        else:
            self._changes(account, "administrator", None)

    def demotes(self, account: Account) -> None:
        """An administrator becomes a plain member again."""
        if account is self.world.bot:
            self.world.change_bot_status(self, self.world.owner_of(self), "member")
        else:
            self._changes(account, "member", None)

    def adds_bot(self, by: Person) -> None:
        """The bot comes in; it is told, and everybody sees it."""
        self.world.add_bot(self, by)

    def removes_bot(self, by: Person) -> None:
        """From now on the bot gets 403; it is told once, by my_chat_member."""
        self.world.change_bot_status(self, by, "kicked")

    def silences_bot(self, by: Person) -> None:
        """The bot stays, and may not write any more."""
        self.world.change_bot_status(self, by, "restricted")

    def upgrades(self) -> Group:
        """Turn the group into a supergroup with a new id; the old id is refused with `migrate_to_chat_id`."""
        with self.world.lock:
            assert self.kind == "group", "only a basic group is upgraded"
            new = self.world.new_group(self.title, "supergroup")
            new.statuses = dict(self.statuses)
            owner = self.world.owner_of(self)
            self.upgraded_to = new
            told = self.add(owner, "", [], service={"migrate_to_chat_id": new.id})
            self.world.updates.add("message", told.as_json())
            told = new.add(owner, "", [], service={"migrate_from_chat_id": self.id})
            self.world.updates.add("message", told.as_json())
            return new

    def _changes(self, account: Account, status: str, told: dict[str, Any] | None) -> None:
        """`chat_member` tells a bot that is an administrator and asked for it; a service message tells everybody."""
        with self.world.lock:
            old, owner = self.member_json(account), self.world.owner_of(self)
            self.statuses[account.id] = status
            here = self.statuses.get(self.world.bot.id, "left")
            if told is not None:
                said = self.add(owner, "", [], service=told)
                if here not in ("left", "kicked"):
                    said.update = self.world.updates.add("message", said.as_json())
            if here == "administrator":
                body = {
                    "chat": self.as_json(), "from": owner.as_json(), "date": int(time.time()), "old_chat_member": old,
                    "new_chat_member": self.member_json(account),
                }  # fmt: skip
                self.world.updates.add("chat_member", body)
            self.world.notify()
