"""The page as an app, and without a connection: what may be kept is kept and nothing else, and nothing that was said or came is lost."""

import json

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from core.identity.sign_in import offer
from core.kernel.ids import new_id
from core.messaging import post
from tests.bots.web import probe
from tests.bots.web.conftest import Site, log, say
from tests.databases import somebody

KEPT = """async () => { const all = {}; for (const name of await caches.keys())
    for (const request of await (await caches.open(name)).keys()) all[new URL(request.url).pathname] = await (await caches.match(request)).text(); return all }"""


def announced(site: Site, subject: object) -> None:
    """Something that nobody asked for comes into the chat."""
    actor = site.actor(site.signed_in())
    with site.parts.storage.work(actor.workspace_id, actor.user_id) as work:
        post.announce(work, actor.user_id, "probe", subject, asked=True)  # pyright: ignore[reportArgumentType]
        work.commit()


def ready(page: Page) -> None:
    """The worker rules the page."""
    page.evaluate("navigator.serviceWorker.ready.then(() => 0)")
    page.wait_for_function("navigator.serviceWorker.controller !== null")


def test_chromium_would_install_it(page: Page, site: Site) -> None:
    ready(page)
    devtools = page.context.new_cdp_session(page)
    manifest = devtools.send("Page.getAppManifest")
    assert manifest["errors"] == [] and manifest["url"] == f"{site.url}/manifest.webmanifest"
    # A window without a trace cannot install anything; that is the test's own.
    errors = [one["errorId"] for one in devtools.send("Page.getInstallabilityErrors")["installabilityErrors"]]
    assert set(errors) <= {"in-incognito"}
    told = json.loads(manifest["data"])
    assert (told["name"], told["start_url"], told["scope"], told["display"]) == ("Nod", "/", "/", "standalone")
    for icon in told["icons"]:
        answer = site.client().get(icon["src"])
        assert (answer.status_code, answer.headers["content-type"]) == (200, icon["type"])
        if icon["type"] == "image/png":
            assert answer.content[16:20] == int(icon["sizes"].split("x")[0]).to_bytes(4), "as wide as it says"
    assert {icon.get("purpose", "any") for icon in told["icons"]} == {"any", "maskable"}
    assert [site.client().get(f"/icon/{odd}.png").status_code for odd in ("1", "mask-9999", "x", "512-512")] == [
        404
    ] * 4


def test_nothing_private_is_kept_and_without_a_connection_a_page_says_so(page: Page, site: Site) -> None:
    ready(page)
    say(page, "/probe_say a private word")
    expect(log(page).locator(".words").get_by_text("a private word")).to_be_visible()
    page.reload()
    kept = page.evaluate(KEPT)
    assert sorted(kept) == ["/offline", "/static/chat.css", "/static/logo.svg", "/static/offline.js"]
    assert not any("a private word" in content or "you@localhost" in content for content in kept.values())
    page.context.set_offline(True)
    page.goto(site.url)
    expect(page.get_by_role("heading", name="No connection")).to_be_visible()
    expect(page.locator("body")).not_to_have_css("background-color", "rgba(0, 0, 0, 0)")
    page.context.set_offline(False)
    expect(page.get_by_text("Live")).to_be_visible()
    expect(log(page).locator(".words").get_by_text("a private word")).to_be_visible()


def test_what_came_and_what_was_written_without_a_connection_is_not_lost(page: Page, site: Site) -> None:
    subject = new_id()
    probe.truths[subject] = "while away"
    page.context.set_offline(True)
    expect(page.locator(".live")).to_contain_text("No connection")
    say(page, "words of mine")
    expect(page.get_by_role("alert").get_by_text("did not reach Nod")).to_be_visible()
    expect(page.get_by_label("Message", exact=True)).to_have_value("words of mine")
    announced(site, subject)
    expect(log(page).get_by_role("heading", name="Subject: while away")).to_have_count(0)
    page.context.set_offline(False)
    expect(log(page).get_by_role("heading", name="Subject: while away")).to_be_visible()
    expect(page.locator(".live")).to_contain_text("Live")
    page.get_by_label("Message", exact=True).press("Enter")
    expect(log(page).locator(".in").get_by_text("words of mine")).to_be_visible()
    expect(log(page).locator(".in").get_by_text("words of mine")).to_have_count(1)


def test_more_tabs_than_a_browser_has_connections_all_work(site: Site, context: BrowserContext) -> None:
    """Chromium opens six connections to a host: pages in the background must not hold them."""
    tabs = []
    for _ in range(9):
        tab = context.new_page()
        tab.add_init_script(
            "Object.defineProperty(document, 'hidden', { get: () => window.behind !== false }); window.behind = true"
        )
        tab.goto(site.sign_in_url if not tabs else site.url)
        tabs.append(tab)
    for tab in tabs:
        say(tab, "/probe_say hello from a tab")
        expect(log(tab).locator(".words p").last).to_have_text("hello from a tab")
    last, subject = tabs[-1], new_id()
    announced(site, subject)
    last.evaluate("window.behind = false; document.dispatchEvent(new Event('visibilitychange'))")
    expect(last.locator(".live")).to_contain_text("Live")
    expect(log(last).get_by_role("heading", name="Subject: new")).to_be_visible()
    expect(log(last).get_by_text("hello from a tab")).to_have_count(18, timeout=60_000)


@pytest.mark.parametrize("signed_in", [True, False])
def test_an_address_that_is_none_and_a_mistake_of_ours_are_pages_too(
    site: Site, signed_in: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = site.signed_in() if signed_in else site.client()
    client.headers["Accept"] = "text/html"
    nowhere = client.get("/nowhere")
    assert nowhere.status_code == 404 and "There is no such page" in nowhere.text
    monkeypatch.setattr("bots.web.entering.who_may_enter", None)
    broken = client.get("/enter/anything")
    assert broken.status_code == 500 and "written down under the number" in broken.text
    assert "NoneType" not in broken.text and "default-src 'none'" in broken.headers["content-security-policy"]
    assert client.get("/nowhere", headers={"Accept": "*/*"}).text == "There is nothing here.\n"


def test_a_browser_that_was_signed_out_elsewhere_keeps_what_was_typed(page: Page, site: Site, browser: Browser) -> None:
    page.get_by_label("Message", exact=True).fill("half a sentence")
    cookie = next(one for one in page.context.cookies() if one["name"].startswith("nod_"))  # pyright: ignore
    client = site.client()
    client.cookies.set(cookie["name"], cookie["value"])  # pyright: ignore
    client.post("/sign-out")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert").get_by_role("link", name="Sign in")).to_be_visible()
    expect(page.get_by_label("Message", exact=True)).to_have_value("half a sentence")
    expect(page.locator(".live")).to_contain_text("Signed out")


def test_a_tab_of_the_account_before_writes_nothing_into_the_next_ones_chat(
    page: Page, site: Site, context: BrowserContext
) -> None:
    other = somebody(site.parts.storage, "mia@example.org")  # pyright: ignore[reportArgumentType]
    with site.parts.storage.work(other.workspace_id, other.user_id) as work:
        way = offer(work, other)
        work.commit()
    tab = context.new_page()
    tab.goto(site.sign_in_url)
    expect(page.locator(".live")).to_contain_text("Live")
    expect(tab.locator(".live")).to_contain_text("Live")
    say(page, "/probe_say still signed in in both")
    expect(log(page).locator(".words p").last).to_have_text("still signed in in both")
    # The stream of the tab in front notices by itself; this one only when it is used.
    page.route("**/chat/stream**", lambda route: route.abort())
    page.evaluate("rest()")
    tab.goto(f"{site.url}/enter/{way.token}")
    tab.get_by_role("button", name="Sign in").click()
    tab.get_by_role("button", name="Go on as mia@example.org").click()
    expect(tab.get_by_text("Agents that ask before they act")).to_be_visible()
    say(page, "meant for the account before")
    expect(page.get_by_text("still signed in in both")).to_have_count(0)
    expect(page.get_by_text("Agents that ask before they act")).to_be_visible()
    with site.parts.storage.work(other.workspace_id, other.user_id) as work:
        links = [link.id for link in work.people.links(other.user_id)]
        assert not any(
            "meant for" in str(one.message.payload) for id in links for one in work.messages.changed(id, None)
        )
