"""Mail that another program keeps on this machine as a Maildir."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from core.connectors.operations import MailSend, MailUnsubscribe
from core.connectors.ports import Finding, Page, Place, Receipt, Report
from core.kernel.errors import Invalid, Unavailable
from runners.connectors.approved import approved, unknown_operation
from runners.connectors.maildir.mailbox import INBOX_NAMES, Mailbox
from runners.connectors.maildir.store import Maildir
from runners.connectors.unsubscribe import farewell, unsubscribe
from runners.outbound_http import Outbound


class MailStore(Protocol):
    """Where mails are read from, and sent ones filed: see Mailbox."""

    def read(self, cursor: Mapping[str, Any] | None, limit: int) -> Page: ...

    def answered(self, message_id: str, by: frozenset[str]) -> bool: ...

    @property
    def send(self) -> Callable[[MailSend, str], Receipt]: ...

    @property
    def sent(self) -> Callable[[MailSend, str], Finding]: ...


class MaildirClient:
    """Reads a mailbox on disk; what is sent is filed in its Sent folder."""

    def __init__(self, mailbox: MailStore, account: str, place: Place, outbound: Outbound) -> None:
        self._mailbox, self._account, self._place, self._outbound = mailbox, account, place, outbound

    def check(self) -> Report:
        """See Connector.check."""
        return Report(self._account, ("read", "write"))

    def read(self, stream: str, cursor: Mapping[str, Any] | None, limit: int) -> Page:
        """See Connector.read."""
        if stream != "mail":
            raise Invalid("connectors.stream_unknown", stream=stream)
        return self._mailbox.read(cursor, limit)

    def perform(self, operation: str, key: str, input: Mapping[str, Any]) -> Receipt:
        """See Connector.perform."""
        match operation:
            case "mail.send":
                return self._mailbox.send(approved(MailSend, input), key)
            case "mail.unsubscribe":
                wanted = approved(MailUnsubscribe, input)
                return unsubscribe(wanted, self._account, self._outbound, lambda mail: self._mailbox.send(mail, key))
        raise unknown_operation(operation)

    def find(self, operation: str, key: str, input: Mapping[str, Any]) -> Finding:
        """See Connector.find. A one-click address cannot be asked."""
        match operation:
            case "mail.send":
                return self._mailbox.sent(approved(MailSend, input), key)
            case "mail.unsubscribe":
                wanted = approved(MailUnsubscribe, input)
                return "unclear" if wanted.one_click else self._mailbox.sent(farewell(wanted, self._account), key)
        raise unknown_operation(operation)

    def stale(self, operation: str, key: str, input: Mapping[str, Any]) -> str | None:
        """See Connector.stale: an answer to a thread that was answered meanwhile."""
        if operation != "mail.send":
            return None
        mail = approved(MailSend, input)
        by = frozenset(address.casefold() for address in mail.to)
        answered = mail.in_reply_to is not None and self._mailbox.answered(mail.in_reply_to, by)
        return "approvals.thread_answered" if answered else None


@contextmanager
def connect(
    config: Mapping[str, Any], secrets: Mapping[str, str], place: Place, outbound: Outbound | None = None
) -> Iterator[MaildirClient]:
    """Raises Unavailable `connectors.folder_missing` when there is no Maildir at the path."""
    root = Path(config["folder"]).expanduser()
    if not root.is_absolute():
        raise Invalid("connectors.path_relative", path=str(root))
    if not any(Maildir.at(root / name) for name in INBOX_NAMES):
        raise Unavailable("connectors.folder_missing", path=str(root))
    mailbox = Mailbox(root, place.now, config.get("days"))
    yield MaildirClient(mailbox, config.get("email") or place.owner_email, place, outbound or Outbound())
