"""What messaging needs of storage."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from core.kernel.unit_of_work import UnitOfWork
from core.messaging.models import Conversation, Delivery, InboundEvent, Message, Room, RoomAgent, SetAside, Shown


class Messages(Protocol):
    """Messages and deliveries of one workspace. Payloads are sealed with their user's key on the way in and opened on the way out."""

    def add(self, message: Message) -> None: ...

    def get(self, message_id: UUID) -> Message:
        """Raises NotFound `messaging.message_unknown`."""
        ...

    def known(self, message_id: UUID) -> bool:
        """Whether there is such a message."""
        ...

    def deliver(self, delivery: Delivery) -> None:
        """Adds a delivery."""
        ...

    def delivery(self, delivery_id: UUID) -> Delivery:
        """Raises NotFound `messaging.delivery_unknown`."""
        ...

    def shown(self, delivery_id: UUID) -> Shown:
        """What a delivery is about now; unlike `delivery` it waits for nobody, and cannot be changed. Raises NotFound `messaging.delivery_unknown`."""
        ...

    def by_ref(self, link_id: UUID, remote_ref: str) -> UUID | None:
        """The delivery that a platform's message stands for."""
        ...

    def in_room_by_ref(self, room_id: UUID, remote_ref: str) -> UUID | None:
        """The same, of a message in a room."""
        ...

    def in_thread(self, link_id: UUID, thread: str) -> int:
        """How many deliveries stand in a thread of the chat, those that are under way among them."""
        ...

    def refresh(self, subject_kind: str, subject_id: UUID) -> list[tuple[UUID, str]]:
        """One more `wanted` for every copy of the subject; answers (delivery id, channel) of each."""
        ...

    def due(self, link_id: UUID, limit: int) -> list[UUID]:
        """Deliveries of one chat that are `wanted > shown` and due, oldest first."""
        ...

    def claim(self, delivery_id: UUID, lease_seconds: float) -> Delivery | None:
        """Takes a due delivery (`wanted > shown`, not claimed or its lease is over), raises its fence; None when there is nothing to do."""
        ...

    def settle(self, delivery: Delivery, shown: int, remote_ref: str | None, message_id: UUID | None) -> bool:
        """Records that the platform took what was `wanted` at the claim. False when the claim was lost (fence)."""
        ...

    def postpone(self, delivery: Delivery, until: datetime, reason: str, *, tried: bool = True) -> bool:
        """Gives the claim back, due at `until`. `tried` False: nothing can have reached the chat, and it does not count as an attempt. False when the claim was lost."""
        ...

    def give_up(self, delivery: Delivery, reason: str) -> bool:
        """Ends it as failed (blocked, message gone). False when the claim was lost."""
        ...

    def again(self, delivery_id: UUID) -> Delivery | None:
        """One that was given up is due now, as if it had never been tried; None when it was not given up."""
        ...

    def release(self, link_id: UUID, reason: str) -> list[UUID]:
        """Everything of the chat that waits because of `reason` is due now; the ids."""
        ...

    def revive(self, link_id: UUID) -> list[tuple[UUID, str]]:
        """What was given up because the chat took nothing, and matters still, is due now as if it had never been tried: cards that stand there, and cards of what
        waits for a decision; id and channel of each."""
        ...

    def uproot(self, room_id: UUID) -> list[tuple[UUID, str]]:
        """Nothing that was shown in the room can be found there any more: cards of what waits for a decision are due anew; id and channel of each."""
        ...

    def turn_into(self, delivery: Delivery, subject_kind: str, subject_id: UUID, priority: int) -> Delivery | None:
        """The claimed delivery is about something else from now on. None when the claim was lost."""
        ...

    def cards(self, link_id: UUID, agent_id: UUID, since: datetime) -> int:
        """How many cards of the agent's suggestions came into the chat later than `since`; those that the person opened do not count."""
        ...

    def digest(self, link_id: UUID, agent_id: UUID, since: datetime) -> Delivery | None:
        """The agent's newest digest that came into the chat later than `since` or is about to, locked."""
        ...

    def newer_copy(self, delivery: Delivery) -> bool:
        """Whether the same subject was put into the same chat, and shown there, after this delivery was made."""
        ...

    def opened(self, link_id: UUID, subject_kind: str, subject_ids: Collection[UUID]) -> set[UUID]:
        """Those of the subjects that the chat has shown, or is about to show because it was asked to."""
        ...

    def spoken_last(self, link_ids: Collection[UUID]) -> UUID | None:
        """In which of the chats something was said or tapped last; None where never anything was."""
        ...

    def rooms_of(self, delivery_ids: Collection[UUID]) -> dict[UUID, UUID]:
        """The room of each delivery that is in one, by delivery id."""
        ...

    def transcript(self, link_id: UUID, before: UUID | None, limit: int) -> Sequence["Line"]:
        """What stands in one chat, oldest first: what the person said and each delivery with what it last showed."""
        ...

    def changed(self, link_id: UUID, after: UUID | None) -> Sequence["Line"]:
        """Lines with a message newer than the message `after`, in order of change."""
        ...


class Line(Protocol):
    """One line of a chat: the newest message in its place. `delivery` is None for what the person said."""

    @property
    def message(self) -> Message: ...

    @property
    def delivery(self) -> Delivery | None: ...


class Rooms(Protocol):
    """The shared chats of one workspace, and whose suggestions are asked about in each."""

    def add(self, row: Room | RoomAgent) -> None: ...

    def get(self, room_id: UUID) -> Room:
        """Also one that was left. Raises NotFound `messaging.room_unknown`."""
        ...

    def at(self, provider: str, tenant: str, address: str) -> Room | None:
        """The room there that was not left."""
        ...

    def all(self) -> list[Room]:
        """Those that were not left, in the order in which they were connected."""
        ...

    def agents(self, room_id: UUID) -> list[RoomAgent]:
        """Whose suggestions are asked about there."""
        ...

    def of_agent(self, agent_id: UUID) -> list[tuple[Room, RoomAgent]]:
        """Where the agent's suggestions are asked about; rooms that were left are not among them."""
        ...

    def drop(self, chosen: RoomAgent) -> None:
        """The agent does not ask there any more."""
        ...


class Conversations(Protocol):
    """How far each chat is in a dialog; one row a link."""

    def current(self, link_id: UUID) -> Conversation | None:
        """Locked for this transaction; also when it lapsed (the caller says so and ends it)."""
        ...

    def put(self, conversation: Conversation) -> None:
        """Replaces what was current."""
        ...

    def end(self, link_id: UUID) -> None: ...


class SetAsides(Protocol):
    """What was given up and who saw to it."""

    def keep(self, row: SetAside) -> None:
        """Adds it; what is known already (by kind and subject) is as it says from now on."""
        ...


class Inbox(Protocol):
    """What platforms handed over. Works outside of any workspace; its own short transactions."""

    def store_all(self, channel: str, events: Sequence[tuple[str, dict[str, Any]]]) -> set[str]:
        """Keeps what came together (each with its external id), durably, all of it or nothing; answers the ids that were not known."""
        ...

    def store(self, channel: str, external_id: str, payload: dict[str, Any]) -> UUID | None:
        """Durable once it returns. None when this event was stored before."""
        ...

    def claim(self, channel: str, lease_seconds: float, limit: int, *, alone: bool = True) -> list[InboundEvent]:
        """Takes what is pending or was left by a dead process, oldest first. One that was there at SUSPICIOUS_DEATHS is taken by itself, and only when nothing else is being
        tried (`alone`); until then nothing is taken, for what came after it is not to come before it."""
        ...

    def done(self, events: Sequence[InboundEvent]) -> set[UUID]:
        """Drops the payloads, keeps the ids; answers those whose claim was not lost."""
        ...

    def suspected(self, event: InboundEvent, *, lives: bool) -> None:
        """One that is tried alone begins: a death from now on is on its account. It `lives`: it was tried and nobody died, so it has none any more."""
        ...

    def failed(self, event: InboundEvent, error: str, retry: bool) -> bool:
        """It is given up; or to `retry`, handed back by a process that lives: no death is on its account any more. False when the claim was lost."""
        ...

    def set_aside(self, limit: int) -> list[InboundEvent]:
        """What was given up and can still be tried again, newest first."""
        ...

    def try_again(self, event_id: UUID) -> bool:
        """What was given up is pending again; False when it was not given up, or is handled by now."""
        ...

    def drop(self, event_id: UUID) -> bool:
        """What was given up is never tried again, and its content is gone; False when it was not given up."""
        ...

    def forget(self, limit: int) -> int:
        """Removes what was handled 30 days ago or given up 90 days ago, at most so many; answers how many. Until then the same event has no second effect."""
        ...


class MessagingWork(UnitOfWork, Protocol):
    @property
    def messages(self) -> Messages: ...

    @property
    def rooms(self) -> Rooms: ...

    @property
    def conversations(self) -> Conversations: ...

    @property
    def given_up(self) -> SetAsides: ...
