"""What is done at the page, as inputs: words, a tap, a form, a file. Answers a script with JSON (a toast and the lines that came of
it), a browser without one with the page again."""

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote
from uuid import UUID
from zoneinfo import available_timezones

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException

from bots.kit.dialog import Input, Submit, Tap, Text, Upload
from bots.kit.dispatch import Answer, Dispatch
from bots.kit.parts import Parts
from bots.kit.speak import failure
from bots.web.flush import Flush
from bots.web.given import uuid_or_none
from bots.web.visitors import Visitor, Visitors
from core.kernel.errors import Failure, Invalid, Unauthenticated
from core.kernel.ids import new_id

TOAST_COOKIE = "nod_toast"
TEXT_LIMIT = 8000
REMEMBERED = 5000


class Inputs:
    """Handles posts. `once` of a post is remembered, so that the same post twice has one effect: here with its answer, in the database (kit/known) for other
    processes."""

    def __init__(self, parts: Parts, visitors: Visitors, dispatch: Dispatch, flush: Flush) -> None:
        self._parts, self._visitors, self._dispatch, self._flush = parts, visitors, dispatch, flush
        self._answered: OrderedDict[tuple[UUID, str], dict[str, Any] | None] = OrderedDict()
        self.router = APIRouter(prefix="/chat", include_in_schema=False)
        for name in ("say", "tap", "form"):
            self.router.add_api_route(f"/{name}", self._take, methods=["POST"], name=f"chat_{name}")

    async def _take(self, request: Request) -> Response:
        scripted = "application/json" in request.headers.get("accept", "")
        try:
            visitor = await self._visitors.of(request)
        except Unauthenticated:
            return JSONResponse({"over": True}, 401) if scripted else RedirectResponse("/", 303)
        try:
            async with request.form(max_files=20, max_fields=500, max_part_size=1024 * 1024) as posted:
                answer = await self._answer(request, visitor, posted)
        except (MultiPartException, UnicodeDecodeError):
            return Response("The form cannot be read.\n", 400, media_type="text/plain")
        if scripted:
            return JSONResponse(answer)
        back = RedirectResponse("/", 303)
        if answer["toast"]:
            back.set_cookie(TOAST_COOKIE, quote(answer["toast"]), max_age=60, httponly=True, samesite="strict")
        return back

    async def _answer(self, request: Request, visitor: Visitor, posted: FormData) -> dict[str, Any]:
        once = (visitor.link_id, str(posted.get("once") or ""))
        if once[1] and once in self._answered:
            return self._answered[once] or {"toast": None, "alert": False, "lines": [], "code": None}
        if once[1]:
            self._answered[once] = None
            while len(self._answered) > REMEMBERED:
                self._answered.popitem(last=False)
        try:
            answer = await self._do(request, visitor, posted)
        except BaseException:
            self._answered.pop(once, None)
            raise
        if once[1]:
            self._answered[once] = {**answer, "lines": []}
        return answer

    async def _do(self, request: Request, visitor: Visitor, posted: FormData) -> dict[str, Any]:
        made: list[Answer] = []
        since = new_id()
        try:
            client, once = _client(request, posted, visitor), str(posted.get("once") or "")
            for number, heard in enumerate(await self._heard(request, visitor, posted)):
                key = f"{once}.{number}" if once else None
                made.append(await self._dispatch.handle(visitor.actor, heard, client, key=key))
        except Failure as refused:
            say = await self._parts.hop(self._flush.speech, visitor.actor)
            made.append(Answer(failure(say.say, refused).line, True, (), refused.code))
        deliveries = [delivery for answer in made for delivery in answer.deliveries]
        lines = await self._parts.hop(self._flush.answered, visitor.actor, deliveries, since)
        last = made[-1] if made else Answer()
        return {
            "toast": last.toast,
            "alert": last.alert,
            "code": last.code,
            "lines": [line.json() for line in lines],
        }

    async def _heard(self, request: Request, visitor: Visitor, posted: FormData) -> list[Input]:
        """Raises Invalid `messaging.button_forged`, `web.text_too_long`."""
        kind = request.url.path.rsplit("/", 1)[-1]
        if kind == "tap":
            action, args = self._unpack(visitor, posted)
            return [Tap(action, args, uuid_or_none(posted.get("delivery")))]
        if kind == "form":
            action, args = self._unpack(visitor, posted)
            values = {
                name.removeprefix("f-"): await self._value(visitor, posted.getlist(name))
                for name in posted
                if name.startswith("f-")
            }
            return [Submit(action, args, values, uuid_or_none(posted.get("delivery")))]
        words = str(posted.get("text") or "").replace("\r\n", "\n").strip()
        if len(words) > TEXT_LIMIT:
            raise Invalid("web.text_too_long", n=TEXT_LIMIT)
        files = [await self._keep(visitor, file) for file in posted.getlist("file") if isinstance(file, UploadFile)]
        uploads: list[Input] = [file for file in files if file is not None]
        return [*uploads, *([Text(words, uuid_or_none(posted.get("reply_to")))] if words else [])]

    def _unpack(self, visitor: Visitor, posted: FormData) -> tuple[str, tuple[str, ...]]:
        return self._parts.tokens.unpack(str(posted.get("token") or ""), visitor.link_id)

    async def _value(self, visitor: Visitor, given: list[Any]) -> Any:
        """One answer: a text, several for ticks (an empty one stands for none), or a file that is kept."""
        values: list[Any] = []
        for one in given:
            kept = await self._keep(visitor, one) if isinstance(one, UploadFile) else one
            if kept is not None and kept != "":
                values.append(kept)
        return values if len(values) > 1 else values[0] if values else ""

    async def _keep(self, visitor: Visitor, file: UploadFile) -> Upload | None:
        """Puts a file into the content store; None for the empty choice of a browser."""
        content = await file.read()
        if not file.filename:
            return None
        actor = visitor.actor
        blobs = self._parts.storage.blobs(actor.workspace_id, actor.user_id)
        name = file.filename.replace("\\", "/").rsplit("/", 1)[-1][:200]
        return Upload(name, await self._parts.hop(blobs.put, content), len(content))


def _client(request: Request, posted: FormData, visitor: Visitor) -> Mapping[str, Any]:
    """What the browser says of its place, where that makes sense; and which session it is."""
    timezone = str(posted.get("timezone") or "")
    language = request.headers.get("accept-language", "").split(",")[0].split(";")[0].strip()
    known = {"timezone": timezone} if timezone in available_timezones() else {}
    return {
        "session": str(visitor.session_id),
        **known,
        **({"language": language[:35]} if language and language != "*" else {}),
    }
