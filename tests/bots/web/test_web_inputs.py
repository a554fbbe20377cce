"""What is done at the page has one effect, whole or not at all; and what is secret is kept nowhere."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from bots.kit.dialog import Text
from bots.kit.dispatch import Dispatch
from bots.kit.screen import Button
from core.identity.models import NotificationPreferences, QuietHours
from core.identity.settle import settle
from core.kernel.errors import Unavailable
from core.kernel.ids import new_id
from core.messaging import post
from core.messaging.hold import release
from tests.bots.web import probe
from tests.bots.web.conftest import Site

JSON = {"Accept": "application/json"}


def tap(site: Site, client: httpx.Client, action: str, **more: str) -> dict[str, Any]:
    """Presses a button that was made for this person's chat."""
    link_id = site.actor(client).link_id
    assert link_id is not None
    token = site.parts.tokens.pack(Button(label="", action=action), link_id)
    return client.post("/chat/tap", data={"token": token, **more}, headers=JSON).json()


def say(client: httpx.Client, text: str, **more: str) -> dict[str, Any]:
    """Sends words."""
    return client.post("/chat/say", data={"text": text, **more}, headers=JSON).json()


def kept(site: Site, client: httpx.Client) -> str:
    """Every message of the chat, in and out."""
    actor = site.actor(client)
    with site.parts.storage.work(actor.workspace_id, actor.user_id) as work:
        return json.dumps([line.message.payload for line in work.messages.changed(actor.link_id, None)])


def test_the_same_post_twice_has_one_effect(site: Site) -> None:
    client = site.signed_in()
    for _ in range(3):
        assert tap(site, client, "probe.approve", once="the-same")["toast"] == "Approved, sending in 10 s"
    assert probe.counted == ["approve"]
    tap(site, client, "probe.approve", once="another")
    assert len(probe.counted) == 2


def test_secrets_of_a_form_are_in_no_message_right_or_wrong(site: Site) -> None:
    client = site.signed_in()
    say(client, "/probe_form")
    actor = site.actor(client)
    with site.parts.storage.work(actor.workspace_id, actor.user_id) as work:
        line = work.messages.transcript(actor.link_id, None, 10)[-1]
    assert actor.link_id is not None
    form = {
        "token": site.parts.tokens.pack(Button(label="", action="probe.save"), actor.link_id),
        "delivery": str(line.delivery.id),
    }
    wrong = client.post("/chat/form", data={**form, "f-host": "", "f-password": "hunter2"}, headers=JSON).json()
    assert wrong["code"] == "form.field_invalid"
    assert "hunter2" not in json.dumps(wrong)
    assert "hunter2" not in kept(site, client)
    right = client.post("/chat/form", data={**form, "f-host": "h", "f-password": "hunter2"}, headers=JSON).json()
    assert right["toast"] == "Connected"
    assert probe.saved[0]["password"] == "hunter2"
    assert "hunter2" not in kept(site, client)
    assert '"fields": ["host", "password"]' in kept(site, client)


def test_what_fails_halfway_changes_nothing(site: Site) -> None:
    client = site.signed_in()
    assert tap(site, client, "probe.half")["alert"] is True
    assert "not sure what you mean" in json.dumps(say(client, "Fern"))


def test_a_stale_change_is_tried_once_more(site: Site) -> None:
    client = site.signed_in()
    assert tap(site, client, "probe.stale")["toast"] == "Done"
    assert probe.counted == ["tried", "tried"]


def test_a_button_of_somebody_elses_chat_is_forged(site: Site) -> None:
    from tests.databases import somebody

    client, stranger = site.signed_in(), somebody(site.parts.storage)  # pyright: ignore[reportArgumentType]
    assert stranger.link_id is not None
    token = site.parts.tokens.pack(Button(label="", action="probe.approve"), stranger.link_id)
    answer = client.post("/chat/tap", data={"token": token}, headers=JSON).json()
    assert answer["code"] == "messaging.button_forged"
    assert probe.counted == []


def test_a_message_of_somebody_elses_chat_cannot_be_replaced(site: Site) -> None:
    from tests.databases import somebody

    stranger = somebody(site.parts.storage)  # pyright: ignore[reportArgumentType]
    with site.parts.storage.work(stranger.workspace_id, stranger.user_id) as work:
        theirs = post.answer(work, work.people.link(stranger.link_id), {"say": "web.live", "data": {}})
        work.commit()
    client = site.signed_in()
    assert tap(site, client, "probe.approve", delivery=str(theirs.id))["code"] == "messaging.delivery_unknown"


@pytest.mark.parametrize("delivery", ["", "x", "01a20153-e403-76a8-84d4-f85a33ae4550"])
def test_a_tap_on_nothing_is_no_failure_of_ours(site: Site, delivery: str) -> None:
    assert tap(site, site.signed_in(), "probe.undo", delivery=delivery)["code"] in (None, "messaging.delivery_unknown")


def test_a_stream_that_broke_goes_on_where_it_was(site: Site) -> None:
    client = site.signed_in()
    say(client, "/probe_say first")
    with client.stream("GET", "/chat/stream") as stream:
        seen = _events(stream, "first")
    say(client, "/probe_say second")
    with client.stream("GET", "/chat/stream", headers={"Last-Event-ID": seen}) as stream:
        assert _events(stream, "second") > seen


def test_the_page_shows_nothing_in_quiet_hours_that_nobody_asked_for(site: Site) -> None:
    client = site.signed_in()
    actor, unasked, asked = site.actor(client), new_id(), new_id()
    now = datetime.now(UTC)
    start, end = ((now + timedelta(hours=hours)).strftime("%H:%M") for hours in (-1, 2))
    wishes = NotificationPreferences(quiet_hours=QuietHours(start=start, end=end, enabled=True))
    with site.parts.storage.work(actor.workspace_id, actor.user_id) as work:
        settle(work, actor, timezone="Etc/UTC", notifications=wishes)
        post.announce(work, actor.user_id, "probe", unasked)
        post.announce(work, actor.user_id, "probe", asked, asked=True)
        work.commit()
    probe.truths.update({unasked: "nobody asked", asked: "just asked"})
    shown = client.get("/").text
    assert "Subject: just asked" in shown and "Subject: nobody asked" not in shown
    with site.parts.storage.work(actor.workspace_id, actor.user_id) as work:
        settle(work, actor, notifications=NotificationPreferences())
        release(work, actor.user_id)
        work.commit()
    assert "Subject: nobody asked" in client.get("/").text


def test_words_beyond_the_limit_are_refused_in_words(site: Site) -> None:
    answer = say(site.signed_in(), "x" * 9000)
    assert answer["code"] == "web.text_too_long"
    assert "at most 8,000 characters" in answer["toast"]


def test_while_the_database_is_away_the_page_says_so_and_nothing_breaks(site: Site) -> None:
    client = site.signed_in()
    actor, storage = site.actor(client), site.parts.storage
    probe.counted.clear()

    class Away:
        """Storage whose database does not answer."""

        def __getattr__(self, name: str) -> Any:
            raise Unavailable("kernel.database_away")

    object.__setattr__(site.parts, "storage", Away())
    try:
        page = client.get("/")
        assert page.status_code == 503
        assert "Nothing is lost" in page.text
        assert client.post("/chat/say", data={"text": "hi"}, headers=JSON).status_code == 503
        answer = Dispatch(site.parts).answer(actor, Text("/probe_card"), None, {})
        assert answer.code == "kernel.database_away"
    finally:
        object.__setattr__(site.parts, "storage", storage)
    assert client.get("/").status_code == 200


def _events(stream: httpx.Response, until: str) -> str:
    """Reads until a line with these words; the id of its event."""
    last = ""
    for line in stream.iter_lines():
        last = line.removeprefix("id: ") if line.startswith("id: ") else last
        if line.startswith("data: ") and f">{until}<" in json.loads(line.removeprefix("data: ")).get("html", ""):
            return last
    raise AssertionError("the stream ended")
