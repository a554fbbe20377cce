"""The pages that show what a person sees: what is on them, and that no text becomes markup."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from slack_sdk import WebClient

from .slack import Person, SlackEmulator


@pytest.fixture
def slack() -> Iterator[SlackEmulator]:
    with SlackEmulator(trigger_seconds=30) as emulator:
        yield emulator


@pytest.fixture
def mia(slack: SlackEmulator) -> Person:
    team = slack.team("Acme")
    person = team.person("Mia")
    team.install(by=person)
    return person


@pytest.fixture
def client(slack: SlackEmulator, mia: Person) -> WebClient:
    assert mia.team.installation is not None
    return WebClient(mia.team.installation.bot_token, base_url=slack.api_url)


def plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text}


OPTIONS = [
    {"text": plain("Now"), "value": "now"},
    {"text": plain("Tomorrow"), "value": "1d", "description": plain("9:00")},
]
CARD = [
    {"type": "header", "text": plain("Inbox · Reply to Ann")},
    {"type": "section", "text": mrkdwn("*To:* ann@example.org\n>Can you confirm?\n_Yes_, <https://example.org|see> `code`")},
    {"type": "section", "fields": [mrkdwn("*From*\nyou"), mrkdwn("*When*\nnow")], "accessory": {"type": "overflow", "options": OPTIONS}},
    {"type": "context", "elements": [mrkdwn("Why: the mail asks “can you confirm?”")]},
    {"type": "divider"},
    {
        "type": "actions",
        "elements": [
            {"type": "button", "text": plain("Approve"), "style": "primary"},
            {"type": "button", "text": plain("Edit")},
            {"type": "static_select", "placeholder": plain("Snooze"), "options": OPTIONS},
            {"type": "button", "text": plain("Reject"), "style": "danger"},
        ],
    },
]  # fmt: skip
FORM = {
    "type": "modal",
    "title": plain("Edit"),
    "submit": plain("Save"),
    "blocks": [
        {"type": "section", "text": mrkdwn("Change it *before* it goes.")},
        {
            "type": "input",
            "block_id": "body",
            "label": plain("Text"),
            "hint": plain("Plain text"),
            "element": {"type": "plain_text_input", "multiline": True, "initial_value": "Hi Ann"},
        },
        {"type": "input", "label": plain("When"), "element": {"type": "static_select", "options": OPTIONS}},
        {
            "type": "input",
            "label": plain("How"),
            "optional": True,
            "element": {"type": "radio_buttons", "options": OPTIONS},
        },
    ],
}


def fill(slack: SlackEmulator, client: WebClient, mia: Person) -> None:
    """One of everything in the conversation, a home tab, and a form with an error on top."""
    said = mia.says("What waits, @nod?")
    client.chat_postMessage(channel=mia.dm.id, text="Card", blocks=CARD)
    client.chat_postMessage(channel=mia.dm.id, text="In the thread", thread_ts=said.ts)
    client.chat_postEphemeral(channel=mia.dm.id, user=mia.id, text="Only you")
    client.chat_postMessage(channel=mia.dm.id, markdown_text="## Today\n**Three** cards, [see](https://example.org)")
    client.reactions_add(channel=mia.dm.id, timestamp=said.ts, name="eyes")
    client.views_publish(user_id=mia.id, view={"type": "home", "blocks": CARD})
    client.views_open(trigger_id=slack.world.trigger(mia), view=FORM)
    assert mia.modal is not None
    mia.modal.errors = {"body": "Say it better"}


def test_a_conversation_a_home_and_a_form_are_drawn(slack: SlackEmulator, client: WebClient, mia: Person) -> None:
    fill(slack, client, mia)
    page = httpx.get(slack.page_url(mia)).text
    for part in (
        "<h3>Inbox · Reply to Ann</h3>", "<strong>To:</strong> ann@example.org", "<blockquote>Can you confirm?</blockquote>",
        "<em>Yes</em>", '<a href="https://example.org">see</a>', "<code>code</code>", ">Approve</button>",
        "<span class=mention>@Nod</span>", "Only visible to you", "<strong class=h>Today</strong>", "<strong>Three</strong>",
        ":eyes: 1", "class=thread", "aria-label='Edit'", "Say it better", "Hi Ann</textarea>", ">Save</button>",
    ):  # fmt: skip
        assert part in page, part
    home = httpx.get(slack.page_url(mia, "home", theme="dark")).text
    assert "class='dark'" in home and "Reply to Ann" in home


def test_no_text_becomes_markup(slack: SlackEmulator, client: WebClient, mia: Person) -> None:
    hostile = "<script>alert(1)</script> <img src=x onerror=alert(1)> \"'>"
    mia.says(hostile)
    client.chat_postMessage(channel=mia.dm.id, text=hostile, blocks=[{"type": "section", "text": mrkdwn(hostile)}])
    client.chat_postMessage(channel=mia.dm.id, markdown_text=f'{hostile} [x](https://a"onmouseover="alert(1))')
    client.chat_postMessage(channel=mia.dm.id, text="<https://example.org/_a_|x> <javascript:alert(1)|y>")
    client.views_publish(user_id=mia.id, view={"type": "home", "blocks": [{"type": "header", "text": plain(hostile)}]})
    for what in ("dm", "home"):
        page = httpx.get(slack.page_url(mia, what)).text
        assert "<script" not in page and "<img" not in page and 'href="javascript' not in page
        assert '"onmouseover' not in page.replace('[x](https://a"onmouseover', ""), "it stays text"
    assert '<a href="https://example.org/&#95;a&#95;">x</a>' in httpx.get(slack.page_url(mia)).text


def test_somebody_elses_conversation_is_not_drawn(slack: SlackEmulator, client: WebClient, mia: Person) -> None:
    client.chat_postMessage(channel=mia.dm.id, text="Private")
    tom = mia.team.person("Tom")
    assert "Private" not in httpx.get(slack.page_url(tom, mia.dm)).text
