"""A person at the chat page, in a real Chromium: with a mouse, with a keyboard alone, without a script, on a phone."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from bots.kit.place import place
from core.kernel.actor import Actor
from core.kernel.ids import new_id
from core.messaging import post
from tests.bots.web import probe
from tests.bots.web.conftest import PHONE, Site, log, say


def test_the_address_in_the_bar_keeps_no_token(page: Page, site: Site) -> None:
    assert page.url == f"{site.url}/"


def test_words_are_sent_and_answered_without_loading_the_page_again(page: Page) -> None:
    page.evaluate("window.stillHere = true")
    say(page, "/probe_say Hello there")
    expect(log(page).get_by_text("Hello there", exact=True)).to_be_visible()
    expect(page.get_by_label("Message", exact=True)).to_have_value("")
    assert page.evaluate("window.stillHere") is True


def test_a_new_line_is_shift_and_enter(page: Page) -> None:
    field = page.get_by_label("Message", exact=True)
    field.fill("/probe_say one")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("two")
    expect(field).to_have_value("/probe_say one\ntwo")
    page.keyboard.press("Enter")
    expect(log(page).locator(".words p").last).to_have_text("one\ntwo")


def test_a_card_says_everything_and_lets_nothing_from_outside_in(page: Page) -> None:
    say(page, "/probe_card")
    card = log(page).locator(".card")
    expect(card.get_by_role("heading", name="Reply to Mara")).to_be_visible()
    expect(card.get_by_role("definition").first).to_have_text("mara@example.org")
    expect(card.get_by_text('<script>document.title="broken"</script><b>bold</b>gnp.exe')).to_be_visible()
    expect(card.locator("blockquote")).to_have_text("Thank you.\nTuesday works.")
    expect(card.locator(".change .remove")).to_contain_text("Removed:")
    expect(card.locator(".change .add")).to_contain_text("Added:")
    expect(card.get_by_role("progressbar", name=re.compile("Messages read"))).to_have_attribute("value", "3")
    expect(card.get_by_role("button", name="Approve", exact=True)).to_be_visible()
    assert page.title() == "Nod"


def test_a_tap_is_answered_by_a_toast_and_changes_the_card_in_its_place(page: Page) -> None:
    say(page, "/probe_card")
    card = log(page).locator(".card")
    element = card.get_attribute("id")
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_role("status").get_by_text("Approved, sending in 10 s")).to_be_visible()
    expect(page.locator(f"#{element}").get_by_role("heading", name="Approved")).to_be_visible()
    expect(page.get_by_role("button", name="Approve")).to_have_count(0)
    first = page.get_by_role("timer").inner_text()
    expect(page.get_by_role("timer")).not_to_have_text(first)
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("heading", name="Taken back")).to_be_visible()
    expect(log(page).locator(".card")).to_have_count(1)


def test_a_double_tap_is_one_tap(page: Page) -> None:
    say(page, "/probe_card")
    page.get_by_role("button", name="Approve").dblclick()
    expect(page.get_by_role("heading", name="Approved")).to_be_visible()
    assert probe.counted == ["approve"]


def test_a_failure_is_told_in_words_and_without_secrets(page: Page) -> None:
    say(page, "/probe_card")
    page.get_by_role("button", name="Late").click()
    expect(page.get_by_role("alert").get_by_text("Nothing was changed")).to_be_visible()
    page.get_by_role("alert").get_by_role("button", name="Close").click()
    page.get_by_role("button", name="Break").click()
    expect(page.get_by_role("alert").get_by_text("Something broke on our side")).to_be_visible()
    assert "secret detail" not in page.content()


def test_a_form_tells_what_is_wrong_beside_each_field_and_takes_the_rest(page: Page) -> None:
    say(page, "/probe_form")
    page.get_by_label("Port").fill("0")
    page.get_by_label("Password").fill("hunter2")
    page.get_by_label("Tuesday").check()
    page.get_by_label("Draft replies").uncheck()
    page.get_by_role("button", name="Connect").click()
    server = page.get_by_label("Mail server")
    expect(server).to_have_attribute("aria-invalid", "true")
    expect(server).to_be_focused()
    expect(server).to_have_accessible_description("For example imap.example.org This is needed.")
    expect(page.get_by_label("Port")).to_have_accessible_description("At least 1.")
    expect(page.get_by_label("Port")).to_have_value("0")
    expect(page.get_by_label("Tuesday")).to_be_checked()
    expect(page.get_by_label("Draft replies")).not_to_be_checked()
    assert "hunter2" not in page.content()
    server.fill("imap.example.org")
    page.get_by_label("Password").fill("hunter2")
    page.get_by_label("Port").fill("143")
    page.get_by_label("Security").select_option("starttls")
    page.get_by_role("button", name="Connect").click()
    expect(page.get_by_role("heading", name="Connected")).to_be_visible()
    wanted = {
        "host": "imap.example.org",
        "password": "hunter2",
        "port": 143,
        "mode": "starttls",
        "days": [2],
        "drafts": False,
    }
    assert probe.saved == [wanted]
    page.reload()
    assert "hunter2" not in page.content()


def test_a_file_is_sent_and_shown_and_one_that_is_too_large_is_not(page: Page, tmp_path: Path) -> None:
    say(page, "/probe_ask")
    expect(log(page).get_by_text("What is it called?")).to_be_visible()
    file = tmp_path / "mails ünd.mbox"
    file.write_bytes(b"From x\n" * 1000)
    page.get_by_label("Attach a file").set_input_files(file)
    expect(log(page).get_by_text("A file: mails ünd.mbox, 7000 bytes")).to_be_visible()
    expect(log(page).locator(".in .file").get_by_text("mails ünd.mbox")).to_be_visible()
    page.evaluate("document.body.dataset.limit = '10'")
    page.get_by_label("Attach a file").set_input_files(file)
    expect(page.get_by_role("alert").get_by_text("too large")).to_be_visible()


def test_a_conversation_goes_on_and_says_when_it_lapsed(page: Page) -> None:
    say(page, "/probe_ask")
    expect(log(page).get_by_text("What is it called?")).to_be_visible()
    say(page, "Fern")
    expect(log(page).get_by_text("It is called Fern")).to_be_visible()
    say(page, "/probe_ask lapsed")
    say(page, "Moss")
    expect(log(page).get_by_text("I let it go")).to_be_visible()


def test_words_that_nobody_waits_for_are_never_guessed(page: Page) -> None:
    say(page, "please show the probe_cards")
    expect(log(page).get_by_text("Did you mean")).to_be_visible()


def test_news_appear_by_themselves_and_change_in_their_place(page: Page, site: Site) -> None:
    actor, subject = _person(site), new_id()
    probe.truths[subject] = "pending"
    _announce(site, actor, subject)
    expect(log(page).get_by_role("heading", name="Subject: pending")).to_be_visible()
    probe.truths[subject] = "done"
    with site.parts.storage.work(actor.workspace_id, actor.user_id) as work:
        post.refresh(work, "probe", subject)
        work.commit()
    expect(log(page).get_by_role("heading", name="Subject: done")).to_be_visible()
    expect(log(page).get_by_role("heading", name="Subject: pending")).to_have_count(0)


def test_two_pages_show_the_same(page: Page, context: BrowserContext, site: Site) -> None:
    other = context.new_page()
    other.goto(site.url)
    say(page, "/probe_card")
    expect(log(other).get_by_role("heading", name="Reply to Mara")).to_be_visible()
    other.get_by_role("button", name="Approve").click()
    expect(log(page).get_by_role("heading", name="Approved")).to_be_visible()
    expect(page.get_by_role("button", name="Approve")).to_have_count(0)


def test_no_page_waits_for_its_next_look_when_another_took_the_news(
    monkeypatch: pytest.MonkeyPatch, site: Site, context: BrowserContext
) -> None:
    monkeypatch.setattr("bots.web.stream.LOOK_SECONDS", 60.0)
    pages = [context.new_page() for _ in range(3)]
    for page in pages:
        page.goto(site.sign_in_url)
        expect(page.get_by_text("Live")).to_be_visible()
    actor, subject = _person(site), new_id()
    _announce(site, actor, subject)
    for number in range(6):
        probe.truths[subject] = f"state {number}"
        with site.parts.storage.work(actor.workspace_id, actor.user_id) as work:
            post.refresh(work, "probe", subject)
            work.commit()
        for page in pages:
            expect(log(page).get_by_role("heading", name=f"Subject: state {number}")).to_be_visible()


def test_what_came_while_nobody_looked_is_there(site: Site, context: BrowserContext) -> None:
    actor, subject = _person(site), new_id()
    _announce(site, actor, subject)
    page = context.new_page()
    page.goto(site.sign_in_url)
    expect(log(page).get_by_role("heading", name="Subject: new")).to_be_visible()


def test_a_card_that_cannot_be_drawn_keeps_nothing_else_away(site: Site, context: BrowserContext) -> None:
    actor, broken, whole = _person(site), new_id(), new_id()
    probe.truths[broken] = "broken"
    _announce(site, actor, broken)
    _announce(site, actor, whole)
    page = context.new_page()
    page.goto(site.sign_in_url)
    expect(log(page).get_by_role("heading", name="Subject: new")).to_be_visible()
    expect(log(page).locator(".card")).to_have_count(1)


def test_earlier_messages_come_when_one_scrolls_up(page: Page, site: Site) -> None:
    actor = _person(site)
    with site.parts.storage.work(actor.workspace_id, actor.user_id) as work:
        link = work.people.link(actor.link_id)
        for number in range(90):
            post.answer(work, link, {"screen": {"blocks": [{"kind": "paragraph", "text": f"Number {number}."}]}})
        work.commit()
    page.reload()
    expect(log(page).get_by_text("Number 89.")).to_be_in_viewport()
    expect(log(page).get_by_text("Number 10.")).to_have_count(0)
    lines = log(page).locator(".words")
    while (shown := lines.count()) < 90:
        page.locator("main").evaluate("main => { main.scrollTop = 0 }")
        expect(lines).not_to_have_count(shown)
    expect(log(page).get_by_text("Number 10.")).to_be_attached()
    texts = log(page).locator(".words p").all_inner_texts()
    assert texts == sorted(texts, key=lambda text: int(re.sub(r"\D", "", text)))


def test_the_whole_story_by_keyboard(page: Page) -> None:
    field = page.get_by_label("Message", exact=True)
    expect(field).to_be_focused()
    page.keyboard.type("/probe_card")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Break")).to_be_visible()
    for _ in range(10):
        page.keyboard.press("Shift+Tab")
        if page.evaluate("document.activeElement.textContent") == "Approve":
            break
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Approved")).to_be_visible()
    expect(page.get_by_role("button", name="Undo")).to_be_focused()
    page.get_by_role("button", name="Menu").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Start", exact=True)).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("button", name="New agent")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="New agent")).to_be_hidden()
    expect(page.get_by_role("button", name="Menu")).to_be_focused()
    page.reload()
    page.keyboard.press("Control+Home")
    page.locator("body").press("Tab")


def test_every_control_has_a_name_and_every_name_once(page: Page) -> None:
    say(page, "/probe_form")
    expect(page.get_by_role("button", name="Connect")).to_be_visible()
    nameless = page.evaluate(
        """() => [...document.querySelectorAll('button, input:not([type=hidden]), select, textarea, a[href]')]
            .filter(e => !(e.textContent.trim() || e.getAttribute('aria-label') || e.labels?.length))
            .map(e => e.outerHTML)"""
    )
    assert nameless == []
    twice = page.evaluate(
        """() => { const ids = [...document.querySelectorAll('[id]')].map(e => e.id);
            return ids.filter((id, at) => ids.indexOf(id) !== at) }"""
    )
    assert twice == []
    expect(page.get_by_role("log")).to_have_attribute("aria-live", "polite")
    for name in ("Send", "Menu"):
        expect(page.get_by_role("button", name=name, exact=True)).to_be_visible()
    assert page.evaluate("document.documentElement.lang") == "en"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_is_readable_in_light_and_dark(browser: Browser, site: Site, scheme: str) -> None:
    context = browser.new_context(color_scheme=scheme)  # pyright: ignore[reportArgumentType]
    page = context.new_page()
    page.goto(site.sign_in_url)
    say(page, "/probe_card")
    expect(page.get_by_role("button", name="Approve")).to_be_visible()
    page.evaluate("Promise.all(document.getAnimations().map((moving) => moving.finished))")
    assert page.evaluate(LOW_CONTRAST) == []
    context.close()


def test_on_a_phone_nothing_is_cut_off_and_everything_can_be_tapped(browser: Browser, site: Site) -> None:
    context = browser.new_context(viewport=PHONE, has_touch=True)  # pyright: ignore[reportArgumentType]
    page = context.new_page()
    page.goto(site.sign_in_url)
    say(page, "/probe_card " + "x" * 200)
    expect(page.get_by_role("button", name="Approve")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert page.evaluate("document.querySelector('main').scrollWidth") <= PHONE["width"]
    small = page.evaluate(
        """() => [...document.querySelectorAll('.log button, .composer button')].filter(b => b.offsetParent)
            .filter(b => b.offsetHeight < 40 || b.offsetWidth < 40).map(b => b.textContent)"""
    )
    assert small == []
    context.close()


def test_it_works_without_a_script(browser: Browser, site: Site) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(site.sign_in_url)
    page.get_by_label("Message", exact=True).fill("/probe_card")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("heading", name="Reply to Mara")).to_be_visible()
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_role("alert").get_by_text("Approved, sending in 10 s")).to_be_visible()
    expect(page.get_by_role("heading", name="Approved")).to_be_visible()
    page.get_by_label("Message", exact=True).fill("/probe_form")
    page.get_by_role("button", name="Send").click()
    page.get_by_role("button", name="Connect").click()
    expect(page.get_by_text("This is needed.").first).to_be_visible()
    page.get_by_label("Mail server").fill("h")
    page.get_by_label("Password").fill("p")
    page.get_by_role("button", name="Connect").click()
    expect(page.get_by_role("heading", name="Connected")).to_be_visible()
    assert page.url == f"{site.url}/"
    context.close()


def test_the_browsers_timezone_and_language_come_along(page: Page) -> None:
    say(page, "/probe_place")
    expect(log(page).get_by_text("Europe/Berlin en-GB")).to_be_visible()


def test_words_that_did_not_arrive_are_kept(page: Page, site: Site) -> None:
    page.route("**/chat/say", lambda route: route.abort())
    say(page, "do not lose me")
    expect(page.get_by_role("alert").get_by_text("did not reach Nod")).to_be_visible()
    expect(page.get_by_label("Message", exact=True)).to_have_value("do not lose me")


def test_a_signed_out_page_says_so(page: Page, context: BrowserContext) -> None:
    context.clear_cookies()
    say(page, "hello")
    expect(page.get_by_role("alert").get_by_text("You are signed out")).to_be_visible()


def test_times_are_those_of_the_person(page: Page, site: Site) -> None:
    actor = _person(site)
    with site.parts.storage.work(actor.workspace_id, actor.user_id) as work:
        work.people.profile(actor.user_id).timezone = "Asia/Kathmandu"
        now = work.now
        work.commit()
    say(page, "/probe_say hi")
    expect(log(page).locator(".words .stamp")).to_have_text(place("en", "Asia/Kathmandu", now).clock(now))


def _person(site: Site) -> Actor:
    return site.actor(site.signed_in())


def _announce(site: Site, actor: Actor, subject: object) -> None:
    with site.parts.storage.work(actor.workspace_id, actor.user_id) as work:
        post.announce(work, actor.user_id, "probe", subject)  # pyright: ignore[reportArgumentType]
        work.commit()


LOW_CONTRAST = """() => {
  const parse = (colour) => { const m = colour.match(/[\\d.]+/g).map(Number); return { c: m.slice(0, 3), a: m[3] ?? 1 }; };
  const light = (c) => c.map(v => v / 255).map(v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  const ground = (e) => { for (; e; e = e.parentElement) { const g = parse(getComputedStyle(e).backgroundColor); if (g.a === 1) return g.c; } return [255, 255, 255]; };
  const bad = [];
  for (const e of document.querySelectorAll('body *')) {
    if (!e.checkVisibility() || e.closest('.aside, svg, noscript, #menu')) continue;
    if (![...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim())) continue;
    const s = getComputedStyle(e), a = light(parse(s.color).c), b = light(ground(e));
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    if (ratio < 4.5) bad.push([e.textContent.trim().slice(0, 30), ratio.toFixed(2)]);
  }
  return bad;
}"""
