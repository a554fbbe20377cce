"""One person with the page and with Telegram, both as they run, on one database."""

import re
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from bots.kit.parts import Parts
from bots.kit.screen import Button, Paragraph, Picture, Screen
from core.identity.prove import open_session
from core.kernel.settings import Settings
from core.messaging.post import answer, replace
from tests.bots import served
from tests.bots.telegram.running import Phone
from tests.runners.world import World, task


@pytest.fixture
def page(chosen: Settings, parts: Parts, world: World) -> Iterator[httpx.Client]:
    """A browser in which the world's person is signed in, at the real page."""
    with world.work() as work:
        own = work.people.link(world.actor.link_id)
        own.provider_subject = str(world.actor.user_id)  # As the page itself links.
        secret = open_session(work, world.actor.user_id)
        work.commit()
    settings = chosen.model_copy(update={"sign_in_token": SecretStr("t"), "port": 0})
    with (
        served.page(parts, settings) as (url, _),
        httpx.Client(base_url=url, headers={"Origin": url, "Accept": "application/json"}, timeout=10) as client,
    ):
        client.cookies.set("nod_0", secret)
        yield client


def _html(page: httpx.Client) -> str:
    answered = page.get("/", headers={"Accept": "text/html"})
    assert answered.status_code == 200
    return answered.text


def _taps(page: httpx.Client, label: str) -> dict[str, Any]:
    """Presses the newest button with that label, as the page's own script does."""
    html = _html(page)
    at = html.rindex(f">{label}</button>")
    token = re.findall(r'name="token" value="([^"]+)"', html[:at])[-1]
    delivery = re.findall(r'name="delivery" value="([^"]+)"', html[:at])[-1]
    return page.post("/chat/tap", data={"token": token, "delivery": delivery}).json()


def test_a_yes_at_the_page_is_seen_in_telegram_where_a_second_one_comes_too_late(
    phone: Phone, page: httpx.Client, world: World
) -> None:
    suggestion = world.suggest(task())
    card = phone.card(suggestion)
    assert "Approve</button>" in _html(page)
    yes = card.button("Approve").data
    assert yes is not None
    assert _taps(page, "Approve")["toast"]
    card.wait_for(lambda shown: "Approve" not in shown.labels)
    late = phone.person.taps_data(card, yes).answer()
    assert "lready" in late and late.show_alert
    with world.work() as work:
        assert len(work.suggestions.approvals(suggestion.id)) == 1


def test_a_no_in_telegram_is_seen_at_the_page(phone: Phone, page: httpx.Client, world: World) -> None:
    card = phone.card(world.suggest(task()))
    assert "Reject</button>" in _html(page)
    phone.person.taps(card, "Reject").answer()
    assert "Approve</button>" not in _html(page)


def test_a_code_of_the_page_links_telegram_and_the_page_says_so(
    page: httpx.Client, world: World, door: object, telegram: Any
) -> None:
    page.post("/chat/say", data={"text": "/connect"})
    _taps(page, "Link another chat")
    code = re.findall(r"(?<![\w-])[A-Z2-9]{4}-[A-Z2-9]{4}(?![\w-])", _html(page))[-1]
    mia = telegram.user("Mia")
    mia.sends(code)
    ask = mia.chat.wait_for(lambda shown: shown.labels == ["Link", "Not me"])
    mia.taps(ask, "Link").answer()
    assert "Telegram is linked now: Mia" in _html(page)


def _png() -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 3, 2, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\x00" + b"\xff" * 9 for _ in range(2)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def test_a_picture_is_sent_with_its_words_and_edited_in_its_place(phone: Phone, world: World, parts: Parts) -> None:
    blob = parts.storage.blobs(world.actor.workspace_id, world.actor.user_id).put(_png())
    go = ((Button(label="Help", action="help.open"),),)

    def screen(words: str, picture: bool = True) -> dict[str, Any]:
        drawn = Screen(
            blocks=(Paragraph(text=words),), buttons=go, picture=Picture(blob=blob, alt="Two rows") if picture else None
        )
        return {"screen": drawn.model_dump(mode="json")}

    with world.work() as work:
        delivery = answer(work, work.people.link(phone.actor.link_id), screen("Spending <so far>"))
        work.commit()
    shown = phone.person.chat.wait_for_text("Spending <so far>")
    assert shown.file is not None and shown.file.kind == "photo" and "Two rows" in shown.text
    for words, picture in (("More " * 500, True), ("Only words", False)):
        with world.work() as work:
            replace(work, work.people.link(phone.actor.link_id), delivery.id, screen(words, picture))
            work.commit()
        newer = phone.person.chat.wait_for_text(words[:10])
        assert (newer.file is not None) == picture
        assert (newer.id == shown.id) == picture
    shown.wait_until_deleted()
    phone.person.taps(newer, "Help").answer()
    phone.person.chat.wait_for_text("What you can say")


def test_a_drawing_that_telegram_cannot_show_is_left_to_its_words(phone: Phone, world: World, parts: Parts) -> None:
    blob = parts.storage.blobs(world.actor.workspace_id, world.actor.user_id).put(
        b"<svg xmlns='http://www.w3.org/2000/svg'/>"
    )
    drawn = Screen(
        blocks=(Paragraph(text="Reader, then Writer"),), picture=Picture(blob=blob, alt="Two boxes", kind="drawing")
    )
    with world.work() as work:
        answer(work, work.people.link(phone.actor.link_id), {"screen": drawn.model_dump(mode="json")})
        work.commit()
    assert phone.person.chat.wait_for_text("Reader, then Writer").file is None
