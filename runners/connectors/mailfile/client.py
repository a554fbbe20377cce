"""Mail out of an uploaded file."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from core.connectors.ports import Place, Report
from core.kernel.errors import Invalid, Unavailable
from runners.connectors.maildir.client import MaildirClient
from runners.connectors.maildir.mailbox import Mailbox
from runners.connectors.mailfile.mailbox import FileMailbox
from runners.outbound_http import Outbound

LOOKED_AT = 50


class MailFileClient(MaildirClient):
    """Like a Maildir, but a file may turn out to be none of mail."""

    def check(self) -> Report:
        """See Connector.check. Raises Invalid with what is wrong when nothing among the first entries can be read. An empty box is well."""
        page = self.read("mail", None, LOOKED_AT)
        if page.problems and not page.items:
            first = page.problems[0]
            raise Invalid(first.code, **first.data)
        return super().check()


@contextmanager
def connect(
    config: Mapping[str, Any], secrets: Mapping[str, str], place: Place, outbound: Outbound | None = None
) -> Iterator[MailFileClient]:
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
    yield MailFileClient(FileMailbox(path, own), account, place, outbound or Outbound())
