"""An input that reaches Nod twice, at two processes even, has one effect: its key is kept with what it did. For doors whose inputs are no stored events."""

from typing import Any

from core.kernel.actor import Actor
from core.kernel.ids import new_id
from core.messaging.answered import AnsweredRequest

LONGEST = 100


def note(work: Any, actor: Actor, key: str) -> None:
    """It is being done now. Raises Conflict `kernel.version_stale` where it was done already; while another process does it, waits for that."""
    work.answered.add(
        AnsweredRequest(
            id=new_id(), workspace_id=actor.workspace_id, user_id=actor.user_id, key=_named(key), fingerprint="", status=200,
            body={}, created_at=work.now,
        )
    )  # fmt: skip


def known(work: Any, actor: Actor, key: str) -> bool:
    """Whether it was done."""
    return work.answered.find(actor.user_id, _named(key)) is not None


def _named(key: str) -> str:
    """Apart from the keys of programs."""
    return f"chat:{key[:LONGEST]}"
