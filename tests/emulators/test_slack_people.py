"""What people do in the emulated Slack, and what the app is told of it."""

from collections.abc import Iterator
from typing import Any

import pytest
from slack_sdk import WebClient

from .listening import Listener
from .slack import Message, NoSuchButton, Person, SlackEmulator, Team


@pytest.fixture
def slack() -> Iterator[SlackEmulator]:
    with SlackEmulator(ack_seconds=30, trigger_seconds=30) as emulator:
        yield emulator


@pytest.fixture
def acme(slack: SlackEmulator) -> Team:
    team = slack.team("Acme")
    team.install(by=team.person("Mia"))
    return team


@pytest.fixture
def mia(acme: Team) -> Person:
    return acme.people[0]


def option(text: str, value: str) -> dict[str, Any]:
    return {"text": {"type": "plain_text", "text": text}, "value": value}


OPTIONS = [option("Now", "now"), option("Tomorrow", "1d")]
CHOICES = [
    {"type": "static_select", "action_id": "snooze", "options": OPTIONS},
    {"type": "checkboxes", "action_id": "ticks", "options": OPTIONS},
    {"type": "overflow", "action_id": "more", "options": OPTIONS},
    {"type": "datepicker", "action_id": "day"},
    {"type": "users_select", "action_id": "who"},
    {"type": "button", "action_id": "approve", "value": "7.1", "text": {"type": "plain_text", "text": "Approve"}},
]


@pytest.fixture
def card(slack: SlackEmulator, acme: Team, mia: Person) -> Message:
    """A message of the app with everything that can be chosen in."""
    assert acme.installation is not None
    client = WebClient(acme.installation.bot_token, base_url=slack.api_url)
    client.chat_postMessage(channel=mia.dm.id, text="Card", blocks=[{"type": "actions", "elements": CHOICES}])
    return mia.dm.last


def test_choices_are_sent_as_their_elements_hold_them(app: Listener, mia: Person, card: Message) -> None:
    def chosen(name: str, value: Any) -> dict[str, Any]:
        action = mia.selects(card, name, value).payload["actions"][0]
        return {key: one for key, one in action.items() if key.startswith("selected")}

    assert chosen("snooze", "Tomorrow") == {"selected_option": OPTIONS[1]}
    assert chosen("ticks", ["Now", "1d"]) == {"selected_options": OPTIONS}
    assert chosen("more", "now") == {"selected_option": OPTIONS[0]}
    assert chosen("day", "2026-11-30") == {"selected_date": "2026-11-30"}
    assert chosen("who", mia) == {"selected_user": mia.id}
    with pytest.raises(AssertionError, match="no option"):
        mia.selects(card, "snooze", "Never")


def test_a_client_that_lags_presses_what_is_gone(
    slack: SlackEmulator, app: Listener, mia: Person, card: Message
) -> None:
    old = card.button("Approve")
    assert mia.team.installation is not None
    client = WebClient(mia.team.installation.bot_token, base_url=slack.api_url)
    client.chat_update(channel=mia.dm.id, ts=card.ts, text="Approved", blocks=[])
    with pytest.raises(NoSuchButton):
        mia.taps(card, "Approve")
    tap = mia.presses(card, old)
    assert tap.payload["actions"][0]["value"] == "7.1" and tap.payload["message"]["text"] == "Approved"


def test_what_people_do_with_messages_is_told(slack: SlackEmulator, app: Listener, mia: Person) -> None:
    said = mia.says("one")
    mia.edits(said, "two & three")
    mia.deletes(said)
    mia.sends_file("mail.eml", b"From: a@example.org", "message/rfc822", text="Look")
    events = [one.payload["event"] for one in slack.deliveries]
    kinds = [(event["type"], event.get("subtype")) for event in events]
    assert kinds == [("message", kind) for kind in (None, "message_changed", "message_deleted", "file_share")]
    assert (events[1]["previous_message"]["text"], events[1]["message"]["text"]) == ("one", "two &amp; three")
    assert events[2]["deleted_ts"] == said.ts and events[3]["files"][0]["name"] == "mail.eml"


def test_an_app_hears_itself_speak(slack: SlackEmulator, app: Listener, mia: Person, card: Message) -> None:
    assert mia.team.installation is not None
    client = WebClient(mia.team.installation.bot_token, base_url=slack.api_url)
    client.chat_update(channel=mia.dm.id, ts=card.ts, text="Done", blocks=[])
    client.chat_postEphemeral(channel=mia.dm.id, user=mia.id, text="Nobody is told of this")
    client.chat_delete(channel=mia.dm.id, ts=card.ts)
    events = [one.payload["event"] for one in slack.deliveries]
    assert [event.get("subtype") for event in events] == [None, "message_changed", "message_deleted"]
    assert events[0]["bot_id"] == events[1]["message"]["bot_id"] == mia.team.bot.bot_id


def test_the_assistant_hears_where_one_looks(slack: SlackEmulator, app: Listener, acme: Team, mia: Person) -> None:
    general, random = acme.channel("general", [mia]), acme.channel("random", [mia])
    thread = mia.starts_thread(general)
    mia.looks_at(thread, random)
    threads = [one.payload["event"]["assistant_thread"] for one in slack.deliveries]
    assert [one["context"]["channel_id"] for one in threads] == [general.id, random.id]
    assert {one["thread_ts"] for one in threads} == {thread.ts} and mia.opens_messages() is not None


def test_a_bot_is_told_of_its_own_arrival(slack: SlackEmulator, app: Listener, acme: Team, mia: Person) -> None:
    secret = acme.channel("secret", [mia], private=True, with_bot=False)
    assert mia.says("Nobody hears", to=secret).delivery is None
    mia.invites_bot(secret)
    event = slack.deliveries[-1].payload["event"]
    assert (event["type"], event["user"], event["inviter"]) == ("member_joined_channel", acme.bot.id, mia.id)
    assert mia.says("Now it does", to=secret).delivery is not None
