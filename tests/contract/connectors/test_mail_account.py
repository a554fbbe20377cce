"""A mail account on real servers: encryption, logins, what a failure means for the mail, and what reading can meet."""

import socket
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from core.connectors.ports import EffectFailed, EffectUnknown, LoginRefused, Receipt
from core.kernel.errors import Invalid, Unavailable
from runners.connectors import connect
from runners.mail.compose import message_id
from tests.contract.connectors.rigs import NOW, OWNER, REPLY, ImapRig, mail
from tests.emulators.authority import Authority
from tests.emulators.mailserver import free_port
from tests.emulators.smtpserver import Behaviour, SmtpServer, smtp_server


@pytest.fixture
def starttls(authority: Authority) -> Iterator[SmtpServer]:
    """An SMTP server that wants STARTTLS."""
    with smtp_server(authority.server_context(), "starttls") as server:
        yield server


def test_both_servers_are_reached_by_starttls(account: ImapRig, starttls: SmtpServer) -> None:
    account.config |= {"imap_security": "starttls", "imap_port": account.imap.port}
    account.config |= {"smtp_security": "starttls", "smtp_port": starttls.port}
    account.arrive("one")
    with account.open() as client:
        assert client.check().account == OWNER
        assert len(client.read("mail", None, 5).items) == 1
        client.perform("mail.send", "key-1", REPLY)
    assert len(starttls.accepted) == 1


@pytest.mark.parametrize("which", ["imap", "smtp"])
def test_a_server_elsewhere_is_never_spoken_to_without_encryption(account: ImapRig, which: str) -> None:
    with (
        pytest.raises(Invalid) as refused,
        _opened(account, {f"{which}_host": "mail.example.org", f"{which}_security": "none"}),
    ):
        pass
    assert refused.value.code == "connectors.encryption_required"


def test_a_name_that_only_leads_to_this_machine_is_elsewhere(account: ImapRig) -> None:
    config = {"imap_host": "localhost.example.org", "imap_security": "none"}
    with pytest.raises(Invalid), _opened(account, config):
        pass


def test_a_server_on_this_machine_may_be_without_encryption(account: ImapRig) -> None:
    if account.imap.kind != "dovecot":
        return  # pymap refuses a login that is not encrypted
    with _opened(
        account, {"imap_host": "127.0.0.1", "imap_port": account.imap.port, "imap_security": "none"}
    ) as client:
        assert client.read("mail", None, 5).items == ()


def test_certificates_are_verified(account: ImapRig, tmp_path: Path) -> None:
    account.config.pop("ca_file")
    with pytest.raises(Unavailable) as refused, account.open():
        pass
    assert refused.value.code == "connectors.certificate_untrusted"
    stranger = Authority(tmp_path / "stranger")
    with smtp_server(stranger.server_context()) as server:
        account.config |= {"ca_file": str(account.imap.authority.ca_file), "smtp_port": server.port}
        assert _failure(account) == ("connectors.certificate_untrusted", True)
        assert server.accepted == []


def test_a_certificate_for_another_name_is_not_trusted(account: ImapRig, tmp_path: Path) -> None:
    other = Authority(tmp_path / "other", "mail.example.org", local=False)
    both = tmp_path / "both.pem"
    both.write_bytes(other.ca_file.read_bytes() + account.imap.authority.ca_file.read_bytes())
    with smtp_server(other.server_context()) as server:
        account.config |= {"ca_file": str(both), "smtp_port": server.port}
        assert _failure(account) == ("connectors.certificate_untrusted", True)
        assert server.accepted == []


def test_a_server_without_starttls_gets_no_password(account: ImapRig, authority: Authority) -> None:
    with smtp_server(authority.server_context(), "none") as server:
        account.config |= {"smtp_security": "starttls", "smtp_port": server.port}
        assert _failure(account) == ("connectors.tls_missing", True)
        assert server.accepted == []


def test_a_wrong_password_expires_the_connection(account: ImapRig) -> None:
    account.secrets = {"password": "wrong-é-password"}
    with pytest.raises(LoginRefused) as refused, account.open():
        pass
    assert refused.value.data == {"host": "localhost"}


def test_a_password_that_only_smtp_refuses_expires_the_connection_too(account: ImapRig) -> None:
    account.smtp.password = "another"
    with account.open() as client:
        with pytest.raises(LoginRefused):
            client.check()
        with pytest.raises(LoginRefused) as refused:
            client.perform("mail.send", "key-1", REPLY)
    assert isinstance(refused.value, EffectFailed)
    assert account.effects("mail.send") == account.in_sent() == []


def test_an_imap_server_that_is_down_is_unavailable(account: ImapRig) -> None:
    with pytest.raises(Unavailable) as away, _opened(account, {"imap_port": free_port()}):
        pass
    assert away.value.code == "connectors.server_unreachable"


def test_a_server_that_never_answers_is_given_up(account: ImapRig) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(Unavailable), _opened(account, {"imap_port": port, "imap_host": "127.0.0.1", "timeout": 1}):
            pass
        account.config |= {"timeout": 1, "smtp_port": port}
        assert _failure(account) == ("connectors.server_unreachable", False)


@pytest.mark.parametrize(
    ("behaviour", "code", "lasting"),
    [
        ("refuse_later", "connectors.recipient_refused", False),
        ("refuse_mail", "connectors.mail_refused", True),
        ("busy", "connectors.mail_refused", False),
        ("cut_before_data", "connectors.connection_lost", False),
    ],
)
def test_a_mail_that_was_surely_not_sent_is_a_failure(
    account: ImapRig, behaviour: Behaviour, code: str, lasting: bool
) -> None:
    account.smtp.behaviour = behaviour
    assert _failure(account) == (code, lasting)
    assert account.effects("mail.send") == account.in_sent() == []
    account.smtp.behaviour = "ok"
    with account.open() as client:
        assert isinstance(client.perform("mail.send", "key-1", REPLY), Receipt)
    assert len(account.effects("mail.send")) == 1


def test_an_smtp_server_that_is_down_is_a_failure(account: ImapRig) -> None:
    account.config["smtp_port"] = free_port()
    assert _failure(account) == ("connectors.server_unreachable", False)


def test_a_mail_goes_to_all_its_recipients_or_to_none(account: ImapRig) -> None:
    account.smtp.refused = {"nobody@example.net"}
    input = REPLY | {"to": ["erika@example.net", "nobody@example.net"]}
    with account.open() as client, pytest.raises(EffectFailed) as failed:
        client.perform("mail.send", "key-1", input)
    assert failed.value.lasting
    assert failed.value.data["address"] == "nobody@example.net"
    assert failed.value.data["status"] == 550
    assert account.effects("mail.send") == []


@pytest.mark.parametrize("behaviour", ["cut_after_dot", "hang"])
def test_silence_after_the_final_dot_is_unknown_and_stays_unclear(account: ImapRig, behaviour: Behaviour) -> None:
    account.smtp.behaviour = behaviour
    account.config["timeout"] = 1
    with account.open() as client:
        with pytest.raises(EffectUnknown):
            client.perform("mail.send", "key-1", REPLY)
        assert client.find("mail.send", "key-1", REPLY) == "unclear"
    assert len(account.effects("mail.send")) == 1


def test_a_connection_cut_while_the_text_is_sent_is_never_a_success(account: ImapRig) -> None:
    account.smtp.behaviour = "cut_in_data"
    with account.open() as client, pytest.raises((EffectFailed, EffectUnknown)):
        client.perform("mail.send", "key-1", REPLY | {"body": "x" * 90_000})
    assert account.in_sent() == []


def test_a_sent_mail_is_filed_as_read_byte_by_byte(account: ImapRig) -> None:
    body = "From here\n.\n..two\n" + "long " * 500 + "\nGrüße, 東京 🎈\n"
    with account.open() as client:
        receipt = client.perform("mail.send", "key-1", REPLY | {"body": body})
        page = client.read("mail", None, 5)
    assert receipt.facts["filed"] is True
    assert account.in_sent() == account.effects("mail.send")
    assert account.smtp.accepted[0].recipients == ["erika@example.net"]
    assert [(i.meta["folder"], "\\Seen" in i.meta["flags"]) for i in page.items] == [("Sent", True)]


def test_a_mail_that_the_server_files_itself_is_not_filed_twice(account: ImapRig) -> None:
    account.smtp.copy = lambda raw: account.append(raw, folder=account.imap.sent)
    with account.open() as client:
        assert client.perform("mail.send", "key-1", REPLY).facts["filed"] is True
    assert len(account.in_sent()) == 1


def test_a_mail_that_is_in_the_sent_folder_is_not_sent_again(account: ImapRig) -> None:
    wanted = message_id("key-1", OWNER)
    account.append(f"Message-ID: {wanted}\r\n".encode() + mail("filed elsewhere"), folder=account.imap.sent)
    with account.open() as client:
        assert client.perform("mail.send", "key-1", REPLY).external_ref == wanted
    assert account.effects("mail.send") == []


def test_a_missing_sent_folder_stops_neither_sending_nor_reading_but_a_check_says_so(account: ImapRig) -> None:
    account.config["sent_folder"] = "Nowhere"
    account.arrive("one")
    with account.open() as client:
        assert client.perform("mail.send", "key-1", REPLY).facts["filed"] is False
        assert len(client.read("mail", None, 5).items) == 1
        with pytest.raises(Invalid) as missing:
            client.check()
    assert missing.value.data == {"folder": "Nowhere"}
    assert len(account.effects("mail.send")) == 1


def test_addresses_in_any_script_are_written_to(account: ImapRig) -> None:
    with account.open() as client:
        client.perform("mail.send", "key-1", REPLY | {"to": ["erika@bücher.example", "用户@example.net"]})
    assert account.smtp.accepted[0].recipients == ["erika@xn--bcher-kva.example", "用户@example.net"]


def test_only_the_last_days_are_read(account: ImapRig) -> None:
    account.append(mail("old"), at=NOW - timedelta(days=90))
    account.arrive("new")
    with account.open() as client:
        page = client.read("mail", None, 5)
        assert [b"new" in item.raw for item in page.items] == [True]
        assert client.read("mail", page.cursor, 5).items == ()


def test_a_folder_that_was_made_anew_is_read_anew(account: ImapRig) -> None:
    account.append(mail("first"), folder=account.imap.sent)
    with account.open() as client:
        first = client.read("mail", None, 5)
    other = account.imap.client(account.user)
    other.rename(account.imap.sent, "Before")
    other.create(account.imap.sent)
    other.logout()
    account.append(mail("second"), folder=account.imap.sent)
    with account.open() as client:
        second = client.read("mail", first.cursor, 5)
    assert [b"second" in item.raw for item in second.items] == [True]
    assert first.items[0].id != second.items[0].id


def test_a_mail_that_makes_the_server_hang_up_is_a_problem_and_the_rest_is_read(account: ImapRig) -> None:
    if account.imap.kind != "dovecot":
        return  # needs a server whose files can be damaged behind its back
    account.arrive("one", "two", "three")
    account.damage(b"two")
    with account.open() as client:
        page = client.read("mail", None, 10)
    assert [name in item.raw for name, item in zip((b"one", b"three"), page.items, strict=True)] == [True, True]
    assert [p.code for p in page.problems] == ["connectors.mail_unreadable"]


def _opened(account: ImapRig, config: dict[str, Any]) -> Any:
    return connect("imap", account.config | config, account.secrets, account.place)


def _failure(account: ImapRig) -> tuple[str, bool]:
    with account.open() as client, pytest.raises(EffectFailed) as failed:
        client.perform("mail.send", "key-1", REPLY)
    return failed.value.code, failed.value.lasting
