"""Deliveries that fail, come late or come twice; addresses that do not prove themselves; what people see of it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs

import pytest
from slack_sdk import WebClient
from slack_sdk.signature import SignatureVerifier
from slack_sdk.socket_mode import SocketModeClient

from .listening import Listener, listening
from .slack import Person, SlackEmulator, Team, sign

MODAL = {
    "type": "modal",
    "title": {"type": "plain_text", "text": "Edit"},
    "submit": {"type": "plain_text", "text": "Save"},
    "blocks": [
        {
            "type": "input",
            "block_id": "subject",
            "label": {"type": "plain_text", "text": "Subject"},
            "element": {"type": "plain_text_input", "action_id": "text"},
        }
    ],
}


@pytest.fixture
def patience() -> float:
    """How many seconds the app has: many where no test is about that, for machines that are busy."""
    return 30.0


@pytest.fixture
def slack(patience: float) -> Iterator[SlackEmulator]:
    with SlackEmulator(ack_seconds=patience, trigger_seconds=30, retry_pauses=(0, 0, 0)) as emulator:
        yield emulator


@pytest.fixture
def acme(slack: SlackEmulator) -> Team:
    team = slack.team("Acme")
    team.install(by=team.person("Mia"))
    return team


@pytest.fixture
def mia(acme: Team) -> Person:
    return acme.people[0]


def test_every_request_is_signed_as_slack_signs(slack: SlackEmulator, app: Listener, mia: Person) -> None:
    mia.says("hi")
    mia.types("/nod x")
    mia.shortcut(None, "new")
    slack.wait_until_acknowledged()
    verifier = SignatureVerifier(slack.app.signing_secret)
    assert len(app.heard) == 3 and all(verifier.is_valid_request(body, headers) for headers, body in app.heard)
    assert verifier.is_valid_request("x", sign(slack.app.signing_secret, b"x"))
    assert not verifier.is_valid_request("x", sign(slack.app.signing_secret, b"x", timestamp=1_700_000_000))


def test_an_address_has_to_give_the_challenge_back(slack: SlackEmulator) -> None:
    with listening() as listener:
        listener.answers.append((200, {}, "what?"))
        with pytest.raises(AssertionError, match="did not answer the challenge"):
            slack.listens(listener.url)
        assert slack.world.addresses is None


def test_an_event_that_fails_comes_again_with_number_and_reason(app: Listener, mia: Person) -> None:
    app.answers += [(500, {}, ""), (503, {}, ""), (200, {}, "")]
    delivery = mia.says("hi").delivery
    assert delivery is not None
    delivery.acknowledge()
    retries = [(h.get("x-slack-retry-num"), h.get("x-slack-retry-reason")) for h, _ in app.heard]
    assert retries == [(None, None), ("1", "http_error"), ("2", "http_error")]
    assert len({json.loads(body)["event_id"] for _, body in app.heard}) == 1


def test_an_event_is_given_up_after_three_retries(app: Listener, mia: Person) -> None:
    app.answers += [(500, {}, "")] * 4
    delivery = mia.says("hi").delivery
    assert delivery is not None
    delivery.wait_until_failed()
    assert [one.problem for one in delivery.attempts] == ["http_error"] * 4


def test_an_app_can_decline_retries(app: Listener, mia: Person) -> None:
    app.answers.append((500, {"X-Slack-No-Retry": "1"}, ""))
    delivery = mia.says("hi").delivery
    assert delivery is not None
    delivery.wait_until_failed()
    assert len(delivery.attempts) == 1


@pytest.mark.parametrize("patience", [2.0])
def test_a_slow_answer_counts_as_none(app: Listener, mia: Person) -> None:
    app.holds = 1
    delivery = mia.says("hi").delivery
    assert delivery is not None
    delivery.acknowledge()
    assert delivery.attempts[0].problem == "http_timeout" and delivery.attempts[-1].problem == ""
    assert app.heard[1][0]["x-slack-retry-reason"] == "http_timeout"


def test_nobody_there_is_a_failed_connection(slack: SlackEmulator, mia: Person) -> None:
    slack.listens("http://127.0.0.1:9/slack/events", verify=False)
    command = mia.types("/nod x")
    command.wait_until_failed()
    assert [one.problem for one in command.attempts] == ["connection_failed"], "commands are sent once"
    assert command.trouble == "operation_timeout"


def test_a_form_without_an_answer_stays_open_and_says_so(slack: SlackEmulator, app: Listener, mia: Person) -> None:
    form = mia.shows(MODAL)
    app.answers.append((500, {}, ""))
    mia.submits(form, {"Subject": "x"}).wait_until_failed()
    assert mia.modal is form and "trouble connecting" in form.trouble


@pytest.mark.parametrize(
    ("answer", "trouble"),
    [
        ({"response_action": "errors", "errors": {"nowhere": "x"}}, "invalid_errors"),
        ({"response_action": "update", "view": {"type": "modal"}}, "invalid_arguments"),
        ({"response_action": "explode"}, "invalid_response_action"),
    ],
)
def test_a_wrong_answer_to_a_form_is_seen_as_trouble(
    app: Listener, mia: Person, answer: dict[str, Any], trouble: str
) -> None:
    form = mia.shows(MODAL)
    app.answers.append((200, {"Content-Type": "application/json"}, json.dumps(answer)))
    mia.submits(form, {"Subject": "x"}).acknowledge()
    assert form.trouble.startswith(trouble) and mia.modal is form


def test_an_answer_can_push_and_clear(app: Listener, mia: Person) -> None:
    form = mia.shows(MODAL)
    app.answers.append(
        (200, {"Content-Type": "application/json"}, json.dumps({"response_action": "push", "view": MODAL}))
    )
    mia.submits(form, {"Subject": "x"}).acknowledge()
    assert len(mia.stack) == 2 and mia.modal is not None and mia.modal.previous is form
    app.answers.append((200, {"Content-Type": "application/json"}, json.dumps({"response_action": "clear"})))
    mia.submits(mia.modal, {"Subject": "x"}).acknowledge()
    assert mia.stack == [] and form.closed


def test_slack_itself_holds_an_empty_form_back(mia: Person) -> None:
    with pytest.raises(AssertionError, match="complete this required field"):
        mia.submits(mia.shows(MODAL))


def test_the_same_can_be_sent_twice(slack: SlackEmulator, app: Listener, mia: Person) -> None:
    delivery = mia.says("hi").delivery
    assert delivery is not None
    delivery.acknowledge()
    slack.redeliver(delivery)
    slack.wait_until_acknowledged()
    assert app.heard[0][1] == app.heard[1][1]


def test_a_form_body_carries_commands_and_interactions(slack: SlackEmulator, app: Listener, mia: Person) -> None:
    mia.types("/nod inbox")
    slack.wait_until_acknowledged()
    mia.shortcut(None, "new")
    slack.wait_until_acknowledged()
    command = parse_qs(app.heard[0][1])
    assert (command["command"], command["text"], command["user_id"]) == (["/nod"], ["inbox"], [mia.id])
    assert json.loads(parse_qs(app.heard[1][1])["payload"][0])["callback_id"] == "new"


@contextmanager
def silent(slack: SlackEmulator) -> Iterator[tuple[SocketModeClient, list[dict[str, Any]]]]:
    """A Socket Mode client that acknowledges nothing."""
    heard: list[dict[str, Any]] = []
    client = SocketModeClient(slack.app.app_token, web_client=WebClient(base_url=slack.api_url))
    client.message_listeners.append(lambda client, message, raw: heard.append(message))
    client.connect()
    slack.wait_for_connections(1)
    try:
        yield client, heard
    finally:
        client.close()


@pytest.mark.parametrize("patience", [0.5])
def test_over_sockets_an_event_without_an_ack_comes_again(slack: SlackEmulator, mia: Person) -> None:
    with silent(slack) as (_, heard):
        delivery = mia.says("hi").delivery
        assert delivery is not None
        slack.wait_for(lambda: True if len(delivery.attempts) > 1 else None)
        assert delivery.attempts[0].problem == "timeout"
        delivery.wait_until_failed()
    envelopes = [one for one in heard if one.get("type") == "events_api"]
    assert [one["retry_attempt"] for one in envelopes] == [0, 1, 2, 3]
    assert envelopes[1]["retry_reason"] == "timeout"
    assert heard[0]["type"] == "hello" and heard[0]["num_connections"] == 1


def test_without_a_connection_an_interaction_fails_at_once(mia: Person) -> None:
    command = mia.types("/nod x")
    command.wait_until_failed()
    assert [one.problem for one in command.attempts] == ["connection_failed"]


def test_a_dropped_connection_is_opened_again(slack: SlackEmulator) -> None:
    with silent(slack):
        before = slack.connections
        slack.drop_connections()
        slack.wait_for(lambda: True if slack.connections and slack.connections != before else None)


def test_a_ticket_is_good_for_one_connection(slack: SlackEmulator) -> None:
    from websockets.exceptions import InvalidStatus
    from websockets.sync.client import connect

    opened = WebClient(base_url=slack.api_url).apps_connections_open(app_token=slack.app.app_token)
    with connect(opened["url"]) as socket:
        assert json.loads(socket.recv())["type"] == "hello"
        with pytest.raises(InvalidStatus):
            connect(opened["url"])


def test_a_manifest_decides_what_is_sent() -> None:
    manifest = {
        "display_information": {"name": "Nod"},
        "features": {
            "app_home": {"home_tab_enabled": True, "messages_tab_enabled": True},
            "bot_user": {"display_name": "nod"},
            "slash_commands": [{"command": "/nod", "description": "Nod"}],
            "shortcuts": [
                {"name": "Ask an agent about this", "type": "message", "callback_id": "ask", "description": ""}
            ],
        },
        "oauth_config": {"scopes": {"bot": ["chat:write", "im:history"]}},
        "settings": {
            "event_subscriptions": {"bot_events": ["message.im", "app_mention"]},
            "interactivity": {"is_enabled": True},
        },
    }
    with SlackEmulator(manifest=manifest, retry_pauses=()) as slack:
        team = slack.team("Acme")
        mia = team.person("Mia")
        assert team.install(by=mia).scopes == ["chat:write", "im:history"]
        said = mia.says("hi")
        assert said.delivery is not None and mia.opens_home() is None
        assert mia.shortcut(said, "Ask an agent about this").payload["callback_id"] == "ask"
        with pytest.raises(AssertionError, match="no global shortcut"):
            mia.shortcut(None, "New agent")
        with pytest.raises(AssertionError, match="no command"):
            mia.types("/other")
        with pytest.raises(AssertionError, match="no assistant"):
            mia.starts_thread()
        slack.app.interactivity = False
        with pytest.raises(AssertionError, match="interactivity off"):
            mia.shortcut(said, "ask")
