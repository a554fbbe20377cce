"""Files, drawings and ticks at the page, in a real Chromium on a phone: a YAML file in and out, the picture of usage, tools ticked by keyboard alone."""

from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from bots.wiring import load_dialogs
from core.billing.limits import today
from core.billing.models import WORKSPACE
from core.billing.ports import Used
from core.connectors.connect import connect, found
from core.connectors.ports import Report
from core.connectors.tools import unasked, used
from core.kernel.actor import Actor
from tests.bots.web.conftest import PHONE, Site, log, say

FILE = b"""kind: agent
name: Greets
graph: {nodes: [{id: say, skill: noop}, {id: tell, skill: noop, after: [say]}]}
---
kind: workflow
name: Mornings
type: sequential
steps: [{id: greet, kind: agent, agent: Greets}]
"""
TOOLS = [{"name": f"tool_{n}", "about": f"Does thing {n}.", "reads": n % 2 == 0} for n in range(12)]


@pytest.fixture(autouse=True)
def dialogs() -> None:
    """All of the product's."""
    load_dialogs()


@pytest.fixture
def phone(page: Page) -> Page:
    page.set_viewport_size(PHONE)  # pyright: ignore[reportArgumentType]
    return page


def me(site: Site) -> Actor:
    with closing(site.signed_in()) as client:
        return site.actor(client)


def sends(phone: Page, tmp_path: Path, name: str, content: bytes) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    phone.locator(".composer input[type=file]").set_input_files(file)


def fits(phone: Page) -> bool:
    return phone.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_file_is_planned_applied_and_taken_along_again(phone: Page, tmp_path: Path) -> None:
    sends(phone, tmp_path, "mornings.yaml", FILE)
    expect(log(phone).get_by_text("What mornings.yaml would change")).to_be_visible()
    expect(log(phone).get_by_text("New workflow: Mornings")).to_be_visible()
    assert fits(phone)
    apply = log(phone).get_by_role("button", name="Apply")
    apply.focus()
    phone.keyboard.press("Enter")
    expect(log(phone).get_by_text("mornings.yaml is applied")).to_be_visible()
    log(phone).get_by_role("button", name="Open agent Greets").click()
    log(phone).get_by_role("button", name="As a file").click()
    link = log(phone).get_by_role("link", name="Download greets.yaml")
    expect(link).to_be_visible()
    assert fits(phone)
    link.focus()
    with phone.expect_download() as download:
        phone.keyboard.press("Enter")
    taken = download.value.path().read_bytes()
    assert download.value.suggested_filename == "greets.yaml" and b"name: Greets" in taken
    sends(phone, tmp_path, "greets.yaml", taken)
    expect(log(phone).get_by_text("exactly like that already")).to_be_visible()


def test_a_wrong_file_says_where(phone: Page, tmp_path: Path) -> None:
    sends(phone, tmp_path, "wrong.yaml", FILE.replace(b"agent: Greets}", b"agent: Nobody}"))
    card = log(phone).locator("article.tone-problem")
    expect(card.get_by_text("wrong.yaml cannot be applied")).to_be_visible()
    expect(card.get_by_text("steps[0].agent")).to_be_visible()
    assert fits(phone)


def test_a_file_is_never_opened_as_a_page_and_only_by_its_owner(site: Site) -> None:
    actor = me(site)
    blob = site.parts.storage.blobs(actor.workspace_id, actor.user_id).put(b"<script>alert(1)</script>")
    with closing(site.signed_in()) as client:
        taken = client.get(f"/chat/file/{blob}/a%22%0d%0ax.html")
        assert taken.headers["content-disposition"] == 'attachment; filename="a---x.html"'
        assert taken.headers["content-type"] == "application/octet-stream"
        assert (
            taken.headers["x-content-type-options"] == "nosniff"
            and "sandbox" in taken.headers["content-security-policy"]
        )
        assert client.get(f"/chat/file/{'0' * 64}/a").status_code == 404
    with site.client() as client:
        assert client.get(f"/chat/file/{blob}/a").status_code == 404


def test_the_days_of_usage_are_drawn_and_said(phone: Page, site: Site) -> None:
    actor = me(site)
    with site.parts.storage.work(actor.workspace_id, actor.user_id) as work:
        work.billing.add(today(work.now), {WORKSPACE: Used(runs=7)})
        work.commit()
    say(phone, "/usage")
    drawing = log(phone).get_by_role("img", name="7 runs in 14 days")
    expect(drawing).to_be_visible()
    phone.wait_for_function("[...document.querySelectorAll('.log img')].every((image) => image.naturalWidth >= 300)")
    assert fits(phone)


def test_tools_are_ticked_with_the_keyboard_alone(phone: Page, site: Site) -> None:
    actor = me(site)
    with site.parts.storage.work(actor.workspace_id, actor.user_id) as work:
        made = connect(work, actor, "mcp", "Notes", {"url": "https://notes.example/mcp"})
        found(work, made.id, Report("Notes", ("read",), {"tools": TOOLS}))
        work.commit()
    say(phone, "/connect")
    log(phone).get_by_role("button", name="Notes").click()
    log(phone).get_by_role("button", name="Choose tools").press("Enter")
    expect(log(phone).get_by_text("Which tools may be used?")).to_be_visible()
    assert fits(phone)
    log(phone).get_by_label("tool_0 · only reads: Does thing 0.").first.focus()
    phone.keyboard.press("Space")
    for _ in range(12):
        phone.keyboard.press("Tab")
    phone.keyboard.press("Tab")
    phone.keyboard.press("Space")
    phone.keyboard.press("Enter")
    expect(log(phone).get_by_text("It offers 12 tools: 11 may be used, 1 of these without asking you.")).to_have_count(
        1
    )
    with site.parts.storage.work(actor.workspace_id, actor.user_id) as work:
        stored = work.connections.get(made.id)
        assert "tool_0" not in used(stored) and unasked(stored) == ["tool_2"]
