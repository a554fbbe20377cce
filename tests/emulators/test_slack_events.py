"""Apps written with slack_bolt, over Socket Mode and over HTTP, and the people who use them."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from slack_bolt import App, BoltRequest, BoltResponse
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_bolt.oauth.oauth_settings import OAuthSettings
from slack_sdk import WebClient
from slack_sdk.oauth.installation_store import FileInstallationStore
from slack_sdk.oauth.state_store import FileOAuthStateStore

from .bolt_app import write
from .slack import Conversation, Person, SlackEmulator, Team


@pytest.fixture
def slack() -> Iterator[SlackEmulator]:
    # A busy machine is no failure: three seconds are Slack's, not this test's.
    with SlackEmulator(ack_seconds=30, trigger_seconds=30) as emulator:
        yield emulator


@pytest.fixture
def mia(acme: Team) -> Person:
    return acme.person("Mia", locale="de-DE")


@pytest.fixture
def general(acme: Team, mia: Person) -> Conversation:
    return acme.channel("general", [mia, acme.people[0]])


def bolt(slack: SlackEmulator, token: str) -> App:
    client = WebClient(token=token, base_url=slack.api_url)
    app = App(client=client, signing_secret=slack.app.signing_secret)
    write(app)
    return app


@contextmanager
def over_sockets(slack: SlackEmulator, token: str) -> Iterator[App]:
    app = bolt(slack, token)
    handler = SocketModeHandler(app, slack.app.app_token, web_client=WebClient(base_url=slack.api_url))
    handler.connect()
    # Its close waits for the read that is under way, which lasts three seconds otherwise.
    handler.client.current_session.sock.settimeout(0.5)
    slack.wait_for_connections(1)
    try:
        yield app
    finally:
        handler.close()


@contextmanager
def over_http(slack: SlackEmulator, token: str) -> Iterator[App]:
    app = bolt(slack, token)
    with serving(app) as address:
        slack.listens(f"{address}/slack/events")
        yield app


@contextmanager
def serving(app: App) -> Iterator[str]:
    """The app behind an address of its own, its OAuth pages too where it has them."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self.answer(app.dispatch(BoltRequest(body=body, headers={k: [v] for k, v in self.headers.items()})))

        def do_GET(self) -> None:
            assert app.oauth_flow is not None
            path, _, query = self.path.partition("?")
            request = BoltRequest(body="", query=query, headers={k: [v] for k, v in self.headers.items()})
            flow = app.oauth_flow
            self.answer(
                flow.handle_installation(request) if path == flow.install_path else flow.handle_callback(request)
            )

        def answer(self, answer: BoltResponse) -> None:
            content = str(answer.body).encode()
            self.send_response(answer.status)
            for name, values in answer.headers.items():
                self.send_header(name, values[0])
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            """Tests are quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(params=[over_sockets, over_http], ids=["sockets", "http"])
def app(request: pytest.FixtureRequest, slack: SlackEmulator, acme: Team) -> Iterator[App]:
    assert acme.installation is not None
    with request.param(slack, acme.installation.bot_token) as running:
        yield running


def test_a_message_becomes_a_card_whose_press_changes_it(slack: SlackEmulator, app: App, mia: Person) -> None:
    said = mia.says("Tom & Ann <hi>")
    shown = mia.dm.wait_for_text("Reply to Ann")
    assert said.text == "Tom &amp; Ann &lt;hi&gt;" and shown.text == "Card for Tom &amp; Ann &lt;hi&gt;"
    assert shown.labels == ["Approve", "Edit"]
    tap = mia.taps(shown, "Approve")
    assert tap.acknowledge() is None and tap.seconds < 30
    shown.wait_for(lambda m: m.shown == "Approved 7.1" and not m.labels)
    assert tap.reply().shown == "Sending in 8 s" and tap.reply().only_for is mia
    assert [version.text for version in shown.versions] == ["Card for Tom &amp; Ann &lt;hi&gt;", "Approved"]


def test_a_form_is_opened_refused_changed_and_saved(app: App, mia: Person) -> None:
    mia.says("hi")
    mia.taps(mia.dm.wait_for_text("Reply"), "Edit")
    form = mia.wait_for_modal("Edit")
    assert form.fields == ["Subject", "When", "To"] and form.private_metadata == "suggestion 7"
    mia.submits(form, {"Subject": "bad", "When": "Tomorrow"})
    form.wait_for(lambda view: bool(view.errors))
    assert form.error("Subject") == "Say it better" and mia.modal is form
    with pytest.raises(AssertionError, match="at most 20"):
        mia.submits(form, {"Subject": "x" * 21})
    mia.submits(form, {"Subject": "again"}).acknowledge()
    assert form.title == "Once more" and form.errors == {}
    assert mia.searches(form, "To", "ann")[0]["text"]["text"] == "ann@example.org"
    mia.submits(form, {"Subject": "good"})
    mia.wait_until_closed()
    mia.dm.wait_for_text("Saved good suggestion 7 1d")


def test_a_closed_form_is_told_of(app: App, mia: Person) -> None:
    mia.shortcut(None, "new_agent").acknowledge()
    mia.closes(mia.wait_for_modal("Edit"))
    mia.dm.wait_for_text("Nothing was changed")


def test_home_is_published_when_it_is_opened(app: App, mia: Person) -> None:
    mia.opens_home()
    assert mia.wait_for_home("Pending").labels == ["Open"]


def test_a_command_is_answered_privately_and_in_the_channel(app: App, mia: Person, general: Conversation) -> None:
    command = mia.types("/nod inbox <b>", to=general)
    assert command.acknowledge() in ("You said inbox &lt;b&gt;", {"text": "You said inbox &lt;b&gt;"})
    assert general.wait_for_text("You said inbox <b>").only_for is mia
    assert general.wait_for_text("And this for all").only_for is None


def test_mentions_shortcuts_reactions_and_arrivals_reach_the_app(
    acme: Team, app: App, mia: Person, general: Conversation
) -> None:
    said = mia.says("@nod what waits?", to=general)
    assert said.text == f"<@{acme.bot.id}> what waits?"
    assert general.wait_for_text("Only you see this").only_for is mia
    mia.shortcut(said, "ask_agent")
    general.wait_for_text("About: <@")
    mia.reacts(said, "eyes")
    general.wait_for_text("Saw eyes")
    mia.takes_back(said, "eyes")
    general.wait_for_text("No more eyes")
    tom = acme.person("Tom")
    tom.joins(general)
    general.wait_for_text(f"Hello <@{tom.id}>")
    tom.leaves(general)
    general.wait_for_text(f"Goodbye <@{tom.id}>")


def test_the_assistant_has_prompts_a_status_a_title_and_streams(app: App, mia: Person) -> None:
    thread = mia.starts_thread()
    thread.wait_for(lambda one: one.prompts == [{"title": "My inbox", "message": "Show my inbox"}])
    thread.wait_for_text("What can I do?")
    thread.says("Show my inbox")
    answer = thread.wait_for_text("Three** cards")
    answer.wait_for(lambda m: not m.streaming and m.labels == ["Good", "Bad"])
    assert thread.title == "Inbox" and thread.statuses == ["is thinking…"] and thread.status == ""
    assert mia.taps(answer, "Bad").reply().shown == "Noted: bad"


def test_several_connections_share_the_load_and_refresh_loses_nothing(
    slack: SlackEmulator, acme: Team, mia: Person
) -> None:
    assert acme.installation is not None
    token = acme.installation.bot_token
    with over_sockets(slack, token), over_sockets(slack, token):
        slack.wait_for_connections(2)
        said = [mia.says(f"Number {number}") for number in range(6)]
        slack.wait_until_acknowledged()
        assert len({one.delivery.attempts[0].by for one in said if one.delivery is not None}) == 2
        slack.refresh_connections()
        slack.wait_for_connections(2)
        said.append(mia.says("Number 6"))
        slack.wait_until_acknowledged()
        for number in range(7):
            mia.dm.wait_for(lambda m, wanted=f"Card for Number {number}": m.text == wanted)
        assert all(one.delivery is not None and one.delivery.acked for one in said)


def test_two_teams_install_the_app_and_one_removes_it(slack: SlackEmulator, tmp_path: Path) -> None:
    settings = OAuthSettings(
        client_id=slack.app.client_id,
        client_secret=slack.app.client_secret,
        scopes=slack.app.scopes,
        authorization_url=slack.authorize_url,
        installation_store=FileInstallationStore(base_dir=str(tmp_path), client_id=slack.app.client_id),
        state_store=FileOAuthStateStore(expiration_seconds=600, base_dir=str(tmp_path)),
    )
    client = WebClient(base_url=slack.api_url)
    app = App(client=client, signing_secret=slack.app.signing_secret, oauth_settings=settings)
    write(app)
    app.enable_token_revocation_listeners()
    teams = [slack.team("Acme"), slack.team("Globex")]
    with serving(app) as address:
        assert app.oauth_flow is not None
        slack.app.redirect_urls = [f"{address}/slack/oauth_redirect"]
        app.oauth_flow.settings.redirect_uri = slack.app.redirect_urls[0]
        app.oauth_flow.settings.authorize_url_generator.redirect_uri = slack.app.redirect_urls[0]
        slack.listens(f"{address}/slack/events")
        for team in teams:
            person = team.person(f"Owner of {team.name}")
            page = person.installs(f"{address}/slack/install")
            assert page.status_code == 200 and team.installation is not None, page.text
            person.says(f"hi from {team.name}")
            person.dm.wait_for_text("Reply to Ann")
            assert f"{team.name}" in person.dm.last.text
        assert teams[0].people[0].installs(f"{address}/slack/install", allow=False).text.count("access_denied") == 1
        teams[0].uninstall(by=teams[0].people[0])
        slack.wait_until_acknowledged()
        assert settings.installation_store.find_bot(enterprise_id=None, team_id=teams[0].id) is None
        teams[1].people[0].says("still here")
        teams[1].people[0].dm.wait_for(lambda m: "still here" in m.text)
