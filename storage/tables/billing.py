"""What was used: the ledger, and the counters that limits are reserved on."""

from typing import Any

from sqlalchemy import BigInteger, Column, Date, Numeric, Table

from core.billing.models import LedgerEntry
from storage.tables.access import RUN_IS_GONE, access
from storage.tables.base import by_month, key, metadata, number, one_of, text, texts, uid, value, when

usage_ledger = Table(
    "usage_ledger",
    metadata,
    uid("id"),
    uid("workspace_id"),
    uid("user_id"),
    uid("run_id"),
    uid("agent_id", null=True),
    text("node_id", null=True),
    text("kind"),
    text("provider", null=True),
    text("model", null=True),
    number("tokens_prompt"),
    number("tokens_completion"),
    Column("cost", Numeric(18, 8), nullable=False),
    value("price", dict[str, Any], null=True),
    when("at"),
    key("usage_ledger"),
    one_of("usage_ledger", LedgerEntry, "kind"),
    **by_month(),
)

usage_counters = Table(
    "usage_counters",
    metadata,
    uid("workspace_id"),
    text("scope"),
    Column("day", Date, nullable=False),
    number("runs"),
    Column("tokens", BigInteger, nullable=False),
    Column("cost", Numeric(18, 8), nullable=False),
    texts("told"),
    key("usage_counters", "workspace_id", "scope", "day"),
)

access(usage_ledger, append_only=True, delete=RUN_IS_GONE.format(table="usage_ledger"))
access(usage_counters, fixed=("scope", "day"))
