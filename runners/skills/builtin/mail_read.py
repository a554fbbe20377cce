"""Reads new mail of a connection, page by page from where the last run stopped."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

from pydantic import BaseModel, Field

from core.connectors.ports import Item
from core.kernel.errors import NotFound
from core.orchestration.ports import SkillContext
from runners.mail.facts import MailProblem, MailRef

PAGE = 100
MOST_PAGES = 200


class Input(BaseModel):
    """`tool` is the role of the connection; mail that came in more than `look_back_days` ago is passed over; at most `limit`
    mails are taken, the rest waits for the next run."""

    tool: str = "mail"
    look_back_days: int = Field(30, ge=1, le=365)
    limit: int = Field(500, ge=1, le=5000)


class Output(BaseModel):
    """What was read; `cursors` is where the next run goes on, by connection id."""

    connection_id: UUID
    mails: list[MailRef]
    problems: list[MailProblem]
    cursors: dict[str, dict[str, Any]]
    more: bool


class MailRead:
    name: ClassVar[str] = "mail.read"
    Input = Input
    Output = Output

    def run(self, context: SkillContext, inputs: Input) -> Output:
        """Raises NotFound `orchestration.tool_missing`, and what the connection raises."""
        if inputs.tool not in context.tools:
            raise NotFound("orchestration.tool_missing", tool=inputs.tool)
        tool = context.tools[inputs.tool]
        oldest = context.now - timedelta(days=inputs.look_back_days)
        cursor: Mapping[str, Any] | None = tool.cursor
        mails: list[MailRef] = []
        problems: list[MailProblem] = []
        more = True
        for _ in range(MOST_PAGES):
            page = tool.client.read("mail", cursor, min(PAGE, inputs.limit - len(mails)))
            cursor, more = page.cursor, page.more
            problems += [
                MailProblem(item_id=each.item_id, code=each.code, data=_plain(each.data)) for each in page.problems
            ]
            for item in page.items:
                if item.received_at is None or item.received_at >= oldest:
                    mails.append(_kept(item, tool.connection_id, context))
            if not more or len(mails) >= inputs.limit:
                break
        return Output(
            connection_id=tool.connection_id,
            mails=mails,
            problems=problems[:100],
            cursors={str(tool.connection_id): dict(cursor or {})},
            more=more,
        )


def _kept(item: Item, connection_id: UUID, context: SkillContext) -> MailRef:
    received: datetime | None = item.received_at
    return MailRef(
        connection_id=connection_id,
        id=item.id,
        blob=context.blobs.put(item.raw),
        folder=str(item.meta.get("folder", "")),
        flags=tuple(str(flag) for flag in item.meta.get("flags", ())),
        received_at=received,
    )


def _plain(data: Mapping[str, Any]) -> dict[str, str | int]:
    return {name: value if isinstance(value, int) else str(value) for name, value in data.items()}
