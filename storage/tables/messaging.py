"""Messages and events (append-only, sealed), deliveries, what came in, and conversations."""

from sqlalchemy import Index, Table
from sqlalchemy import text as sql

from core.messaging.models import Delivery, InboundEvent, Message, Room, RoomAgent, SetAside
from storage.tables.access import AT_THE_DOOR, access
from storage.tables.base import (
    by_month,
    flag,
    holds,
    key,
    metadata,
    number,
    one_of,
    refers,
    sealed,
    sealing_key,
    text,
    uid,
    unique,
    when,
)

messages = Table(
    "messages",
    metadata,
    uid("id"),
    uid("workspace_id"),
    uid("user_id"),
    text("direction"),
    text("surface"),
    sealed("payload"),
    uid("link_id", null=True),
    uid("run_id", null=True),
    uid("delivery_id", null=True),
    text("blob", null=True),
    number("schema_version"),
    when("created_at"),
    key("messages"),
    one_of("messages", Message, "direction"),
    **by_month(),
)
Index("messages_of_link", messages.c.workspace_id, messages.c.link_id, messages.c.id)

events = Table(
    "events",
    metadata,
    uid("id"),
    uid("workspace_id"),
    uid("user_id"),
    text("kind"),
    number("schema_version"),
    sealed("payload"),
    when("occurred_at"),
    when("ingested_at"),
    key("events"),
    **by_month(),
)

deliveries = Table(
    "deliveries",
    metadata,
    uid("id"),
    uid("workspace_id"),
    uid("user_id"),
    uid("link_id", null=True),
    uid("room_id", null=True),
    text("channel"),
    text("subject_kind"),
    uid("subject_id"),
    number("priority"),
    uid("agent_id", null=True),
    flag("asked"),
    text("status"),
    number("wanted"),
    number("shown"),
    number("fence"),
    when("due_at"),
    when("lease_until", null=True),
    number("attempts"),
    when("dispatched_at", null=True),
    when("first_shown_at", null=True),
    when("delivered_at", null=True),
    text("failure_reason", null=True),
    text("remote_ref", null=True),
    uid("message_id", null=True),
    text("trace", null=True),
    text("thread", null=True),
    when("created_at"),
    number("version"),
    key("deliveries"),
    refers("deliveries", ["link_id"], "identity_links", on_delete="CASCADE"),
    refers("deliveries", ["room_id"], "rooms", on_delete="CASCADE"),
    one_of("deliveries", Delivery, "status"),
    holds("deliveries", "num_nonnulls(link_id, room_id) = 1", "somewhere"),
    holds("deliveries", "room_id IS NULL OR subject_kind IN ('suggestion', 'message')", "fit_for_a_room"),
)
Index("deliveries_of_link", deliveries.c.workspace_id, deliveries.c.link_id, deliveries.c.id)
Index(
    "deliveries_of_agent",
    deliveries.c.workspace_id,
    deliveries.c.link_id,
    deliveries.c.agent_id,
    deliveries.c.first_shown_at,
    postgresql_where=sql("agent_id IS NOT NULL"),
)
Index("deliveries_of_subject", deliveries.c.workspace_id, deliveries.c.subject_id)
Index(
    "deliveries_due",
    deliveries.c.channel,
    deliveries.c.due_at,
    postgresql_where=sql("wanted > shown AND status <> 'failed'"),
)
Index(
    "deliveries_by_ref",
    deliveries.c.workspace_id,
    deliveries.c.link_id,
    deliveries.c.remote_ref,
    postgresql_where=sql("remote_ref IS NOT NULL"),
)
Index(
    "deliveries_of_room",
    deliveries.c.workspace_id,
    deliveries.c.room_id,
    deliveries.c.remote_ref,
    postgresql_where=sql("room_id IS NOT NULL"),
)

Index("deliveries_failed", deliveries.c.workspace_id, deliveries.c.id, postgresql_where=sql("status = 'failed'"))

rooms = Table(
    "rooms",
    metadata,
    uid("id"),
    uid("workspace_id"),
    text("provider"),
    text("provider_tenant"),
    text("address"),
    text("name"),
    uid("connected_by"),
    text("language"),
    text("timezone"),
    when("left_at", null=True),
    when("created_at"),
    number("version"),
    key("rooms"),
    refers("rooms", ["connected_by"], "memberships", ["user_id"]),
    one_of("rooms", Room, "provider"),
)
Index(
    "rooms_once",
    rooms.c.provider,
    rooms.c.provider_tenant,
    rooms.c.address,
    unique=True,
    postgresql_where=sql("left_at IS NULL"),
)

room_agents = Table(
    "room_agents",
    metadata,
    uid("id"),
    uid("workspace_id"),
    uid("room_id"),
    uid("agent_id"),
    uid("chosen_by"),
    text("shown"),
    when("created_at"),
    number("version"),
    key("room_agents"),
    unique("room_agents", "workspace_id", "room_id", "agent_id"),
    refers("room_agents", ["room_id"], "rooms", on_delete="CASCADE"),
    refers("room_agents", ["agent_id"], "agents", on_delete="CASCADE"),
    one_of("room_agents", RoomAgent, "shown"),
)
Index("room_agents_of_agent", room_agents.c.workspace_id, room_agents.c.agent_id)

Index(
    "deliveries_of_thread",
    deliveries.c.workspace_id,
    deliveries.c.link_id,
    deliveries.c.thread,
    postgresql_where=sql("thread IS NOT NULL"),
)

inbound_events = Table(
    "inbound_events",
    metadata,
    uid("id"),
    text("channel"),
    text("external_id"),
    sealed("payload", null=True),
    when("received_at"),
    text("status"),
    number("fence"),
    when("lease_until", null=True),
    number("attempts"),
    number("deaths"),
    uid("claimed_by", null=True),
    text("error", null=True),
    sealing_key("payload"),
    key("inbound_events", "id"),
    unique("inbound_events", "channel", "external_id"),
    one_of("inbound_events", InboundEvent, "status"),
)
Index(
    "inbound_events_due",
    inbound_events.c.channel,
    inbound_events.c.id,
    postgresql_where=sql("status IN ('pending', 'processing')"),
)
Index("inbound_events_of_key", inbound_events.c.key_id, postgresql_where=sql("key_id IS NOT NULL"))

given_up = Table(
    "given_up",
    metadata,
    uid("id"),
    uid("workspace_id"),
    uid("user_id"),
    text("kind"),
    uid("subject_id"),
    text("channel", null=True),
    text("error", null=True),
    when("at"),
    when("settled_at", null=True),
    uid("settled_by", null=True),
    when("created_at"),
    number("version"),
    key("given_up"),
    unique("given_up", "workspace_id", "kind", "subject_id"),
    refers("given_up", ["user_id"], "memberships", ["user_id"], on_delete="CASCADE"),
    one_of("given_up", SetAside, "kind"),
    holds("given_up", "(settled_at IS NULL) = (settled_by IS NULL)", "settled_by_somebody"),
)

conversations = Table(
    "conversations",
    metadata,
    uid("id"),
    uid("workspace_id"),
    uid("user_id"),
    uid("link_id"),
    text("dialog"),
    text("step"),
    sealed("state"),
    when("created_at"),
    when("expires_at"),
    number("version"),
    key("conversations"),
    unique("conversations", "workspace_id", "link_id"),
    refers("conversations", ["link_id"], "identity_links", on_delete="CASCADE"),
)

access(messages, append_only=True)
access(events, append_only=True)
access(
    deliveries,
    fixed=("link_id", "room_id", "channel", "agent_id", "asked", "thread"),
    doors=(
        "id",
        "workspace_id",
        "user_id",
        "channel",
        "priority",
        "status",
        "wanted",
        "shown",
        "due_at",
        "lease_until",
    ),
    door_rows=f"wanted > shown AND status <> 'failed' AND {AT_THE_DOOR}",
)
access(
    rooms,
    fixed=("provider", "provider_tenant", "connected_by"),
    doors=("id", "workspace_id", "provider", "provider_tenant", "address", "connected_by", "left_at"),
    door_rows=f"left_at IS NULL AND {AT_THE_DOOR}",
)
access(room_agents, fixed=("room_id", "agent_id"), delete=True)
access(
    inbound_events,
    seen=AT_THE_DOOR,
    made=AT_THE_DOOR,
    fixed=("channel", "external_id", "received_at", "key_id"),
    delete="(status = 'done' AND id < nod.first_id(now() - interval '30 days') OR status = 'failed' AND id < nod.first_id(now() - interval '90 days'))",
    doors=("key_id",),
)
access(given_up, fixed=("kind", "subject_id", "channel"))
access(conversations, delete=True)
