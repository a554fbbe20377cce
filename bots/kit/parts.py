"""What a door is made of: storage behind its ports, words, tokens, the catalog, and the hop to the sync core. Made in `bots/wiring.py`."""

from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

from bots.kit.hop import Hop
from bots.kit.tokens import Tokens
from bots.kit.words import Words
from core.identity.ports import Directory, Installations
from core.kernel.due import DueWork
from core.messaging.ports import Inbox
from core.orchestration.ports import Blobs

INTAKE_THREADS = 2


class Storage(Protocol):
    """The front of storage. `work` opens a unit of work with all repositories."""

    def work(self, workspace_id: UUID, user_id: UUID) -> Any: ...

    @property
    def directory(self) -> Directory: ...

    @property
    def due(self) -> DueWork: ...

    @property
    def inbox(self) -> Inbox: ...

    @property
    def installations(self) -> Installations: ...

    def blobs(self, workspace_id: UUID, user_id: UUID) -> Blobs: ...


@dataclass(frozen=True)
class Parts:
    """One process's parts. `redis_url` None: no bells, polling only. `mail`: whether this installation has a mail server to send by; `model`: whether it has a
    language model. `intake` is the hop of what a platform hands over: keeping it never waits behind what is being handled."""

    storage: Storage
    words: Words
    tokens: Tokens
    catalog: Any
    redis_url: str | None = None
    hop: Hop = field(default_factory=Hop)
    intake: Hop = field(default_factory=lambda: Hop(INTAKE_THREADS))
    mail: bool = False
    model: bool = False

    def close(self) -> None:
        """Waits for what its hops carry."""
        self.hop.close()
        self.intake.close()
