"""Answers that were given to programs' writes, by their Idempotency-Key. A part of messaging."""

from sqlalchemy import Table

from storage.tables.access import MINE, WORKSPACE, access
from storage.tables.base import key, metadata, number, text, uid, unique, value, when

answered_requests = Table(
    "answered_requests",
    metadata,
    uid("id"),
    uid("workspace_id"),
    uid("user_id"),
    text("key"),
    text("fingerprint"),
    number("status"),
    value("body", dict),
    when("created_at"),
    key("answered_requests"),
    unique("answered_requests", "workspace_id", "user_id", "key"),
)
access(
    answered_requests,
    seen=f"{WORKSPACE} AND {MINE}",
    made=f"{WORKSPACE} AND {MINE}",
    changed=WORKSPACE,
    append_only=True,
    delete="id < nod.first_id(now() - interval '7 days')",
)
