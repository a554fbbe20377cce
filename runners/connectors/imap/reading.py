"""What came into an account's inbox and sent folder since a cursor."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from core.connectors.ports import Item, Page, Problem
from core.kernel.errors import Unavailable
from runners.connectors.imap.account import Account
from runners.connectors.imap.session import LOST, REFUSED, Header, Session
from runners.connectors.mails import MAIL_LIMIT, PAGE_LIMIT, defect

_BATCH = 4 * 1024 * 1024
"""Bytes of mails that are asked for at once."""


@dataclass
class _Page:
    limit: int
    items: list[Item] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    size: int = 0

    def put(self, result: Item | Problem) -> None:
        if isinstance(result, Item):
            self.items.append(result)
            self.size += len(result.raw)
        else:
            self.problems.append(result)

    @property
    def room(self) -> int:
        """How many more it takes."""
        return 0 if self.size >= PAGE_LIMIT else self.limit - len(self.items) - len(self.problems)


def read_page(session: Session, account: Account, cursor: Mapping[str, Any] | None, limit: int, now: datetime) -> Page:
    """The next mails: what was sent first, so that an answer is known before its question; in each folder by UID.

    The cursor holds UIDVALIDITY, the last UID and the first day per folder (RFC 3501, 2.3.1.1); with a new UIDVALIDITY
    the folder is read again from that many days ago. Raises Unavailable."""
    state = {name: dict(value) for name, value in (cursor or {}).items()}
    page, more = _Page(limit), False
    try:
        for role, folder in (("Sent", session.sent_folder()), ("INBOX", "INBOX")):
            if folder is None or (role == "Sent" and not session.exists(folder)):
                continue  # an account may be without sent mail; a check says when a configured folder is missing
            state[role], left = _read_folder(session, account, page, role, folder, state.get(role), now)
            more = more or left
    except (*LOST, *REFUSED):
        if not page.items and not page.problems:
            raise Unavailable("connectors.server_unreachable", host=account.imap.host) from None
        more = True  # what was read is kept; the next page goes on, or says what is wrong
    return Page(tuple(page.items), state, more, tuple(page.problems))


def _read_folder(
    session: Session,
    account: Account,
    page: _Page,
    role: str,
    folder: str,
    before: Mapping[str, Any] | None,
    now: datetime,
) -> tuple[dict[str, Any], bool]:
    validity, following = session.examine(folder)
    since = (now - timedelta(days=account.days)).date()
    state: dict[str, Any] = {"validity": validity, "uid": 0, "since": since.isoformat()}
    if before and before["validity"] == validity:
        state = dict(before)
    uids = session.uids(state["uid"], datetime.fromisoformat(state["since"]).date())
    while uids and page.room > 0:
        taken = uids[: min(page.room, 50)]
        headers = session.headers(taken)
        for batch in _batches([headers[uid] for uid in taken if uid in headers]):
            if page.room <= 0:
                return state, True
            for header, raw in _bodies(session, folder, batch):
                page.put(_result(f"{role}/{validity}/{header.uid}", role, header, raw))
            state["uid"] = batch[-1].uid
        state["uid"] = taken[-1]
        uids = uids[len(taken) :]
    if not uids:
        state["uid"] = max(state["uid"], following - 1)
    return state, bool(uids)


def _batches(headers: list[Header]) -> Iterator[list[Header]]:
    batch: list[Header] = []
    size = 0
    for header in headers:
        if batch and size + header.size > _BATCH:
            yield batch
            batch, size = [], 0
        batch.append(header)
        size += min(header.size, MAIL_LIMIT)
    if batch:
        yield batch


def _bodies(session: Session, folder: str, batch: list[Header]) -> list[tuple[Header, bytes | None]]:
    wanted = [h.uid for h in batch if h.size <= MAIL_LIMIT]
    found: dict[int, bytes] = {}
    try:
        found = session.bodies(wanted) if wanted else {}
    except (*LOST, *REFUSED):
        # One mail may be more than the server can bear: all but that one are still to be read.
        for uid in wanted:
            if (raw := _alone(session, folder, uid)) is not None:
                found[uid] = raw
    return [(header, found.get(header.uid)) for header in batch]


def _alone(session: Session, folder: str, uid: int) -> bytes | None:
    """One mail's bytes; None when the server refuses it twice, each time in a working session. Raises Unavailable."""
    for _ in range(2):
        try:
            return session.bodies([uid]).get(uid)
        except LOST:
            session.reopen()
            session.examine(folder)
        except REFUSED:
            return None
    return None


def _result(item_id: str, role: str, header: Header, raw: bytes | None) -> Item | Problem:
    if header.size > MAIL_LIMIT or (raw and len(raw) > MAIL_LIMIT):
        return Problem(item_id, "connectors.mail_too_large", {"size": header.size, "limit": MAIL_LIMIT})
    if raw is None:
        return Problem(item_id, "connectors.mail_unreadable")
    if broken := defect(raw):
        return Problem(item_id, broken)
    return Item(item_id, "mail", raw, header.arrived, {"folder": role, "flags": list(header.flags)})
