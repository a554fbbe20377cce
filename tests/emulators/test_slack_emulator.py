"""Slack's own WebClient drives every method of the emulator, and the people in it see what it did."""

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.oauth import AuthorizeUrlGenerator
from slack_sdk.webhook import WebhookClient

from .slack import Conversation, Person, SlackEmulator, Team
from .slack.methods import METHODS

BLOCKS = [
    {"type": "section", "text": {"type": "mrkdwn", "text": "*Reply* to Ann"}},
    {"type": "actions", "elements": [{"type": "button", "text": {"type": "plain_text", "text": "Approve"}}]},
]
MODAL = {
    "type": "modal",
    "title": {"type": "plain_text", "text": "Edit"},
    "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "One"}}],
}


@pytest.fixture
def slack() -> Iterator[SlackEmulator]:
    with SlackEmulator(trigger_seconds=30) as emulator:
        yield emulator


@pytest.fixture
def mia(acme: Team) -> Person:
    return acme.person("Mia", locale="de-DE", tz="Europe/Berlin")


@pytest.fixture
def general(acme: Team, mia: Person) -> Conversation:
    return acme.channel("general", [mia])


@pytest.fixture
def client(slack: SlackEmulator, acme: Team) -> WebClient:
    assert acme.installation is not None
    return WebClient(acme.installation.bot_token, base_url=slack.api_url)


def error(problem: pytest.ExceptionInfo[SlackApiError]) -> str:
    return str(problem.value.response["error"])


def test_the_token_says_whose_it_is(client: WebClient, acme: Team) -> None:
    me = client.auth_test()
    assert (me["team_id"], me["user_id"], me["bot_id"]) == (acme.id, acme.bot.id, acme.bot.bot_id)
    assert client.bots_info(bot=acme.bot.bot_id)["bot"]["user_id"] == acme.bot.id
    assert "chat:write" in me.headers["x-oauth-scopes"]


def test_a_message_is_posted_changed_linked_and_removed(client: WebClient, mia: Person, acme: Team) -> None:
    where = client.conversations_open(users=mia.id)["channel"]["id"]
    assert where == mia.dm.id
    sent = client.chat_postMessage(
        channel=where,
        text="Card <@U1> <b> & co",
        blocks=BLOCKS,
        metadata={"event_type": "card", "event_payload": {"id": 1}},
    )
    card = mia.dm.last
    assert (card.ts, card.text) == (sent["ts"], "Card <@U1> &lt;b&gt; &amp; co")
    assert card.shown == "*Reply* to Ann" and card.labels == ["Approve"]
    assert sent["message"]["blocks"][1]["elements"][0]["action_id"]
    assert card.metadata == {"event_type": "card", "event_payload": {"id": 1}}
    changed = client.chat_update(channel=where, ts=sent["ts"], text="Done")
    assert changed["text"] == "Done" and len(card.versions) == 2
    assert card.labels == ["Approve"] and card.metadata is not None, "what a change leaves out stays"
    client.chat_update(channel=where, ts=sent["ts"], text="Done", blocks=[], metadata={})
    assert card.blocks == [] and card.metadata is None and card.shown == "Done"
    link = client.chat_getPermalink(channel=where, message_ts=sent["ts"])["permalink"]
    assert link == f"https://acme.slack.com/archives/{where}/p{sent['ts'].replace('.', '')}"
    client.chat_delete(channel=where, ts=sent["ts"])
    assert card.deleted and mia.dm.messages == []


def test_what_is_live_in_a_message_can_be_listed(client: WebClient, mia: Person) -> None:
    live = f"<@{mia.id}> <!here> <https://example.org|x> &lt;@U1&gt; plain"
    blocks = [
        {"type": "section", "text": {"type": "mrkdwn", "text": live}},
        {"type": "section", "text": {"type": "plain_text", "text": live}},
    ]
    client.chat_postMessage(channel=mia.dm.id, text="<!channel> and <b>", blocks=blocks)
    assert mia.dm.last.references == ["!channel", f"@{mia.id}", "!here", "https://example.org"]


def test_a_persons_id_is_an_address(client: WebClient, mia: Person) -> None:
    assert client.chat_postMessage(channel=mia.id, text="Hello")["channel"] == mia.dm.id


def test_threads_and_history_are_read_page_by_page(client: WebClient, mia: Person, general: Conversation) -> None:
    first = client.chat_postMessage(channel=general.id, text="First")
    for number in range(3):
        client.chat_postMessage(channel=general.id, thread_ts=first["ts"], text=f"Reply {number}")
    mia.says("Second", to=general)
    client.chat_postEphemeral(channel=general.id, user=mia.id, text="Only Mia")
    history = client.conversations_history(channel=general.id)["messages"]
    assert [one["text"] for one in history] == ["Second", "First"] and history[1]["reply_count"] == 3
    replies = client.conversations_replies(channel=general.id, ts=first["ts"], limit=2)
    texts = [one["text"] for page in replies for one in page["messages"]]
    assert texts == ["First", "Reply 0", "Reply 1", "Reply 2"]
    assert general.wait_for_text("Only Mia").only_for is mia


def test_conversations_and_people_are_described(
    client: WebClient, mia: Person, general: Conversation, acme: Team
) -> None:
    assert client.conversations_info(channel=general.id)["channel"]["is_member"] is True
    assert client.conversations_info(channel=mia.dm.id)["channel"]["user"] == mia.id
    assert set(client.conversations_members(channel=general.id)["members"]) == {mia.id, acme.bot.id}
    user = client.users_info(user=mia.id, include_locale=True)["user"]
    assert (user["locale"], user["tz"], user["profile"]["email"]) == ("de-DE", "Europe/Berlin", "mia@example.org")
    assert [one["is_bot"] for one in client.users_list()["members"]] == [False, False, True]
    assert client.users_lookupByEmail(email="mia@example.org")["user"]["id"] == mia.id
    with pytest.raises(SlackApiError) as problem:
        client.team_info()
    assert error(problem) == "missing_scope"


def test_a_modal_is_opened_pushed_and_updated(slack: SlackEmulator, client: WebClient, mia: Person) -> None:
    opened = client.views_open(trigger_id=slack.world.trigger(mia), view=MODAL)
    assert mia.modal is not None and mia.modal.title == "Edit" and opened["view"]["id"] == mia.modal.id
    below = mia.modal
    changed = client.views_update(
        view_id=below.id, hash=opened["view"]["hash"], view={**MODAL, "private_metadata": "x"}
    )
    assert below.private_metadata == "x" and changed["view"]["hash"] != opened["view"]["hash"]
    with pytest.raises(SlackApiError) as problem:
        client.views_update(view_id=below.id, hash=opened["view"]["hash"], view=MODAL)
    assert error(problem) == "hash_conflict"
    for _ in range(2):
        client.views_push(trigger_id=slack.world.trigger(mia, mia.modal), view=MODAL)
    assert len(mia.stack) == 3 and mia.modal.previous is mia.stack[1] and mia.modal.root is below
    with pytest.raises(SlackApiError) as problem:
        client.views_push(trigger_id=slack.world.trigger(mia, mia.modal), view=MODAL)
    assert error(problem) == "push_limit_reached"


def test_the_home_tab_is_published(client: WebClient, mia: Person) -> None:
    client.views_publish(user_id=mia.id, view={"type": "home", "blocks": BLOCKS})
    assert mia.home is not None and mia.home.labels == ["Approve"]
    first = mia.home.id
    client.views_publish(user_id=mia.id, view={"type": "home", "blocks": BLOCKS[:1]}, hash=mia.home.hash)
    assert mia.home.id == first and mia.home.labels == []


def test_an_answer_is_streamed(client: WebClient, mia: Person, general: Conversation, acme: Team) -> None:
    asked = mia.says("How many?", to=general)
    stream = client.chat_stream(
        channel=general.id, thread_ts=asked.ts, recipient_team_id=acme.id, recipient_user_id=mia.id, buffer_size=1
    )
    stream.append(markdown_text="**Three**")
    assert asked.thread[0].streaming
    with pytest.raises(SlackApiError) as problem:
        client.chat_update(channel=general.id, ts=asked.thread[0].ts, text="x")
    assert error(problem) == "streaming_state_conflict"
    stream.append(markdown_text=" cards")
    stream.stop(blocks=BLOCKS[1:])
    answer = asked.thread[0]
    assert answer.text == "**Three** cards" and not answer.streaming and answer.labels == ["Approve"]
    with pytest.raises(SlackApiError) as problem:
        client.chat_appendStream(channel=general.id, ts=answer.ts, markdown_text="x")
    assert error(problem) == "message_not_in_streaming_state"
    started = client.chat_startStream(
        channel=general.id, thread_ts=asked.ts, recipient_team_id=acme.id, recipient_user_id=mia.id, markdown_text="a"
    )
    assert client.chat_stopStream(channel=general.id, ts=started["ts"])["message"]["text"] == "a"


def test_an_assistant_thread_has_a_status_a_title_and_prompts(client: WebClient, mia: Person) -> None:
    thread = mia.starts_thread()
    client.assistant_threads_setStatus(channel_id=mia.dm.id, thread_ts=thread.ts, status="is thinking…")
    client.assistant_threads_setTitle(channel_id=mia.dm.id, thread_ts=thread.ts, title="Inbox")
    prompts = [{"title": "Inbox", "message": "Show my inbox"}]
    client.assistant_threads_setSuggestedPrompts(channel_id=mia.dm.id, thread_ts=thread.ts, prompts=prompts)
    assert (thread.status, thread.title, thread.prompts) == ("is thinking…", "Inbox", prompts)
    client.chat_postMessage(channel=mia.dm.id, thread_ts=thread.ts, text="Here")
    assert thread.status == "" and [one.text for one in thread.messages] == ["Here"]
    with pytest.raises(SlackApiError) as problem:
        client.assistant_threads_setTitle(channel_id=mia.dm.id, thread_ts="1.000001", title="x")
    assert error(problem) == "invalid_thread_ts"


def test_reactions_are_added_once_and_removed(client: WebClient, mia: Person, acme: Team) -> None:
    said = mia.says("Hello")
    client.reactions_add(channel=mia.dm.id, timestamp=said.ts, name="eyes")
    assert said.reactions == {"eyes": [acme.bot.id]}
    with pytest.raises(SlackApiError) as problem:
        client.reactions_add(channel=mia.dm.id, timestamp=said.ts, name="eyes")
    assert error(problem) == "already_reacted"
    client.reactions_remove(channel=mia.dm.id, timestamp=said.ts, name="eyes")
    assert said.reactions == {"eyes": []}


def test_a_file_goes_both_ways(slack: SlackEmulator, client: WebClient, mia: Person) -> None:
    sent = client.files_upload_v2(channel=mia.dm.id, filename="brief.txt", content="all of it", initial_comment="Whole")
    assert sent["file"]["name"] == "brief.txt"
    assert (mia.dm.last.text, mia.dm.last.files[0].content) == ("Whole", b"all of it")
    said = mia.sends_file("mail.eml", b"From: a@example.org", "message/rfc822")
    address = said.as_json()["files"][0]["url_private_download"]
    assert httpx.get(address, headers={"Authorization": f"Bearer {client.token}"}).content == b"From: a@example.org"
    assert "Sign in" in httpx.get(address).text
    with pytest.raises(SlackApiError) as problem:
        client.files_completeUploadExternal(files=[{"id": "F1"}])
    assert error(problem) == "file_not_found"
    assert client.files_getUploadURLExternal(filename="a.txt", length=3)["file_id"].startswith("F")


def test_a_response_url_speaks_five_times(client: WebClient, mia: Person) -> None:
    client.chat_postMessage(channel=mia.dm.id, text="Card", blocks=BLOCKS)
    card = mia.dm.last
    hook = WebhookClient(mia.taps(card, "Approve").payload["response_url"])
    assert hook.send(text="Approved", replace_original=True).body == "ok"
    assert card.text == "Approved" and card.blocks == []
    hook.send(text="Private")
    assert mia.dm.last.only_for is mia
    hook.send(text="For all", response_type="in_channel")
    assert mia.dm.last.only_for is None
    assert "invalid_blocks" in hook.send(text="x", blocks=[{"type": "section"}]).body
    hook.send(text="Fourth")
    hook.send(delete_original=True)
    assert card.deleted
    assert "used_url" in hook.send(text="Sixth").body


def test_the_app_is_installed_by_a_person_on_the_oauth_page(slack: SlackEmulator) -> None:
    slack.app.redirect_urls = ["http://127.0.0.1:9/slack/oauth_redirect"]
    team = slack.team("Globex")
    tom = team.person("Tom")
    generator = AuthorizeUrlGenerator(
        client_id=slack.app.client_id,
        redirect_uri=slack.app.redirect_urls[0],
        scopes=["chat:write", "im:write"],
        authorization_url=slack.authorize_url,
    )
    link = generator.generate(state="s-1")
    refused = tom.installs(link, allow=False, follow=False)
    assert parse_qs(urlsplit(refused.headers["location"]).query) == {"error": ["access_denied"], "state": ["s-1"]}
    back = tom.installs(link, follow=False).headers["location"]
    asked = parse_qs(urlsplit(back).query)
    assert back.startswith(slack.app.redirect_urls[0]) and asked["state"] == ["s-1"]
    client = WebClient(base_url=slack.api_url)
    secrets = {"client_id": slack.app.client_id, "client_secret": slack.app.client_secret, "code": asked["code"][0]}
    with pytest.raises(SlackApiError) as problem:
        client.oauth_v2_access(**{**secrets, "client_secret": "wrong"})
    assert error(problem) == "bad_client_secret"
    with pytest.raises(SlackApiError) as problem:
        client.oauth_v2_access(**secrets, redirect_uri="http://127.0.0.1:9/other")
    assert error(problem) == "bad_redirect_uri"
    installed = client.oauth_v2_access(**secrets, redirect_uri=slack.app.redirect_urls[0])
    assert (installed["team"]["id"], installed["authed_user"]["id"]) == (team.id, tom.id)
    assert installed["scope"] == "chat:write,im:write" and installed["token_type"] == "bot"
    WebClient(installed["access_token"], base_url=slack.api_url).chat_postMessage(channel=tom.id, text="Hello")
    assert tom.dm.last.text == "Hello"
    with pytest.raises(SlackApiError) as problem:
        client.oauth_v2_access(**secrets)
    assert error(problem) == "invalid_code"


def test_removing_the_app_ends_its_token(slack: SlackEmulator, client: WebClient, acme: Team) -> None:
    acme.uninstall(by=acme.people[0])
    with pytest.raises(SlackApiError) as problem:
        client.auth_test()
    assert error(problem) == "account_inactive"
    assert [one.type for one in slack.deliveries] == ["tokens_revoked", "app_uninstalled"]


def test_the_app_gives_its_token_back(slack: SlackEmulator, client: WebClient, acme: Team) -> None:
    assert client.auth_revoke(test=True)["revoked"] is False
    assert client.auth_revoke()["revoked"] is True and acme.installation is None
    again = acme.install(by=acme.people[0])
    other = WebClient(again.bot_token, base_url=slack.api_url)
    assert other.auth_test()["user_id"] == again.bot_user_id
    other.apps_uninstall(client_id=slack.app.client_id, client_secret=slack.app.client_secret)
    assert acme.installation is None


def test_every_call_is_in_the_log_without_its_token(slack: SlackEmulator, client: WebClient, mia: Person) -> None:
    client.chat_postMessage(channel=mia.dm.id, text="Hello")
    call = slack.wait_for_call("chat.postMessage", lambda call: call.params["text"] == "Hello")
    assert call.ok and call.params["channel"] == mia.dm.id and call.began <= call.ended
    assert str(client.token) not in repr(call)


def test_each_emulated_method_is_driven_by_some_test_here() -> None:
    with open(__file__, encoding="utf-8") as source:
        tests = source.read().replace("chat_stream(", "")
    assert [name for name in METHODS if f"{name.replace('.', '_')}(" not in tests] == []


def test_an_organisations_token_reaches_the_teams_that_it_was_let_into(slack: SlackEmulator) -> None:
    org = slack.org("Globex")
    sales, support = org.team("Sales"), org.team("Support")
    ann, bob = sales.person("Ann"), support.person("Bob")
    whole = org.install(by=ann)
    client = WebClient(whole.bot_token, base_url=slack.api_url)
    me = client.auth_test()
    assert (me["is_enterprise_install"], me["enterprise_id"], me["team_id"]) == (True, org.id, org.id)
    assert client.auth_teams_list()["teams"] == []
    with pytest.raises(SlackApiError, match="team_access_not_granted"):
        client.chat_postMessage(channel=bob.id, text="hi")
    org.grants(support)
    assert [one["name"] for one in client.auth_teams_list()["teams"]] == ["Support"]
    client.chat_postMessage(channel=bob.id, text="hi")
    assert bob.dm.wait_for_text("hi").sender.id == whole.bot_user_id
    with pytest.raises(SlackApiError, match="team_access_not_granted"):
        client.users_info(user=ann.id)
    told = client.users_info(user=bob.id)["user"]
    assert told["enterprise_user"]["enterprise_id"] == org.id and told["enterprise_user"]["teams"] == [support.id]
    org.uninstall()
    with pytest.raises(SlackApiError, match="account_inactive"):
        client.auth_test()
