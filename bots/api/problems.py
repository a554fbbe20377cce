"""Every error is a problem detail (RFC 9457): a code for programs, a sentence for people, never a stack trace."""

import json
import logging
from datetime import UTC, datetime
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from bots.kit.place import place
from bots.kit.speak import speak
from bots.kit.words import Words
from core.kernel.errors import (
    Conflict,
    Failure,
    Forbidden,
    Invalid,
    LimitReached,
    NotFound,
    Unauthenticated,
    Unavailable,
)
from core.kernel.ids import new_id

STATUS: dict[type[Failure], tuple[int, str]] = {
    Invalid: (422, "Unprocessable Content"),
    NotFound: (404, "Not Found"),
    Forbidden: (403, "Forbidden"),
    Unauthenticated: (401, "Unauthorized"),
    Conflict: (409, "Conflict"),
    LimitReached: (429, "Too Many Requests"),
    Unavailable: (503, "Service Unavailable"),
}
MEDIA_TYPE = "application/problem+json"
NOT_JSON = "not to be kept as JSON: NaN, Infinity, half of a surrogate pair, or too deep"


class Problem(BaseModel):
    """A problem detail. `code` is for programs, `detail` for people; `errors` names the fields of a malformed request."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    data: dict[str, Any] = {}
    errors: list[dict[str, Any]] = []


RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {
        "description": title,
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for status, title in sorted(STATUS.values())
}
log = logging.getLogger(__name__)


def problem(status: int, title: str, code: str, detail: str, **more: Any) -> JSONResponse:
    """One problem detail."""
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, "code": code, **more}
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    return JSONResponse(body, status, headers, MEDIA_TYPE)


async def readable(request: Request) -> None:
    """Python's parser takes more than JSON is (RFC 8259): NaN, infinities, and halves of surrogate pairs, which is no text (section 8.2). Nothing of it could be kept, nor be said in an
    answer. Raises RequestValidationError."""
    try:
        said = await request.json()
    except (ValueError, RecursionError):
        return  # nothing, or YAML; whoever wants JSON there says so
    try:
        json.dumps(said, allow_nan=False, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise RequestValidationError([{"type": "json_invalid", "loc": ("body",), "msg": NOT_JSON}]) from None


def answer_with_problems(api: FastAPI, words: Words) -> None:
    """Makes every error of `api` a problem detail."""

    def say(code: str, data: dict[str, Any]) -> str:
        return speak(words.in_language(place("en", "UTC", datetime.now(UTC))), code, data).line

    describe = api.openapi

    def described() -> dict[str, Any]:
        schema = describe()
        schema["components"]["schemas"]["Problem"] = Problem.model_json_schema()
        return schema

    api.openapi = described

    @api.exception_handler(Failure)
    def failed(request: Request, failure: Failure) -> JSONResponse:
        status, title = next((STATUS[kind] for kind in type(failure).__mro__ if kind in STATUS), (500, "Error"))
        return problem(status, title, failure.code, say(failure.code, failure.data), data=_plain(failure.data))

    @api.exception_handler(RequestValidationError)
    def malformed(request: Request, wrong: RequestValidationError) -> JSONResponse:
        errors = [
            {"field": ".".join(map(str, e["loc"])), "rule": e["type"], "detail": e["msg"]} for e in wrong.errors()
        ]
        return problem(
            422, "Unprocessable Content", "api.request_invalid", say("api.request_invalid", {}), errors=errors
        )

    @api.exception_handler(HTTPException)
    def refused(request: Request, refusal: HTTPException) -> JSONResponse:
        code = {404: "api.path_unknown", 405: "api.method_unknown", 413: "api.body_too_large"}.get(
            refusal.status_code, "api.request_refused"
        )
        return problem(refusal.status_code, str(refusal.detail), code, say(code, {}))

    @api.exception_handler(Exception)
    def broke(request: Request, broken: Exception) -> JSONResponse:
        incident = str(new_id())[-12:]
        log.error("api request failed", exc_info=broken, extra={"incident": incident})
        return problem(
            500, "Internal Server Error", "error.unexpected", say("error.unexpected", {"incident": incident})
        )


def _plain(data: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value if isinstance(value, str | int | float | bool | list | None) else str(value)
        for name, value in data.items()
    }
