"""The manifest, the code and the dialogs name the same things."""

from pathlib import Path

import yaml

import bots.slack
from bots.kit.dialog import actions
from bots.slack import events
from bots.slack.installing import SCOPES
from bots.slack.intake import ASK_AGENT, NEW_AGENT, OPENS
from bots.wiring import load_dialogs

MANIFEST = yaml.safe_load((Path(bots.slack.__file__).parent / "manifest.yaml").read_text("utf-8"))


def test_what_is_asked_for_in_the_installation_is_what_the_manifest_asks_for() -> None:
    assert sorted(MANIFEST["oauth_config"]["scopes"]["bot"]) == sorted(SCOPES)


def test_every_event_of_the_manifest_is_wanted_and_the_other_way_round() -> None:
    named = {name.split(".")[0] for name in MANIFEST["settings"]["event_subscriptions"]["bot_events"]}
    assert named == events.WANTED


def test_the_shortcuts_are_those_that_are_answered() -> None:
    assert {one["callback_id"] for one in MANIFEST["features"]["shortcuts"]} == {ASK_AGENT, NEW_AGENT}


def test_every_button_that_opens_a_modal_is_a_button_that_there_is() -> None:
    import bots.slack.listening  # noqa: F401 - registers the door's own

    load_dialogs()
    assert set(actions) >= OPENS


def test_words_that_are_not_said_to_nod_alone_are_not_kept() -> None:
    message = {"type": "message", "channel_type": "im", "user": "U1", "text": "hi", "channel": "D1"}

    def kind(**changes: object) -> str | None:
        return events.kind_of({"type": "event_callback", "event": {**message, **changes}})

    assert kind() == "event"
    assert kind(channel_type="channel") is None
    assert kind(bot_id="B1") is None
    assert kind(subtype="message_changed") is None
    assert kind(user=None) is None
    assert events.kind_of({"type": "block_suggestion"}) is None
    assert events.kind_of([]) is None
