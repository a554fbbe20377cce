"""Messages in and out, where they were delivered, what came in, and how far a conversation is."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID


@dataclass(frozen=True)
class Message:
    """Something said, by a person (in) or by Nod (out); never changed. `payload` is sealed at rest: for `in` what was said; for `out`
    what was shown (`{"screen": …}`), or what a door shall put into words (`{"say": code, "data": …}`)."""

    id: UUID
    workspace_id: UUID
    user_id: UUID
    direction: Literal["in", "out"]
    surface: str
    payload: dict[str, Any]
    created_at: datetime
    link_id: UUID | None = None
    run_id: UUID | None = None
    delivery_id: UUID | None = None
    blob: str | None = None
    schema_version: int = 1


@dataclass
class Room:
    """A shared chat (a Telegram group, a Slack channel) of one workspace. Nobody is identified by it: whoever taps there is asked for by their own account. `address` is where to
    deliver to; `language` and `timezone` are how it is written to. `left_at`: since then nothing is sent there, and nothing heard."""

    id: UUID
    workspace_id: UUID
    provider: Literal["telegram", "slack"]
    address: str
    name: str
    connected_by: UUID
    language: str
    timezone: str
    created_at: datetime
    provider_tenant: str = ""
    left_at: datetime | None = None
    version: int = 1


@dataclass
class RoomAgent:
    """An agent whose suggestions are also asked about in a room: as a neutral `stub` without their content, or `open`, whole. `chosen_by` owns the agent."""

    id: UUID
    workspace_id: UUID
    room_id: UUID
    agent_id: UUID
    chosen_by: UUID
    created_at: datetime
    shown: Literal["stub", "open"] = "stub"
    version: int = 1


@dataclass(frozen=True)
class Shown:
    """What a delivery is about, and in which room, if in one."""

    subject_kind: str
    subject_id: UUID
    room_id: UUID | None


@dataclass
class Delivery:
    """One message's place in one chat: a person's (`link_id`) or a shared one (`room_id`), exactly one of them. It is due while `wanted > shown`: a door renders what is true now, sends it the first time
    and edits it from then on (`remote_ref` finds it). `subject_kind` and `subject_id` name what it shows (`suggestion`, `run`, `message`); every copy of the
    same subject is refreshed together. `priority`: 0 receipts and replies, 1 new cards, 2 digests. `agent_id`: on whose behalf, None for Nod's own. `asked`: the
    person has just asked for it, so that it comes at any hour. `thread`: where in the chat it stands, in the
    platform's words; None: in the chat itself. In a room `user_id` is the person whom it is about: what is shown is sealed with their key."""

    id: UUID
    workspace_id: UUID
    user_id: UUID
    link_id: UUID | None
    channel: str
    subject_kind: str
    subject_id: UUID
    created_at: datetime
    due_at: datetime
    room_id: UUID | None = None
    priority: int = 1
    agent_id: UUID | None = None
    asked: bool = False
    status: Literal["pending", "sending", "delivered", "failed"] = "pending"
    wanted: int = 1
    shown: int = 0
    fence: int = 0
    lease_until: datetime | None = None
    attempts: int = 0
    dispatched_at: datetime | None = None
    first_shown_at: datetime | None = None
    delivered_at: datetime | None = None
    failure_reason: str | None = None
    remote_ref: str | None = None
    message_id: UUID | None = None
    trace: str | None = None
    thread: str | None = None
    version: int = 1


@dataclass
class InboundEvent:
    """Something that a platform handed over, kept before it is acknowledged. (channel, external_id) is unique: the same event twice has one
    effect. The sealed `payload` is dropped once it was handled. `attempts` counts how often it was claimed.
    `deaths` counts processes that died and had it in hand or in line, up to SUSPICIOUS_DEATHS; from then on those that died while they tried it alone."""

    id: UUID
    channel: str
    external_id: str
    payload: dict[str, Any] | None
    received_at: datetime
    status: Literal["pending", "processing", "done", "failed"] = "pending"
    fence: int = 0
    lease_until: datetime | None = None
    attempts: int = 0
    deaths: int = 0
    error: str | None = None


SUSPICIOUS_DEATHS, FATAL_DEATHS = 2, 5
"""At so many deaths an event is tried with nothing else beside it; at so many it is given up."""


@dataclass
class SetAside:
    """An `event` of a platform that was given up, for it has no row of its own in a workspace; or something else that was (`subject_id` is the delivery, execution or run), of which
    an admin said to leave it as it is. `error` is the code of why, `at` when; `settled_at` and `settled_by`: since then, and by whom, it is seen to: tried again, or dropped."""

    id: UUID
    workspace_id: UUID
    user_id: UUID
    kind: Literal["event", "delivery", "execution", "run"]
    subject_id: UUID
    at: datetime
    created_at: datetime
    channel: str | None = None
    error: str | None = None
    settled_at: datetime | None = None
    settled_by: UUID | None = None
    version: int = 1


@dataclass
class Conversation:
    """How far a person is in a dialog, in one chat. Lapses at `expires_at`; any process can go on with it."""

    id: UUID
    workspace_id: UUID
    user_id: UUID
    link_id: UUID
    dialog: str
    step: str
    state: dict[str, Any]
    created_at: datetime
    expires_at: datetime
    version: int = 1
