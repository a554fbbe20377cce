"""Who calls, and one transaction for what they ask."""

import hashlib
import json
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

from fastapi import Depends, Header, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from bots.kit.parts import Parts
from core.identity.prove import by_key
from core.kernel.actor import Actor, Scope
from core.kernel.errors import Conflict, Invalid, Unauthenticated
from core.kernel.ids import new_id
from core.kernel.telemetry import span
from core.messaging.answered import AnsweredRequest

MAX_KEY = 255


class Caller:
    """A program that acts for the person who made its key."""

    def __init__(self, parts: Parts, actor: Actor, idempotency_key: str | None) -> None:
        self.parts, self.actor, self._key = parts, actor, idempotency_key

    @contextmanager
    def reading(self) -> Iterator[Any]:
        """A unit of work that is rolled back. Raises Forbidden `identity.scope_missing` without the scope `read`."""
        self.actor.need("read")
        with self.parts.storage.work(self.actor.workspace_id, self.actor.user_id) as work:
            yield work

    def write(
        self,
        asked: BaseModel | None,
        status: int,
        change: Callable[[Any], BaseModel],
        what: str,
        scope: Scope = "write",
        once: Collection[str] = (),
    ) -> Response:
        """One transaction for `change`, which answers what to send back. With an Idempotency-Key the first answer is kept with the change and given again,
        without its fields `once` (secrets: they are null then, or an empty list); the key with another request is a Conflict `api.idempotency_key_reused`. A stale
        version is tried once more."""
        self.actor.need(scope)
        try:
            return self._once(asked, status, change, what, once)
        except Conflict as stale:
            if stale.code != "kernel.version_stale":
                raise
            return self._once(asked, status, change, what, once)

    def _once(
        self,
        asked: BaseModel | None,
        status: int,
        change: Callable[[Any], BaseModel],
        what: str,
        once: Collection[str],
    ) -> Response:
        said = {} if asked is None else asked.model_dump(mode="json")
        fingerprint = hashlib.sha256(json.dumps([what, said], sort_keys=True).encode()).hexdigest()
        with (
            span(f"api.{what.split(' ', maxsplit=1)[0]}", workspace=self.actor.workspace_id),
            self.parts.storage.work(self.actor.workspace_id, self.actor.user_id) as work,
        ):
            if self._key is not None:
                earlier = work.answered.find(self.actor.user_id, self._key)
                if earlier is not None:
                    if earlier.fingerprint != fingerprint:
                        raise Conflict("api.idempotency_key_reused")
                    return JSONResponse(earlier.body, earlier.status)
            body = change(work).model_dump(mode="json")
            if self._key is not None:
                work.answered.add(
                    AnsweredRequest(
                        id=new_id(),
                        workspace_id=self.actor.workspace_id,
                        user_id=self.actor.user_id,
                        key=self._key,
                        fingerprint=fingerprint,
                        status=status,
                        body={name: value if name not in once else _empty(value) for name, value in body.items()},
                        created_at=work.now,
                    )
                )
            work.commit()
        return JSONResponse(body, status)


def _empty(value: Any) -> Any:
    return [] if isinstance(value, list) else None


def caller(
    request: Request,
    authorization: Annotated[str, Header()] = "",
    idempotency_key: Annotated[str | None, Header()] = None,
) -> Caller:
    """Whose key came with the request. Raises Unauthenticated `identity.key_refused`, Invalid `api.idempotency_key_invalid`."""
    kind, _, key = authorization.partition(" ")
    if kind.lower() != "bearer" or not key:
        raise Unauthenticated("identity.key_missing")
    if idempotency_key is not None and not 0 < len(idempotency_key) <= MAX_KEY:
        raise Invalid("api.idempotency_key_invalid", longest=MAX_KEY)
    parts: Parts = request.app.state.parts
    return Caller(parts, by_key(parts.storage.directory, key.strip()), idempotency_key)


Calling = Annotated[Caller, Depends(caller)]
