"""Arguments of a call, from the query string, a form, a multipart upload or a JSON body."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl

from starlette.datastructures import UploadFile
from starlette.requests import Request

from .refusals import Refused, invalid_arguments, missing_argument


class Parameters:
    """Values are text where they came by a form, and whatever JSON says where they came as JSON."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.values = values

    @classmethod
    async def of(cls, request: Request) -> Parameters:
        values: dict[str, Any] = dict(parse_qsl(request.url.query, keep_blank_values=True))
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        body = await request.body()
        if kind == "application/json":
            values |= _from_json(body)
        elif kind == "application/x-www-form-urlencoded":
            values |= dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))
        elif kind == "multipart/form-data":
            async with request.form() as form:
                values |= {name: one for name, one in form.items() if not isinstance(one, UploadFile)}
        elif body:
            raise Refused("invalid_post_type")
        return cls({name: value for name, value in values.items() if value is not None})

    def text(self, name: str, default: str = "") -> str:
        value = self.values.get(name, default)
        if isinstance(value, bool):
            return "true" if value else "false"
        return value if isinstance(value, str) else json.dumps(value)

    def required(self, name: str) -> str:
        value = self.text(name)
        if not value:
            raise missing_argument(name)
        return value

    def flag(self, name: str, default: bool = False) -> bool:
        if name not in self.values:
            return default
        return self.text(name).strip().lower() in {"true", "1", "yes"}

    def number(self, name: str, default: int) -> int:
        if not self.text(name):
            return default
        try:
            return int(self.text(name))
        except ValueError:
            raise invalid_arguments(f"must be a number [json-pointer:/{name}]") from None

    def json(self, name: str, otherwise: str) -> Any:
        """An argument that is JSON, in text or already read; None when it is absent; refused with `otherwise`."""
        value = self.values.get(name)
        if value in (None, ""):
            return None
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            raise Refused(otherwise) from None


def _from_json(body: bytes) -> dict[str, Any]:
    if not body.strip():
        return {}
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise Refused("invalid_json") from None
    if not isinstance(value, dict):
        raise Refused("json_not_object")
    return value
