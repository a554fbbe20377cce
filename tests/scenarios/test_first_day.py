"""A person's first day in the chat page: the product as `nod up` starts it, a real browser, everything through buttons; then every process is killed at once."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from pathlib import Path

import psutil
import pytest
from icalendar import Calendar
from playwright.sync_api import Browser, Locator, Page, expect

from storage.embedded.process import working_in
from tests.bots.web.conftest import browser

__all__ = ["browser"]
ROOT = Path(__file__).parents[2]
PATIENCE = 90_000


@contextmanager
def product(data: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`nod up` on `data`, and the address that it printed. Ended in order if it still runs."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("NOD_")}
    process = subprocess.Popen(
        [Path(sys.executable).with_name("nod"), "up", "--data", data, "--port", "0"],
        cwd=ROOT, env=clean, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    said: list[str] = []
    for line in process.stdout:
        said.append(line)
        if line.startswith("Nod is ready: "):
            break
    assert said and said[-1].startswith("Nod is ready: "), "".join(said)
    try:
        yield process, said[-1].split(": ", 1)[1].strip()
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            assert process.wait(40) == 0


@contextmanager
def chat(browser: Browser, address: str, **look: object) -> Iterator[Page]:
    """The chat page of somebody in Berlin, on a phone unless told otherwise."""
    profile = {"viewport": {"width": 390, "height": 844}, **look}
    context = browser.new_context(timezone_id="Europe/Berlin", locale="en-GB", **profile)  # type: ignore[arg-type]
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(address)
    expect(page.get_by_role("log")).to_be_visible()
    yield page
    context.close()


def say(page: Page, words: str) -> None:
    page.get_by_label("Message", exact=True).fill(words)
    page.keyboard.press("Enter")


def press(page: Page, label: str) -> None:
    """Presses the newest button of that name."""
    page.get_by_role("button", name=label, exact=True).last.click(timeout=PATIENCE)


def card(page: Page, heading: str) -> Locator:
    """The newest card whose first line holds that."""
    return (
        page.locator("article.card").filter(has=page.get_by_role("heading", name=re.compile(re.escape(heading)))).last
    )


def tap(card: Locator, label: str) -> None:
    """Presses a button of one card."""
    card.get_by_role("button", name=label, exact=True).click(timeout=PATIENCE)


def shows(card: Locator, words: str) -> None:
    """Waits until the card says what matches."""
    expect(card.get_by_text(re.compile(words)).last).to_be_visible(timeout=PATIENCE)


def see(page: Page, words: str | re.Pattern[str]) -> None:
    expect(page.get_by_role("log").get_by_text(words).last).to_be_visible(timeout=PATIENCE)


def from_the_inbox(page: Page, kind: str) -> tuple[Locator, str]:
    """The first card of that kind in the inbox, opened, and what the group in `kind` stands for.

    Which ones come first is another matter each day: the sample mails are of the week in which they are read.
    """
    wanted = re.compile(kind)
    inboxes = page.locator("article.card").filter(has=page.get_by_role("heading", name="wait for you"))
    before = inboxes.count()
    say(page, "/inbox")
    expect(inboxes).to_have_count(before + 1, timeout=PATIENCE)
    inbox = inboxes.last
    while not (found := inbox.get_by_role("button", name=wanted)).count():
        turned = inbox.inner_text()
        tap(inbox, "›")
        expect(inbox).not_to_have_text(turned, timeout=PATIENCE)
    found.first.click()
    opened = page.get_by_role("log").locator("article.card").last
    heading = opened.get_by_role("heading", name=wanted)
    expect(heading).to_be_visible(timeout=PATIENCE)
    told = wanted.search(heading.inner_text())
    assert told
    return card(page, told[0]), told[1]


def _kill_everything(supervisor: subprocess.Popen[str], data: Path) -> None:
    """kill -9 of every process of the product, database and broker too."""
    family = psutil.Process(supervisor.pid).children(recursive=True)
    servers = working_in(data / "postgres" / "data", "postgres") + working_in(data / "valkey", "valkey-server")
    for process in [psutil.Process(supervisor.pid), *family, *servers]:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    supervisor.wait()
    psutil.wait_procs([*family, *servers], 20)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "nod"


def test_a_first_day_and_nothing_is_lost_when_everything_is_killed(browser: Browser, data: Path) -> None:
    with product(data) as (supervisor, address):
        with chat(browser, address) as page:
            say(page, "/start")
            press(page, "Yes")
            press(page, "Try the Inbox agent on sample mail")
            press(page, "Yes, I agree")
            press(page, "Show me what it would suggest")
            see(page, "This was only a look: nothing of it is kept, and nothing was sent.")
            press(page, "When it runs")
            press(page, "Every weekday at 08:00")
            see(page, re.compile("every weekday at 08:00", re.IGNORECASE))
            press(page, "Run it now")
            see(page, re.compile("^It suggests 47 things"))

            reply, to = from_the_inbox(page, "Reply to (\\S+):")
            tap(reply, "Approve")
            tap(reply, "Undo")
            tap(reply, "Edit")
            page.get_by_label("Text").last.fill("Hello,\n\nboth files come tonight.\n\nBest, Alex")
            press(page, "Save, then show me")
            shows(reply, "both files come tonight")
            assert reply.locator("del").count() and reply.locator("ins").count(), "the difference is shown"
            tap(reply, "Approve")
            shows(reply, r"^Sent \d")

            event, title = from_the_inbox(page, "Event: (.+)$")
            tap(event, "Approve")
            shows(event, "^In the calendar since")
            tap(event, "Details")

            say(page, "/inbox")
            see(page, "45 suggestions wait for you")
        (sent,) = data.glob("connections/*/**/.Sent/cur/*nod*")
        mail = message_from_bytes(sent.read_bytes())
        assert mail["To"] == to and mail["In-Reply-To"] in mail["References"]
        assert "both files come tonight" in mail.get_payload(decode=True).decode()
        (added,) = data.glob("connections/*/**/*.ics")
        (entry,) = Calendar.from_ical(added.read_bytes()).walk("VEVENT")
        assert entry["SUMMARY"] == title
        _kill_everything(supervisor, data)

    with product(data) as (_, address), chat(browser, address, viewport={"width": 1280, "height": 860}) as page:
        shows(card(page, f"Reply to {to}"), r"^Sent \d")
        say(page, "/inbox")
        see(page, "45 suggestions wait for you")
        bill = card(page, "45 suggestions wait for you")
        expect(bill).to_be_visible()
    assert len(list(data.glob("connections/*/**/.Sent/cur/*nod*"))) == 1
    assert len(list(data.glob("connections/*/**/*.ics"))) == 1
