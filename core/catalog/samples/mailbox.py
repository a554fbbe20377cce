"""Builds a sample mailbox: one YAML source a mail, rendered for a given day into the bytes that a mail server would have kept."""

import hashlib
import re
from collections.abc import Iterator
from datetime import datetime
from email.utils import format_datetime, parseaddr
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from core.catalog.samples.calendar import SampleDates
from core.catalog.samples.mime import Part, entity, header
from core.catalog.samples.written import written

_Folder = Literal["INBOX", "Sent"]
_AUTH = {
    "pass": "spf=pass smtp.mailfrom={domain}; dkim=pass header.d={domain}; dmarc=pass header.from={domain}",
    "fail": "spf=fail smtp.mailfrom={domain}; dkim=none; dmarc=fail header.from={domain}",
    "softfail": "spf=softfail smtp.mailfrom={domain}; dkim=none; dmarc=none header.from={domain}",
    "none": "spf=none smtp.mailfrom={domain}; dkim=none; dmarc=none header.from={domain}",
}


class SampleMail(BaseModel):
    """A finished mail. `name` is its source's, without suffix; `flags` are IMAP system flags such as `\\Seen`; `received` is aware."""

    model_config = ConfigDict(frozen=True)

    name: str
    folder: _Folder
    raw: bytes
    received: datetime
    flags: frozenset[str]


class _Source(BaseModel):
    """How a mail is written down: see the README of a samples folder."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: _Folder = "INBOX"
    when: str
    zone: str | None = None
    flags: tuple[Literal["seen", "answered", "flagged"], ...] = ()
    via: str | None = None
    return_path: str | None = None
    auth: Literal["pass", "fail", "softfail", "none"] = "pass"
    line_ending: Literal["crlf", "lf"] = "crlf"
    headers: dict[str, str | tuple[str, ...]] = {}
    body: Part | None = None
    verbatim: str | None = None

    @model_validator(mode="after")
    def _one_way_to_say_it(self) -> "_Source":
        if (self.verbatim is None) == (self.body is None):
            raise ValueError("a mail has either a body or a verbatim text")
        if self.verbatim is None and not {"From", "Message-ID"} <= self.headers.keys():
            raise ValueError("a mail needs From and Message-ID")
        return self


def build_mailbox(folder: Path, now: datetime, owner: str | None = None) -> list[SampleMail]:
    """Every mail of `folder/mail/*.yaml` as on the day of `now` (aware), oldest first, for the address `owner` (default: the sample's own).

    Equal arguments give equal bytes; Message-IDs do not depend on `now`. ValueError names the source that is wrong.
    """
    dates = SampleDates(folder, now, owner)
    mails = [_build(path, dates) for path in sorted((folder / "mail").glob("*.yaml"))]
    return sorted(mails, key=lambda mail: (mail.received, mail.name))


def _build(path: Path, dates: SampleDates) -> SampleMail:
    try:
        source = _Source.model_validate(_rendered(written(path), dates))
        sent = dates.moment(source.when)
        raw = (
            source.verbatim.encode("latin-1")
            if source.verbatim is not None
            else _message(source, path.stem, sent, dates.owner)
        )
    except (ValidationError, ValueError, yaml.YAMLError) as error:
        raise ValueError(f"{path.name}: {error}") from error
    if source.line_ending == "crlf":
        raw = raw.replace(b"\n", b"\r\n")
    return SampleMail(
        name=path.stem,
        folder=source.folder,
        raw=raw,
        received=sent,
        flags=frozenset("\\" + flag.capitalize() for flag in source.flags),
    )


def _rendered(value: Any, dates: SampleDates) -> Any:
    if isinstance(value, str):
        return dates.render(value)
    if isinstance(value, list):
        return [_rendered(each, dates) for each in value]
    if isinstance(value, dict):
        return {key: _rendered(each, dates) for key, each in value.items()}
    return value


def _message(source: _Source, name: str, sent: datetime, owner: str) -> bytes:
    assert source.body is not None
    lines = list(_trace(source, name, sent, owner)) if source.folder == "INBOX" else []
    local = sent.astimezone(ZoneInfo(source.zone)) if source.zone else sent
    for field, values in {"Date": format_datetime(local), "MIME-Version": "1.0", **source.headers}.items():
        lines += [header(field, value) for value in ((values,) if isinstance(values, str) else values)]
    return ("\n".join(lines) + "\n").encode("ascii") + entity(source.body, name)


def _trace(source: _Source, name: str, sent: datetime, owner: str) -> Iterator[str]:
    """What the receiving server adds on top: who handed the mail over, and whether the sender's domain vouches for it."""
    sender = source.headers["From"]
    address = parseaddr(re.sub(r"=\?.*?\?=", "x", sender if isinstance(sender, str) else sender[0]))[1]
    domain = address.rpartition("@")[2]
    digest = hashlib.sha256(name.encode()).hexdigest()
    host = source.via or f"mail.{domain}"
    yield header("Return-Path", source.return_path or f"<{address}>")
    hop = f"from {host} ({host} [192.0.2.{int(digest[:4], 16) % 250 + 2}]) by mx.example.org with ESMTPS id {digest[4:16]} for <{owner}>"
    yield header("Received", f"{hop}; {format_datetime(sent)}")
    yield header("Authentication-Results", "mx.example.org; " + _AUTH[source.auth].format(domain=domain))
