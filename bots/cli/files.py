"""What `nod apply` and `nod export` share: whose workspace it is, and how a refusal is said."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from bots.kit.place import place
from bots.kit.speak import speak
from bots.kit.words import Say, words
from bots.wiring import administration
from core.identity.sign_in import local_person
from core.kernel.actor import Actor
from core.kernel.errors import Failure, NotFound
from core.kernel.settings import settings


@contextmanager
def workspace(email: str | None) -> Iterator[tuple[Actor, Callable[[], Any]]]:
    """Who acts, and what opens a unit of work in their personal workspace. Raises NotFound `identity.user_unknown`."""
    with administration() as storage:
        known = local_person(storage.directory, email or settings().local_email)
        if known is None:
            raise NotFound("identity.user_unknown")
        actor = Actor(known.user_id, known.workspace_id, known.role, "cli")
        yield actor, lambda: storage.work(actor.workspace_id, actor.user_id)


def in_words(
    failure: Failure,
    file: str,
    otherwise: Callable[[Failure], tuple[str, str, str]],
    outcome: str = "nothing was changed",
) -> tuple[str, str, str]:
    """What happened (with file, line, kind, name and field, as far as they are known, and the `outcome`), why, what to do. What is no fault of a file is said by
    `otherwise`."""
    say = _say()
    data = failure.data
    if not say.knows(failure.code) or failure.code.startswith("identity."):
        return otherwise(failure)
    told = speak(say, failure.code, data)
    where = f"{file}:{data['line']}" if "line" in data else file
    if "entry_kind" in data:
        where += f": {data['entry_kind']} “{data['entry_name']}”"
    if data.get("place"):
        where += f", field {data['place']}"
    return f"{where}: {outcome}.", told.text, told.todo or "Correct the file, then try again."


def _say() -> Say:
    return words().in_language(place("en", "UTC", datetime.now(UTC)))
