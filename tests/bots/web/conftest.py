"""A real web process's insides in a thread: uvicorn on a free port of the loopback, over this test's own database."""

import shutil
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect, sync_playwright
from pydantic import SecretStr
from redis import Redis

from bots.kit.parts import Parts
from bots.kit.tokens import Tokens
from bots.kit.words import Words
from bots.wiring import load_dialogs
from core.catalog import kinds
from core.identity.prove import by_session
from core.kernel.actor import Actor
from core.kernel.settings import Settings
from storage import Storage
from tests.bots import served
from tests.bots.web import probe
from tests.emulators.mailserver import PASSWORD
from tests.emulators.smtpserver import SmtpServer, smtp_server

TOKEN = "the-token-of-this-start"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
PHONE = {"width": 390, "height": 844}


@dataclass
class Site:
    """A running page. `client` has no session; `signed_in()` gives one that has."""

    url: str
    parts: Parts
    server: uvicorn.Server

    @property
    def sign_in_url(self) -> str:
        """What `nod up` would print."""
        return f"{self.url}/?token={TOKEN}"

    def client(self) -> httpx.Client:
        """A browser without memory."""
        return httpx.Client(base_url=self.url, headers={"Origin": self.url}, timeout=60)

    def signed_in(self) -> httpx.Client:
        """A browser that has opened the printed address."""
        client = self.client()
        assert client.get("/", params={"token": TOKEN}).status_code == 303
        return client

    def actor(self, client: httpx.Client) -> Actor:
        """Whose session it is, with their chat."""
        secret = next(value for name, value in client.cookies.items() if name.startswith("nod_"))
        actor = by_session(self.parts.storage.directory, secret)
        known = self.parts.storage.directory.by_link("web", "", str(actor.user_id))
        assert known is not None
        return Actor(actor.user_id, actor.workspace_id, actor.role, "web", link_id=known.id)


@contextmanager
def running(storage: Storage, settings: Settings, catalogue: Words, **more: Any) -> Iterator[Site]:
    """The page, up; `more` are settings that differ."""
    probe.saved.clear()
    probe.counted.clear()
    load_dialogs()
    redis_url = settings.redis_url.get_secret_value() if settings.redis_url else None
    if redis_url is not None:
        with Redis.from_url(redis_url) as redis:
            for counted in redis.scan_iter("*nod:often*"):
                redis.delete(counted)
    chosen = settings.model_copy(update={"sign_in_token": SecretStr(TOKEN), **more})
    parts = Parts(storage, catalogue, Tokens(b"k" * 32), kinds.templates(), redis_url, mail=chosen.smtp_url is not None)
    try:
        with served.page(parts, chosen, b"nod_up 1\n") as (url, server):
            yield Site(url, parts, server)
    finally:
        parts.close()


@pytest.fixture
def site(storage: Storage, settings: Settings, catalogue: Words) -> Iterator[Site]:
    """The page, up."""
    with running(storage, settings, catalogue) as opened:
        yield opened


@pytest.fixture(scope="session")
def mail_server() -> Iterator[SmtpServer]:
    """A real one on the loopback, without encryption."""
    with smtp_server(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), "none") as server:
        yield server


@pytest.fixture
def mailing(storage: Storage, settings: Settings, catalogue: Words, mail_server: SmtpServer) -> Iterator[Site]:
    """The page of an installation that has a mail server and a public address."""
    mail_server.reset()
    url = SecretStr(f"smtp+plain://nod:{PASSWORD}@127.0.0.1:{mail_server.port}")
    public = {"public_url": "http://nod.example.org", "mail_from": "nod@example.org"}
    with running(storage, settings, catalogue, smtp_url=url, **public) as opened:
        yield opened


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A Chromium of this machine, and patience with it. Playwright keeps an event loop in this thread while it is open: no longer than for a file, since others have loops of their own."""
    expect.set_options(timeout=60_000)
    chromium = find_chromium()
    if chromium is None:
        pytest.skip("No Chromium was found: install Debian's `chromium` to run the tests of the chat page.")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser's profile of a person in Berlin."""
    made = browser.new_context(timezone_id="Europe/Berlin", locale="en-GB")
    made.set_default_timeout(60_000)
    yield made
    made.close()


@pytest.fixture
def page(site: Site, context: BrowserContext) -> Page:
    """The chat, signed in and live. Errors of its script fail the test."""
    opened = context.new_page()
    opened.on("pageerror", lambda error: pytest.fail(f"the page's script failed: {error}"))
    opened.goto(site.sign_in_url)
    expect(opened.get_by_text("Live")).to_be_visible()
    return opened


def say(page: Page, words: str) -> None:
    """Writes and sends."""
    page.get_by_label("Message", exact=True).fill(words)
    page.keyboard.press("Enter")


def log(page: Page) -> Locator:
    """The conversation."""
    return page.get_by_role("log")


def find_chromium() -> str | None:
    """Any Chromium of this machine."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    own = Path.home().glob(".cache/ms-playwright/chromium-*/chrome-linux*/chrome")
    return next((found for name in names if (found := shutil.which(name))), None) or next(map(str, own), None)
