"""What the platform does not take, and the words in which it says so."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from .slack import Conversation, Person, SlackEmulator, Team
from .slack.blocks import check_view, message_blocks, with_ids
from .slack.blocks.elements import ELEMENTS
from .slack.blocks.layout import BLOCKS
from .slack.refusals import Refused


@pytest.fixture
def slack() -> Iterator[SlackEmulator]:
    with SlackEmulator(trigger_seconds=30) as emulator:
        yield emulator


@pytest.fixture
def mia(acme: Team) -> Person:
    return acme.person("Mia")


@pytest.fixture
def general(acme: Team, mia: Person) -> Conversation:
    return acme.channel("general", [mia])


@pytest.fixture
def client(slack: SlackEmulator, acme: Team) -> WebClient:
    assert acme.installation is not None
    return WebClient(acme.installation.bot_token, base_url=slack.api_url)


def plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}


def section(text: str = "x", **more: Any) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}, **more}


def button(label: str = "Go", **more: Any) -> dict[str, Any]:
    return {"type": "button", "text": plain(label), **more}


def actions(*elements: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "actions", "elements": list(elements), **more}


def options(number: int) -> list[dict[str, Any]]:
    return [{"text": plain(f"Option {n}"), "value": str(n)} for n in range(number)]


def field(element: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "input", "label": plain("Subject"), "element": element, **more}


def modal(*blocks: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "modal", "title": plain("Edit"), "submit": plain("Save"), "blocks": list(blocks), **more}


def refusal(call: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
    with pytest.raises(SlackApiError) as problem:
        call(*args, **kwargs)
    return dict(problem.value.response.data)  # type: ignore[arg-type]


ABSENT = object()
FIELDS = st.sampled_from([
    "type", "text", "elements", "element", "label", "fields", "accessory", "options", "option_groups", "initial_option",
    "initial_options", "value", "rows", "action_id", "block_id", "confirm", "min_length", "max_length", "placeholder",
    "style", "url", "image_url", "alt_text", "title",
])  # fmt: skip
SELECT = {"type": "static_select", "placeholder": plain("Choose")}

BAD_BLOCKS = [
    ([section("x" * 3001)], "must be less than 3001 characters [json-pointer:/blocks/0/text/text]"),
    ([section("")], "must be more than 0 characters [json-pointer:/blocks/0/text/text]"),
    ([section()] * 51, "no more than 50 items allowed [json-pointer:/blocks]"),
    ([{"type": "section"}], "must define either `text` or `fields` [json-pointer:/blocks/0]"),
    ([{"type": "section", "fields": [plain("x")] * 11}], "no more than 10 items allowed [json-pointer:/blocks/0/fields]"),
    ([{"type": "header", "text": {"type": "mrkdwn", "text": "x"}}], "unsupported type: mrkdwn [json-pointer:/blocks/0/text/type]"),
    ([{"type": "header", "text": plain("x" * 151)}], "must be less than 151 characters [json-pointer:/blocks/0/text/text]"),
    ([{"type": "video_game"}], "unsupported type: video_game [json-pointer:/blocks/0/type]"),
    ([{"text": plain("x")}], "missing required field: type [json-pointer:/blocks/0]"),
    ([actions(button("x" * 76))], "must be less than 76 characters [json-pointer:/blocks/0/elements/0/text/text]"),
    ([actions(button(value="x" * 2001))], "must be less than 2001 characters [json-pointer:/blocks/0/elements/0/value]"),
    ([actions(button(action_id="x" * 256))], "must be less than 256 characters [json-pointer:/blocks/0/elements/0/action_id]"),
    ([actions(button(style="green"))], "must be a valid enum value [json-pointer:/blocks/0/elements/0/style]"),
    ([actions(*[button()] * 26)], "no more than 25 items allowed [json-pointer:/blocks/0/elements]"),
    (
        [actions(button(action_id="go"), button(action_id="go"))],
        '`action_id` "go" already exists [json-pointer:/blocks/0/elements/1/action_id]',
    ),
    ([section(block_id="a"), section(block_id="a")], '`block_id` "a" already exists [json-pointer:/blocks/1/block_id]'),
    ([actions(SELECT | {"options": options(101)})], "no more than 100 items allowed [json-pointer:/blocks/0/elements/0/options]"),
    ([actions({"type": "overflow", "options": options(6)})], "no more than 5 items allowed [json-pointer:/blocks/0/elements/0/options]"),
    ([actions({"type": "plain_text_input"})], "unsupported type: plain_text_input [json-pointer:/blocks/0/elements/0/type]"),
    ([{"type": "context", "elements": [plain("x")] * 11}], "no more than 10 items allowed [json-pointer:/blocks/0/elements]"),
    ([actions()], "must provide at least 1 items [json-pointer:/blocks/0/elements]"),
    ([actions(button(style=None))], "must provide a string [json-pointer:/blocks/0/elements/0/style]"),
    ([section(accessory=None)], "must provide an object [json-pointer:/blocks/0/accessory]"),
    ([section(colour="red")], "invalid additional property: colour [json-pointer:/blocks/0]"),
]  # fmt: skip


@pytest.mark.parametrize(("blocks", "words"), BAD_BLOCKS, ids=[words[:60] for _, words in BAD_BLOCKS])
def test_blocks_beyond_a_limit_are_refused_with_the_place(
    client: WebClient, mia: Person, blocks: list[dict[str, Any]], words: str
) -> None:
    answer = refusal(client.chat_postMessage, channel=mia.dm.id, text="x", blocks=blocks)
    assert answer["error"] == "invalid_blocks" and words in answer["errors"]
    assert f"[ERROR] {words}" in answer["response_metadata"]["messages"]
    assert mia.dm.messages == []


BAD_VIEWS = [
    (modal(title=plain("x" * 25)), "must be less than 25 characters [json-pointer:/view/title/text]"),
    (modal(private_metadata="x" * 3001), "must be less than 3001 characters [json-pointer:/view/private_metadata]"),
    (modal(callback_id="x" * 256), "must be less than 256 characters [json-pointer:/view/callback_id]"),
    (modal(*[section()] * 101), "no more than 100 items allowed [json-pointer:/view/blocks]"),
    (
        {**modal(field({"type": "plain_text_input"})), "submit": ABSENT},
        "must define `submit` to use `input` block [json-pointer:/view/blocks/0/input]",
    ),
    (modal(field(button())), "unsupported type: button [json-pointer:/view/blocks/0/element/type]"),
    (modal({"type": "markdown", "text": "x"}), "unsupported type: markdown [json-pointer:/view/blocks/0/type]"),
    (modal(close=None), "must provide an object [json-pointer:/view/close]"),
    (modal(submit_disabled=True), "invalid additional property: submit_disabled [json-pointer:/view]"),
    (modal(colour="red"), "invalid additional property: colour [json-pointer:/view]"),
    (
        modal(field({"type": "radio_buttons", "options": options(11)})),
        "no more than 10 items allowed [json-pointer:/view/blocks/0/element/options]",
    ),
    (
        modal(field({"type": "static_select", "options": options(2), "initial_option": options(3)[2]})),
        "`initial_option` must match one of the options [json-pointer:/view/blocks/0/element/initial_option]",
    ),
]


@pytest.mark.parametrize(("view", "words"), BAD_VIEWS, ids=[words[:60] for _, words in BAD_VIEWS])
def test_views_beyond_a_limit_are_refused_with_the_place(
    slack: SlackEmulator, client: WebClient, mia: Person, view: dict[str, Any], words: str
) -> None:
    view = {name: value for name, value in view.items() if value is not ABSENT}
    answer = refusal(client.views_open, trigger_id=slack.world.trigger(mia), view=view)
    assert answer["error"] == "invalid_arguments"
    messages = answer["response_metadata"]["messages"]
    assert messages[0] == "[ERROR] failed to match all allowed schemas [json-pointer:/view]"
    assert f"[ERROR] {words}" in messages and mia.modal is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from([*BLOCKS, *ELEMENTS, "mrkdwn"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner, max_size=4),
    max_leaves=12,
)
ODD_BLOCKS = st.lists(
    st.builds(
        lambda kind, more: {"type": kind, **more}, st.sampled_from(sorted(BLOCKS)), st.dictionaries(FIELDS, JSON)
    ),
    max_size=3,
)


@given(blocks=ODD_BLOCKS | JSON)
@settings(suppress_health_check=list(HealthCheck))
def test_odd_json_is_refused_or_can_be_read(blocks: Any) -> None:
    for check in (lambda: message_blocks(blocks), lambda: check_view({"type": "home", "blocks": blocks})):
        with suppress(Refused):
            check()
    with suppress(Refused):
        checked = with_ids(message_blocks(blocks))
        assert check_view({"type": "home", "blocks": []}) and len(checked) == len(blocks)


def test_a_trigger_opens_once_and_soon(slack: SlackEmulator, client: WebClient, mia: Person, acme: Team) -> None:
    trigger = slack.world.trigger(mia)
    client.views_open(trigger_id=trigger, view=modal())
    assert refusal(client.views_open, trigger_id=trigger, view=modal())["error"] == "exchanged_trigger_id"
    late = slack.world.trigger(mia)
    slack.expire_triggers()
    assert refusal(client.views_open, trigger_id=late, view=modal())["error"] == "expired_trigger_id"
    assert refusal(client.views_open, trigger_id="1.2.3", view=modal())["error"] == "invalid_trigger_id"
    other = slack.team("Globex")
    other.install(by=other.person("Tom"))
    foreign = slack.world.trigger(other.people[0])
    assert refusal(client.views_open, trigger_id=foreign, view=modal())["error"] == "invalid_trigger_id"


@pytest.mark.filterwarnings("ignore:The top-level")
def test_texts_have_limits(client: WebClient, mia: Person) -> None:
    sent = client.chat_postMessage(channel=mia.dm.id, text="x" * 50_000)
    assert len(mia.dm.last.text) == 40_000
    where = {"channel": mia.dm.id, "ts": sent["ts"]}
    assert refusal(client.chat_update, **where, text="x" * 4001)["error"] == "msg_too_long"
    assert refusal(client.chat_update, **where)["error"] == "no_text"
    assert refusal(client.chat_postMessage, channel=mia.dm.id)["error"] == "no_text"
    assert refusal(client.chat_postMessage, channel=mia.dm.id, markdown_text="x" * 12_001)["error"] == "msg_too_long"
    both = refusal(client.chat_postMessage, channel=mia.dm.id, markdown_text="x", text="y")
    assert both["error"] == "markdown_text_conflict"
    many = [section("x" * 3000)] * 5
    assert refusal(client.chat_postMessage, channel=mia.dm.id, blocks=many)["error"] == "msg_blocks_too_long"
    assert refusal(client.chat_postMessage, channel=mia.dm.id, blocks="[{")["error"] == "invalid_blocks_format"


def test_only_ones_own_messages_are_changed(client: WebClient, mia: Person, general: Conversation) -> None:
    said = mia.says("Mine", to=general)
    where = {"channel": general.id, "ts": said.ts}
    assert refusal(client.chat_update, **where, text="x")["error"] == "cant_update_message"
    assert refusal(client.chat_delete, **where)["error"] == "cant_delete_message"
    assert refusal(client.chat_update, channel=general.id, ts="1.000001", text="x")["error"] == "message_not_found"
    assert refusal(client.chat_getPermalink, channel=general.id, message_ts="1.1")["error"] == "message_not_found"


def test_conversations_that_are_not_the_bots_are_closed(client: WebClient, mia: Person, acme: Team) -> None:
    outside = acme.channel("outside", [mia], with_bot=False)
    private = acme.channel("secret", [mia], private=True, with_bot=False)
    assert refusal(client.chat_postMessage, channel=outside.id, text="x")["error"] == "not_in_channel"
    assert refusal(client.conversations_history, channel=outside.id)["error"] == "not_in_channel"
    assert refusal(client.chat_postMessage, channel=private.id, text="x")["error"] == "channel_not_found"
    assert refusal(client.chat_postMessage, channel="C0", text="x")["error"] == "channel_not_found"
    outside.archived = True
    assert refusal(client.chat_postMessage, channel=outside.id, text="x")["error"] == "is_archived"
    hidden = {"channel": acme.channel("team", [mia]).id, "user": acme.people[0].id, "text": "x"}
    assert refusal(client.chat_postEphemeral, **hidden)["error"] == "user_not_in_channel"


def test_tokens_are_checked(slack: SlackEmulator, acme: Team, mia: Person) -> None:
    assert acme.installation is not None
    assert refusal(WebClient(base_url=slack.api_url).auth_test)["error"] == "not_authed"
    assert refusal(WebClient("xoxb-1-2-x", base_url=slack.api_url).auth_test)["error"] == "invalid_auth"
    level = WebClient(slack.app.app_token, base_url=slack.api_url)
    assert refusal(level.auth_test)["error"] == "not_allowed_token_type"
    bot = WebClient(acme.installation.bot_token, base_url=slack.api_url)
    assert refusal(bot.apps_connections_open, app_token=bot.token)["error"] == "not_allowed_token_type"
    assert refusal(bot.api_call, "chat.meMessage")["error"] == "unknown_method"
    other = slack.team("Globex")
    other.install(by=other.person("Tom"))
    assert refusal(bot.users_info, user=other.people[0].id)["error"] == "user_not_found"


def test_what_a_token_lacks_is_named(slack: SlackEmulator, mia: Person) -> None:
    team = slack.team("Globex")
    tom = team.person("Tom")
    client = WebClient(team.install(by=tom, scopes=["chat:write"]).bot_token, base_url=slack.api_url)
    answer = refusal(client.users_info, user=tom.id)
    assert (answer["error"], answer["needed"], answer["provided"]) == ("missing_scope", "users:read", "chat:write")
    assert refusal(client.conversations_open, users=tom.id)["needed"] == "im:write"
    assert tom.says("hi").delivery is None, "without im:history no message is sent to the app"


def test_too_many_calls_are_told_when_to_come_back(slack: SlackEmulator, client: WebClient, mia: Person) -> None:
    slack.limit("chat.postMessage", 1, 60.0, per_channel=True)
    client.chat_postMessage(channel=mia.dm.id, text="One")
    with pytest.raises(SlackApiError) as problem:
        client.chat_postMessage(channel=mia.dm.id, text="Two")
    response = problem.value.response
    assert (response.status_code, response["error"]) == (429, "ratelimited")
    assert 1 <= int(response.headers["retry-after"]) <= 60
    client.chat_postMessage(channel=mia.team.people[0].id, text="Another channel")
    slack.heal()
    client.chat_postMessage(channel=mia.dm.id, text="Three")
    slack.limit_by_tier()
    for _ in range(20):
        client.users_list()
    assert refusal(client.users_list)["error"] == "ratelimited", "the second tier is 20 a minute"


def test_trouble_comes_when_it_is_ordered(slack: SlackEmulator, client: WebClient, mia: Person) -> None:
    slack.fail_next("chat.postMessage", "internal_error", status=500)
    assert refusal(client.chat_postMessage, channel=mia.dm.id, text="x")["error"] == "internal_error"
    lost = slack.drop_after_accept("chat.postMessage")
    client.retry_handlers.clear()
    with pytest.raises(OSError):
        client.chat_postMessage(channel=mia.dm.id, text="Sent all the same")
    assert lost.used == 1 and mia.dm.last.text == "Sent all the same"
    assert slack.calls_to("chat.postMessage")[-1].lost
