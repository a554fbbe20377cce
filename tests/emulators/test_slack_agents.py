"""What agents use of Slack: pictures in blocks, files in forms, sentences to begin with, plans that are streamed, and what becomes of channels. Slack's own client asks."""

from collections.abc import Iterator

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.models.blocks import ImageBlock, InputBlock
from slack_sdk.models.blocks.basic_components import SlackFile
from slack_sdk.models.blocks.block_elements import FileInputElement
from slack_sdk.models.messages.chunk import BlocksChunk, PlanUpdateChunk, TaskUpdateChunk
from slack_sdk.models.views import View

from .listening import Listener
from .slack import Person, SlackEmulator, Team

CANCEL = {"type": "actions", "elements": [{"type": "button", "text": {"type": "plain_text", "text": "Cancel"}}]}


@pytest.fixture
def slack() -> Iterator[SlackEmulator]:
    with SlackEmulator(ack_seconds=30, trigger_seconds=30) as emulator:
        yield emulator


@pytest.fixture
def mia(acme: Team) -> Person:
    return acme.person("Mia")


@pytest.fixture
def client(slack: SlackEmulator, acme: Team) -> WebClient:
    assert acme.installation is not None
    return WebClient(acme.installation.bot_token, base_url=slack.api_url)


def _refused(problem: pytest.ExceptionInfo[SlackApiError]) -> str:
    told = problem.value.response
    return f"{told['error']} {told.get('response_metadata')}"


def test_a_picture_is_known_to_blocks_a_moment_after_it_was_brought(
    slack: SlackEmulator, client: WebClient, mia: Person, png: bytes
) -> None:
    slack.slow_files(1)
    file = client.files_upload_v2(filename="chart.png", content=png)["file"]
    shown = [ImageBlock(slack_file=SlackFile(id=file["id"]), alt_text="A chart")]
    with pytest.raises(SlackApiError) as problem:
        client.chat_postMessage(channel=mia.dm.id, text="x", blocks=shown)
    assert "invalid slack file [json-pointer:/blocks/0/slack_file]" in _refused(problem)
    client.chat_postMessage(channel=mia.dm.id, text="x", blocks=shown)
    assert mia.dm.last.shown == "A chart"
    for wrong in ("F0000000Z", "chart.png"):
        with pytest.raises(SlackApiError) as problem:
            client.chat_postMessage(
                channel=mia.dm.id, text="x", blocks=[ImageBlock(slack_file=SlackFile(id=wrong), alt_text="x")]
            )
        assert _refused(problem).startswith("invalid_blocks")


def test_a_form_takes_files_of_the_kinds_and_the_number_that_it_names(
    slack: SlackEmulator, client: WebClient, mia: Person
) -> None:
    element = FileInputElement(action_id="v", filetypes=["yaml"], max_files=1)
    view = View(
        type="modal", title="Bring", submit="Go", blocks=[InputBlock(label="File", block_id="f", element=element)]
    )
    client.views_open(trigger_id=slack.world.trigger(mia), view=view)
    form = mia.wait_for_modal("Bring")
    for wrong in (("a.exe", b"x"), [("a.yaml", b"1"), ("b.yaml", b"2")]):
        with pytest.raises(AssertionError):
            mia.fills(form, {"File": wrong})
    mia.fills(form, {"File": ("a.yaml", b"a: 1")})
    [file] = form.values["f"]["v"]["files"]
    assert (file["name"], file["size"]) == ("a.yaml", 4)


def test_an_agents_sentences_stand_over_the_conversation_and_in_no_thread(
    slack: SlackEmulator, client: WebClient, mia: Person
) -> None:
    slack.app.agent = True
    said = mia.says("Hello")
    prompts = [{"title": "Inbox", "message": "Show my inbox"}]
    client.assistant_threads_setTitle(channel_id=mia.dm.id, thread_ts=said.ts, title="Greeting")
    client.assistant_threads_setSuggestedPrompts(channel_id=mia.dm.id, prompts=prompts, title="Try")
    assert (mia.dm.prompts, mia.dm.prompts_title) == (prompts, "Try")
    thread = mia.dm.threads.setdefault(said.ts, mia.dm.threads.get(said.ts))
    client.assistant_threads_setSuggestedPrompts(channel_id=mia.dm.id, thread_ts=said.ts, prompts=prompts)
    assert thread is not None and thread.title == "Greeting" and thread.prompts == []
    with pytest.raises(AssertionError, match="agent_view"):
        mia.starts_thread()


def test_a_plan_is_streamed_with_its_buttons_and_ended_by_the_platform(
    slack: SlackEmulator, client: WebClient, mia: Person
) -> None:
    said = mia.says("Run it")
    first = [
        PlanUpdateChunk(title="Run"), TaskUpdateChunk(id="a", title="Read", status="in_progress"), BlocksChunk(blocks=[CANCEL])
    ]  # fmt: skip
    ts = client.chat_startStream(channel=mia.dm.id, thread_ts=said.ts, chunks=first, task_display_mode="plan")["ts"]
    message = mia.dm.last
    assert message.shown.startswith("Run\nRead: in_progress") and message.labels == ["Cancel"]
    done = [TaskUpdateChunk(id="a", title="Read", status="complete")]
    client.chat_appendStream(channel=mia.dm.id, ts=ts, chunks=done, markdown_text="")
    assert "Read: complete" in message.shown
    with pytest.raises(SlackApiError) as problem:
        client.chat_update(channel=mia.dm.id, ts=ts, text="x")
    assert _refused(problem).startswith("streaming_state_conflict")
    slack.end_streams()
    with pytest.raises(SlackApiError) as problem:
        client.chat_stopStream(channel=mia.dm.id, ts=ts)
    assert _refused(problem).startswith("message_not_in_streaming_state")
    client.chat_update(channel=mia.dm.id, ts=ts, text="Done", blocks=[])
    assert message.shown == "Done"


def test_an_app_hears_what_becomes_of_its_channels(
    slack: SlackEmulator, app: Listener, acme: Team, mia: Person
) -> None:
    general = acme.channel("general", [mia])
    secret = acme.channel("plans", [mia], private=True)
    mia.renames(general, "all")
    mia.archives(secret)
    mia.removes_bot(general)
    slack.wait_until_acknowledged()
    told = [one.payload["event"] for one in slack.deliveries]
    assert [(one["type"], one["channel"]) for one in told] == [
        ("channel_rename", {"id": general.id, "name": "all", "created": 1_700_000_000}),
        ("group_archive", secret.id),
        ("channel_left", general.id),
    ]
