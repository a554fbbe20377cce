"""Parameters of a call, from the query string, a JSON body, a form or a multipart upload: text, all of them, as on the real server."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl

from starlette.datastructures import UploadFile
from starlette.requests import Request

from .refusals import Refused, bad_request


class Upload:
    """A file that came with the call."""

    def __init__(self, name: str, mime: str, content: bytes) -> None:
        self.name = name
        self.mime = mime
        self.content = content


class Parameters:
    def __init__(self, values: dict[str, str], uploads: dict[str, Upload]) -> None:
        self.values = values
        self.uploads = uploads

    @classmethod
    async def of(cls, request: Request) -> Parameters:
        """Read them; the query string comes first, then the body in whichever of the three forms it has."""
        values: dict[str, str] = {}
        uploads: dict[str, Upload] = {}
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind == "multipart/form-data":
            async with request.form(max_files=1000, max_fields=1000, max_part_size=60 * 1024 * 1024) as form:
                for name, value in form.multi_items():
                    if isinstance(value, UploadFile):
                        mime = value.content_type or "application/octet-stream"
                        uploads[name] = Upload(value.filename or "file", mime, await value.read())
                    else:
                        values.setdefault(name, value)
        elif kind == "application/json":
            values = _from_json(await request.body())
        elif kind == "application/x-www-form-urlencoded":
            values = _from_form(await request.body())
        values |= dict(parse_qsl(request.url.query, keep_blank_values=True))
        return cls(values, uploads)

    def text(self, name: str, default: str = "") -> str:
        return self.values.get(name, default)

    def flag(self, name: str) -> bool:
        return self.text(name).strip().lower() in {"true", "yes", "1"}

    def number(self, name: str, default: int = 0, low: int | None = None, high: int | None = None) -> int:
        """A number, clamped into its range; what is not one counts as 0."""
        if name not in self.values:
            return default
        try:
            value = int(self.text(name).strip() or 0)
        except ValueError:
            value = 0
        value = value if low is None else max(value, low)
        return value if high is None else min(value, high)

    def json(self, name: str, complaint: str) -> Any:
        """A parameter that is JSON, None when it is absent; `complaint` when it cannot be read."""
        raw = self.text(name)
        if not raw:
            return None
        try:
            return json.loads(raw)
        except (ValueError, RecursionError):
            raise bad_request(complaint) from None

    def upload(self, name: str) -> Upload | None:
        """The file of a parameter: sent under its own name, or under another that `attach://…` points to."""
        value = self.text(name)
        if value.startswith("attach://"):
            return self.uploads.get(value.removeprefix("attach://"))
        return self.uploads.get(name)


def _from_form(body: bytes) -> dict[str, str]:
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, errors="strict"))
    except UnicodeDecodeError:
        raise bad_request("strings must be encoded in UTF-8") from None


def _from_json(body: bytes) -> dict[str, str]:
    if not body.strip():
        return {}
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise Refused(400, "Bad Request: can't parse parameter value") from None
    if not isinstance(value, dict):
        raise bad_request("JSON object expected")
    return {name: _as_text(one) for name, one in value.items() if one is not None}


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
