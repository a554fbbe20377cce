"""Mail out of an uploaded file."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from core.connectors.ports import Place
from core.kernel.errors import Invalid, Unavailable
from runners.connectors.maildir.client import MaildirClient
from runners.connectors.maildir.mailbox import Mailbox
from runners.connectors.mailfile.mailbox import FileMailbox
from runners.outbound_http import Outbound


@contextmanager
def connect(
    config: Mapping[str, Any], secrets: Mapping[str, str], place: Place, outbound: Outbound | None = None
) -> Iterator[MaildirClient]:
    """`file` is absolute, or relative to the place's folder and inside it. Raises Invalid `connectors.path_outside` and
    Unavailable `connectors.upload_missing`."""
    path = Path(config["file"])
    if not path.is_absolute():
        path = place.folder / path
        if not path.resolve().is_relative_to(place.folder.resolve()):
            raise Invalid("connectors.path_outside")
    if not path.is_file():
        raise Unavailable("connectors.upload_missing")
    own = Mailbox(place.folder / "mailbox", place.now)
    account = config.get("email") or place.owner_email
    yield MaildirClient(FileMailbox(path, own), account, place, outbound or Outbound())
