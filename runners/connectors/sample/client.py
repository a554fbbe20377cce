"""A mailbox to try an agent with: shipped mails with fresh dates; nothing ever leaves its folder."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from shutil import rmtree
from typing import Any
from uuid import uuid4

from core.catalog.samples import build_mailbox
from core.connectors.gate import last_gate
from core.connectors.operations import MailUnsubscribe
from core.connectors.ports import EffectFailed, Finding, Place, Receipt
from core.kernel.registry import package_folder
from runners.connectors.approved import approved
from runners.connectors.files import write_new
from runners.connectors.maildir.client import MaildirClient
from runners.connectors.maildir.mailbox import Mailbox
from runners.connectors.maildir.store import FLAGS, Maildir
from runners.mail.compose import key_hash
from runners.outbound_http import Outbound

ACCOUNT = "alex@example.org"


class SampleClient(MaildirClient):
    """Like a Maildir, but leaving a list is only written down."""

    def __init__(self, root: Path, place: Place) -> None:
        super().__init__(Mailbox(root, place.now), ACCOUNT, place, Outbound())
        self._left = root / "Unsubscribed"

    def perform(self, operation: str, key: str, input: Mapping[str, Any]) -> Receipt:
        """See Connector.perform."""
        if operation != "mail.unsubscribe":
            return super().perform(operation, key, input)
        wanted = approved(MailUnsubscribe, input)
        record = {
            "list": wanted.list_name,
            "way": wanted.one_click or wanted.mailto,
            "at": self._place.now.isoformat(),
        }
        try:
            self._left.mkdir(exist_ok=True)
            last_gate()
            write_new(self._record(key), json.dumps(record, indent=1).encode())
        except OSError as failed:
            reason = os.strerror(failed.errno or 0)
            raise EffectFailed("connectors.folder_unwritable", lasting=False, reason=reason) from None
        return self._receipt(key)

    def find(self, operation: str, key: str, input: Mapping[str, Any]) -> Finding:
        """See Connector.find."""
        if operation != "mail.unsubscribe":
            return super().find(operation, key, input)
        return self._receipt(key) if self._record(key).is_file() else "absent"

    def _record(self, key: str) -> Path:
        return self._left / f"{key_hash(key)}.json"

    def _receipt(self, key: str) -> Receipt:
        return Receipt(f"Unsubscribed/{self._record(key).name}", {"folder": "Unsubscribed"})


@contextmanager
def connect(config: Mapping[str, Any], secrets: Mapping[str, str], place: Place) -> Iterator[SampleClient]:
    """Makes the mailbox when it is opened for the first time; its dates are relative to that moment."""
    root = place.folder / "mailbox"
    if not root.is_dir():
        _make(root, place.now)
    yield SampleClient(root, place)


def _make(root: Path, now: datetime) -> None:
    draft = root.with_name(f".{uuid4().hex}.draft")
    try:
        inbox, sent = Maildir(draft), Maildir(draft / ".Sent")
        inbox.create()
        sent.create()
        samples = package_folder("core.catalog") / "templates" / "inbox" / "samples"
        letters = {flag: letter for letter, flag in FLAGS.items()}
        for mail in build_mailbox(samples, now, ACCOUNT):
            folder = sent if mail.folder == "Sent" else inbox
            flags = "".join(sorted(letters[flag] for flag in mail.flags if flag in letters))
            # Not through Maildir.add: nothing here needs to be durable before the folder gets its name.
            path = folder.path / "cur" / f"{mail.name}:2,{flags}"
            path.write_bytes(mail.raw)
            os.utime(path, (mail.received.timestamp(), mail.received.timestamp()))
        os.rename(draft, root)
    except OSError:
        if not root.is_dir():
            raise
    finally:
        rmtree(draft, ignore_errors=True)
