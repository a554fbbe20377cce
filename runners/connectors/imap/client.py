"""A mail account at any provider: read by IMAP, sent from by SMTP."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

from core.connectors.operations import MailSend, MailUnsubscribe
from core.connectors.ports import EffectFailed, Finding, LoginRefused, Page, Place, Receipt, Report
from core.kernel.errors import Invalid, Unavailable
from runners.connectors.approved import approved, unknown_operation
from runners.connectors.imap.account import Account, account
from runners.connectors.imap.reading import read_page
from runners.connectors.imap.sending import smtp, transmit
from runners.connectors.imap.session import LOST, REFUSED, Session, session
from runners.connectors.unsubscribe import farewell, unsubscribe
from runners.mail.compose import compose, message_id, needs_utf8, wire_address
from runners.outbound_http import Outbound


class MailAccount:
    """An account with an open IMAP session; SMTP is opened when something is sent."""

    def __init__(self, account: Account, session: Session, place: Place, outbound: Outbound) -> None:
        self._account, self._session, self._place, self._outbound = account, session, place, outbound

    def check(self) -> Report:
        """See Connector.check. Signs in to both servers."""
        try:
            sent = self._session.sent_folder()
            if sent and not self._session.exists(sent):
                raise Invalid("connectors.sent_folder_missing", folder=sent)
            self._session.examine("INBOX")
            with smtp(self._account):
                pass
        except LoginRefused:
            raise
        except EffectFailed as failed:
            raise Unavailable(failed.code, **failed.data) from None
        except (*LOST, *REFUSED):
            raise Unavailable("connectors.server_unreachable", host=self._account.imap.host) from None
        return Report(self._account.email, ("read", "write"), {"sent_folder": sent})

    def read(self, stream: str, cursor: Mapping[str, Any] | None, limit: int) -> Page:
        """See Connector.read."""
        if stream != "mail":
            raise Invalid("connectors.stream_unknown", stream=stream)
        return read_page(self._session, self._account, cursor, limit, self._place.now)

    def perform(self, operation: str, key: str, input: Mapping[str, Any]) -> Receipt:
        """See Connector.perform. A mail that is in the sent folder already is not sent again."""
        match operation:
            case "mail.send":
                return self._send(approved(MailSend, input), key)
            case "mail.unsubscribe":
                wanted = approved(MailUnsubscribe, input)
                return unsubscribe(wanted, self._account.email, self._outbound, lambda mail: self._send(mail, key))
        raise unknown_operation(operation)

    def find(self, operation: str, key: str, input: Mapping[str, Any]) -> Finding:
        """See Connector.find. Absence from the sent folder proves nothing: not every server files what it sends."""
        match operation:
            case "mail.send":
                return self._found(approved(MailSend, input), key)
            case "mail.unsubscribe":
                wanted = approved(MailUnsubscribe, input)
                return "unclear" if wanted.one_click else self._found(farewell(wanted, self._account.email), key)
        raise unknown_operation(operation)

    def stale(self, operation: str, key: str, input: Mapping[str, Any]) -> str | None:
        """See Connector.stale: an answer to a thread that was answered meanwhile. A server that cannot be asked does not hold the mail back."""
        if operation != "mail.send":
            return None
        mail = approved(MailSend, input)
        if mail.in_reply_to is None:
            return None
        try:
            sent = self._session.sent_folder()
            answered = (sent is not None and self._session.answers(sent, mail.in_reply_to)) or any(
                self._session.answers("INBOX", mail.in_reply_to, address) for address in mail.to
            )
        except (*LOST, *REFUSED):
            return None
        return "approvals.thread_answered" if answered else None

    def _send(self, mail: MailSend, key: str) -> Receipt:
        try:
            raw = compose(mail, key, self._place.now)
            recipients = [wire_address(a) for a in (*mail.to, *mail.cc)]
            if (found := self._found(mail, key)) != "unclear":
                return found
        except (Invalid, Unavailable) as failed:
            lasting = isinstance(failed, Invalid)
            raise EffectFailed(failed.code, lasting=lasting, **failed.data) from None
        with smtp(self._account) as server:
            sender = wire_address(mail.sender)
            transmit(server, sender, list(dict.fromkeys(recipients)), raw, utf8=needs_utf8(mail))
        return Receipt(message_id(key, mail.sender), {"filed": self._file(mail, key, raw)})

    def _file(self, mail: MailSend, key: str, raw: bytes) -> bool:
        # The mail is on its way: whatever goes wrong here must not make it look unsent.
        try:
            folder = self._session.sent_folder()
            if folder is None:
                return False
            if not self._session.holds(folder, message_id(key, mail.sender)):
                self._session.file(folder, raw, self._place.now)
            return True
        except Exception:
            return False

    def _found(self, mail: MailSend, key: str) -> Receipt | Literal["unclear"]:
        wanted = message_id(key, mail.sender)
        try:
            folders = dict.fromkeys((self._session.sent_folder(), self._session.special("\\All")))
            if any(folder and self._session.holds(folder, wanted) for folder in folders):
                return Receipt(wanted, {"filed": True})
        except (*LOST, *REFUSED):
            raise Unavailable("connectors.server_unreachable", host=self._account.imap.host) from None
        return "unclear"


@contextmanager
def connect(
    config: Mapping[str, Any], secrets: Mapping[str, str], place: Place, outbound: Outbound | None = None
) -> Iterator[MailAccount]:
    """Signs in by IMAP. Raises LoginRefused, Unavailable or Invalid."""
    wanted = account(config, secrets)
    with session(wanted) as opened:
        yield MailAccount(wanted, opened, place, outbound or Outbound())
