"""`nod apply`: what a file says becomes what there is."""

import json
import sys
from pathlib import Path
from typing import Any

import typer

from bots.cli.files import workspace
from bots.kit.contracts import contracts
from core.kernel.errors import Conflict, Invalid
from core.kernel.settings import settings
from core.workflows.documents import Applied, Changed, apply_document
from core.workflows.documents.reading import MAX_BYTES

SIGNS = {"added": "+", "changed": "~", "removed": "-"}
LONGEST = 160


def apply(file: Path, email: str | None, dry_run: bool) -> None:
    """Applies a file (`-`: what is piped in), and says what it did. Raises Failure, OSError."""
    text = _text(file)
    with workspace(email) as (actor, work):
        known = contracts()

        def once() -> Applied:
            with work() as opened:
                applied = apply_document(opened, actor, known, text)
                if not dry_run and applied.differs:
                    opened.commit()
            return applied

        try:
            applied = once()
        except Conflict as stale:
            if stale.code != "kernel.version_stale":
                raise
            applied = once()
    _report(applied, dry_run)


def _text(file: Path) -> bytes:
    if str(file) == "-":
        text = sys.stdin.buffer.read(MAX_BYTES + 1)
    else:
        with file.open("rb") as opened:
            text = opened.read(MAX_BYTES + 1)
    if len(text) > MAX_BYTES:
        raise Invalid("workflows.document_too_big", most=MAX_BYTES)
    return text


def _report(applied: Applied, dry_run: bool) -> None:
    for each in applied.changes:
        if each.how != "unchanged":
            typer.echo("\n".join(_lines(each)))
    count = {
        how: sum(each.how == how for each in applied.changes) for how in ("added", "changed", "removed", "unchanged")
    }
    told = ", ".join(f"{number} {how}" for how, number in count.items() if number or how != "removed")
    typer.echo(f"{told}.{' This was a dry run: nothing was changed.' if dry_run else ''}")
    if not dry_run:
        for made in applied.secrets:
            address = f"{settings().public_url or ''}/hooks/{made.trigger_id}"
            typer.echo(f"Webhook “{made.trigger}”: {address}\nIts secret, shown only now: {made.secret}")


def _lines(each: Changed) -> list[str]:
    head = f"{SIGNS[each.how]} {each.kind} “{each.name}”"
    return [head, *(f"    {SIGNS[c.how]} {c.place}: {_values(c.how, c.old, c.new)}" for c in each.changes)]


def _values(how: str, old: Any, new: Any) -> str:
    if how == "changed":
        return f"{_short(old)} → {_short(new)}"
    return _short(new if how == "added" else old)


def _short(value: Any) -> str:
    said = json.dumps(value, ensure_ascii=False)
    return said if len(said) <= LONGEST else said[: LONGEST - 1] + "…"
