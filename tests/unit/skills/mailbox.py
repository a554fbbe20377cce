"""A mailbox in memory, and a run of a template's graph over it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from core.catalog.kinds import Template
from core.connectors.ports import Item, Page, Problem, Receipt, Report
from core.kernel.errors import NotFound
from core.orchestration.ports import LanguageModel, SkillContext, Snapshot, Tool, Usage, Waits
from runners.engine.evaluate import evaluate

CONNECTION = UUID(int=7)


@dataclass(frozen=True)
class KeptMail:
    """One mail of a mailbox."""

    id: str
    raw: bytes
    received: datetime | None = None
    folder: str = "INBOX"
    flags: tuple[str, ...] = ()


@dataclass
class Mailbox:
    """A connector that reads a list; its cursor is the place in it."""

    mails: Sequence[KeptMail]
    problems: Sequence[Problem] = ()
    page: int = 1000
    asked: list[Any] = field(default_factory=list)

    def check(self) -> Report:
        return Report("mailbox", ())

    def read(self, stream: str, cursor: Mapping[str, Any] | None, limit: int) -> Page:
        self.asked.append((stream, cursor, limit))
        start = int((cursor or {}).get("at", 0))
        end = start + min(limit, self.page)
        items = tuple(
            Item(mail.id, "mail", mail.raw, mail.received, {"folder": mail.folder, "flags": list(mail.flags)})
            for mail in self.mails[start:end]
        )
        return Page(
            items, {"at": min(end, len(self.mails))}, end < len(self.mails), tuple(self.problems) if start == 0 else ()
        )

    def perform(self, operation: str, key: str, input: Mapping[str, Any]) -> Receipt:
        raise AssertionError("a skill must not act")

    def stale(self, operation: str, key: str, input: Mapping[str, Any]) -> str | None:
        raise AssertionError("a skill must not ask about effects")

    def find(self, operation: str, key: str, input: Mapping[str, Any]) -> Any:
        raise AssertionError("a skill must not look for effects")


class Remembered:
    """Snapshots in memory."""

    def __init__(self) -> None:
        self.kept: dict[tuple[UUID, str, str], Snapshot] = {}

    def remember(self, snapshot: Snapshot) -> None:
        self.kept[snapshot.connection_id, snapshot.data_type, snapshot.external_id] = snapshot

    def recall(self, connection_id: UUID, data_type: str, since: datetime) -> list[Snapshot]:
        found = [s for s in self.kept.values() if (s.connection_id, s.data_type) == (connection_id, data_type)]
        return sorted((s for s in found if s.snapshot_at >= since), key=lambda s: s.snapshot_at)


class Contents:
    """A content store in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def put(self, content: bytes) -> str:
        digest = sha256(content).hexdigest()
        self.kept[digest] = content
        return digest

    def get(self, digest: str) -> bytes:
        try:
            return self.kept[digest]
        except KeyError:
            raise NotFound("messaging.blob_unknown") from None


class Steps:
    """Steps in memory; those in `done` are not run again."""

    def __init__(self, done: dict[tuple[str, int], Any] | None = None) -> None:
        self.done = done or {}
        self.ran: list[tuple[str, int]] = []

    def attempts(self, node: str, index: int) -> int:
        return 0

    def begin(self, node: str, index: int, skill: str, inputs: Mapping[str, Any], attempt: int) -> Any:
        return self.done.get((node, index))

    def finish(self, node: str, index: int, outputs: Mapping[str, Any], usage: Sequence[Usage]) -> None:
        self.ran.append((node, index))
        self.done[node, index] = outputs

    def fail(
        self, node: str, index: int, code: str, data: Mapping[str, Any], usage: Sequence[Usage], *, ends: bool
    ) -> None:
        raise AssertionError(f"{node}[{index}] failed: {code} {data}")

    def skip(self, node: str, index: int) -> None:
        self.done[node, index] = None

    def wait(self, node: str, index: int, waits: Waits, usage: Sequence[Usage]) -> None:
        raise AssertionError(f"{node}[{index}] waits: {waits.kind}")


def context(
    *,
    now: datetime,
    zone: ZoneInfo = ZoneInfo("Europe/Berlin"),
    addresses: tuple[str, ...] = ("sam@home.example",),
    owner: str = "Sam Field",
    language: str = "en",
    mailbox: Mailbox | None = None,
    cursor: Mapping[str, Any] | None = None,
    memory: Remembered | None = None,
    blobs: Contents | None = None,
    model: LanguageModel | None = None,
    dry_run: bool = False,
) -> SkillContext:
    """What a skill may use, all in memory."""
    tools = {"mail": Tool(CONNECTION, "test", addresses[0], mailbox, cursor)} if mailbox is not None else {}
    return SkillContext(
        run_id=UUID(int=1),
        agent_id=UUID(int=2),
        agent_name="Inbox",
        now=now,
        timezone=zone,
        language=language,
        owner_name=owner,
        account_addresses=addresses,
        tools=tools,
        memory=memory or Remembered(),
        blobs=blobs or Contents(),
        model=model,
        dry_run=dry_run,
    )


def settings_of(template: Template, **changed: Any) -> dict[str, Any]:
    """The parameters that an agent of this template runs with."""
    defaults = {
        name: each["default"] for name, each in template.manifest.settings["properties"].items() if "default" in each
    }
    return {"behaviour": {**defaults, **changed}, "tools": {}, "prompt_templates": template.texts}


def ran(
    template: Template,
    mails: Sequence[KeptMail],
    *,
    settings: Mapping[str, Any] | None = None,
    steps: Steps | None = None,
    **more: Any,
) -> dict[str, Any]:
    """The output of one run of `template` over `mails`."""
    return evaluate(
        template.manifest.graph,
        run={"id": "r1"},
        params=settings_of(template, **(settings or {})),
        context=context(mailbox=more.pop("mailbox", None) or Mailbox(mails), **more),
        steps=steps or Steps(),
    )
