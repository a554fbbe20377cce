"""Connecting, checking, reconnecting, disconnecting; secrets never come back."""

from typing import Any
from uuid import UUID

from core.connectors.connect import found, login_refused, troubled
from core.connectors.ports import Report
from core.messaging.post import announce, refresh
from tests.bots.dialogs import stage
from tests.bots.dialogs.person import Person

ACCOUNT = {
    "email": "kim@example.org",
    "password": "correct horse",
    "imap_host": "imap.example.org",
    "smtp_host": "smtp.example.org",
}


def newest(person: Person) -> UUID:
    with person.work() as work:
        return work.connections.of(person.actor.user_id)[-1].id


def checked(person: Person, check: Any) -> None:
    """A runner tried it, and this is what came of it."""
    connection_id = newest(person)

    def happens(work: Any) -> None:
        check(work, connection_id)
        refresh(work, "connection", connection_id)

    stage.changed(person, happens)


def test_an_account_is_connected_checked_and_offered_to_an_agent(person: Person) -> None:
    person.says("/connect")
    assert "Nothing is connected yet" in person.last
    person.taps("Add a connection")
    person.taps("E-mail account")
    assert "The password is encrypted before it is stored" in person.last
    person.fills(**{**ACCOUNT, "imap_port": "many"})
    assert person.last_screen.form is not None
    errors = {f.name: f.error for f in person.last_screen.form.fields if f.error}
    assert errors == {"imap_port": "A whole number, for example 10."}
    person.fills(**{**ACCOUNT, "imap_port": "993"})
    assert person.last.startswith("E-mail account kim@example.org") and "Checking…" in person.last
    checked(person, lambda work, id: found(work, id, Report("kim@example.org", ("mail.read",))))
    assert "Works: kim@example.org." in person.last and person.labels()[0] == "Use it with Inbox agent"
    with person.work() as work:
        connection = work.connections.get(newest(person))
        assert "password" not in connection.config and work.connections.secrets(connection) == {
            "password": "correct horse"
        }
        said = [line.message.payload for line in work.messages.transcript(person.actor.link_id, None, 100)]
    assert "correct horse" not in str(said)
    person.taps("Use it with Inbox agent")
    person.fills()
    assert "Your mail: E-mail account kim@example.org" in person.last


def test_what_a_check_found_wrong_is_said_with_what_to_do(person: Person) -> None:
    person.says("/connect")
    person.taps("Add a connection")
    person.taps("Maildir folder")
    person.fills(folder="/nowhere")
    checked(person, lambda work, id: troubled(work, id, "connectors.folder_missing", {"path": "/nowhere"}))
    assert "There is no such folder: /nowhere" in person.last and person.labels()[:2] == ["Change", "Try again"]
    person.taps("Try again")
    assert "Checking…" in person.last
    checked(person, lambda work, id: troubled(work, id, "connectors.folder_missing", {"path": "/nowhere"}))
    person.taps("Change")
    person.fills(folder="/srv/mail")
    assert "Checking…" in person.last
    with person.work() as work:
        assert work.connections.get(newest(person)).config["folder"] == "/srv/mail"


def test_an_expired_login_is_said_in_the_chat_with_a_way_back(person: Person) -> None:
    person.says("/connect")
    person.taps("Add a connection")
    person.taps("E-mail account")
    person.fills(**ACCOUNT)
    connection_id = newest(person)

    def expires(work: Any) -> None:
        assert login_refused(work, connection_id)
        announce(work, person.actor.user_id, "connection", connection_id)

    stage.changed(person, expires)
    assert "The server no longer takes the login." in person.last
    person.taps("Reconnect")
    form = person.last_screen.form
    assert form is not None
    assert {f.name: f.value for f in form.fields}["password"] is None and {f.name: f.value for f in form.fields}[
        "imap_host"
    ] == "imap.example.org"
    person.fills(password="new horse")
    assert "Checking…" in person.last
    with person.work() as work:
        connection = work.connections.get(connection_id)
        assert connection.status == "active" and work.connections.secrets(connection) == {"password": "new horse"}


def test_disconnecting_asks_once_says_who_uses_it_and_erases_the_login(person: Person) -> None:
    stage.agent(person)
    person.says("/connect")
    person.taps("Sample mailbox")
    person.taps("Disconnect")
    assert "It is used by Inbox agent." in person.last
    person.taps("Keep it")
    person.taps("Disconnect")
    person.taps("Disconnect it")
    assert "is disconnected." in person.last
    with person.work() as work:
        assert [c.integration for c in work.connections.of(person.actor.user_id, ["sample"])] == []


def test_a_mail_file_sent_at_the_right_moment_becomes_a_connection(person: Person) -> None:
    person.says("/connect")
    person.taps("Add a connection")
    person.taps("Mail file: upload")
    assert person.last_screen.accepts_file == (".mbox", ".eml", ".zip")
    person.sends("holiday.pdf", b"%PDF")
    assert "I cannot use holiday.pdf." in person.last
    person.sends("Archive.MBOX", b"From me\n\nhello\n")
    assert "Archive.MBOX is here (15" in person.last
    person.fills(email="kim@example.org")
    assert person.last.startswith("Archive.MBOX") and "Checking…" in person.last
    with person.work() as work:
        connection = work.connections.get(newest(person))
        digest = connection.config["file"].removesuffix(".mbox")
        assert connection.config["email"] == "kim@example.org"
    blobs = person.parts.storage.blobs(person.actor.workspace_id, person.actor.user_id)
    assert blobs.get(digest) == b"From me\n\nhello\n"


def test_a_mail_file_sent_out_of_the_blue_is_offered_to_the_agent(person: Person) -> None:
    person.sends("archive.mbox", b"From me\n\nhello\n")
    assert "archive.mbox is here" in person.last
    person.taps("Use it with Inbox agent")
    person.fills(email="kim@example.org")
    assert "Checking…" in person.last
    checked(person, lambda work, id: found(work, id, Report("kim@example.org", ())))
    person.taps("Use it with Inbox agent")
    assert "how should it work?" in person.last
    person.says("/cancel")
    person.sends("picture.png", b"x")
    assert "picture.png is here, but nothing is waiting for a file." in person.last


def test_a_file_sent_while_setting_up_goes_on_with_the_set_up(person: Person) -> None:
    person.says("/new inbox")
    person.taps("Set it up")
    person.fills()
    person.sends("mine.eml", b"Subject: x\n\nx")
    person.fills(email="kim@example.org")
    checked(person, lambda work, id: found(work, id, Report("kim@example.org", ())))
    person.taps("Go on with Inbox agent")
    assert "Your mail: mine.eml" in person.last
    person.taps("Yes, I agree")
    assert "Inbox agent is ready" in person.last


def test_the_list_says_how_each_connection_is(person: Person) -> None:
    stage.agent(person)
    with person.work() as work:
        sample = work.connections.of(person.actor.user_id, ["sample"])[0]
        login_refused(work, sample.id)
        work.commit()
    person.says("/connect")
    assert "Sample mailbox (sign in again)" in person.labels() and "Task list (checking)" in person.labels()
