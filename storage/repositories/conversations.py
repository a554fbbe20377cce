"""How far each chat is in a dialog. What was typed on the way is sealed."""

from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from core.messaging.models import Conversation
from storage.repositories.base import Repository
from storage.rows import from_row, to_row
from storage.tables.messaging import conversations

STATE = ("conversations", "state")


class SqlConversations(Repository):
    """core.messaging.ports.Conversations."""

    def current(self, link_id: UUID) -> Conversation | None:
        table, column = STATE
        row = self._t.connection.execute(
            select(conversations).where(conversations.c.link_id == link_id).with_for_update()
        ).one_or_none()
        if row is None:
            return None
        return from_row(
            Conversation, row, state=self._t.seals.open_json(row.user_id, table, link_id, column, row.state)
        )

    def put(self, conversation: Conversation) -> None:
        table, column = STATE
        state = self._t.seals.seal_json(conversation.user_id, table, conversation.link_id, column, conversation.state)
        row = to_row(conversation, state=state)
        self._t.connection.execute(
            insert(conversations)
            .values(row)
            .on_conflict_do_update(
                index_elements=("workspace_id", "link_id"),
                set_={name: row[name] for name in ("dialog", "step", "state", "expires_at")}
                | {"version": conversations.c.version + 1},
            )
        )

    def end(self, link_id: UUID) -> None:
        self._t.connection.execute(delete(conversations).where(conversations.c.link_id == link_id))
