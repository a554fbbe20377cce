"""Answers to programs' writes."""

from uuid import UUID

from sqlalchemy import insert, select

from core.messaging.answered import AnsweredRequest
from storage.repositories.base import Repository
from storage.rows import from_row, to_row
from storage.tables.answered import answered_requests


class SqlAnswered(Repository):
    """core.messaging.answered.Answered."""

    def find(self, user_id: UUID, key: str) -> AnsweredRequest | None:
        c = answered_requests.c
        row = self._t.connection.execute(
            select(answered_requests).where(c.user_id == user_id, c.key == key)
        ).one_or_none()
        return None if row is None else from_row(AnsweredRequest, row)

    def add(self, answered: AnsweredRequest) -> None:
        self._t.connection.execute(insert(answered_requests).values(to_row(answered)))
