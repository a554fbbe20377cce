"""Getting into the page with a code, a link and a mail, and out of it again: who may, who may not, and what nobody learns by trying."""

import re
import time
from collections.abc import Callable
from email import message_from_bytes, policy
from email.message import EmailMessage

import httpx
import pytest

from bots.kit.dialog import Submit, Tap, Text
from bots.kit.dispatch import Dispatch
from bots.mail.server import mail_server as server_of
from core.identity.join import join_team
from core.identity.prove import digest
from core.identity.register import add_link
from core.identity.sign_in import local_person
from core.kernel.actor import Actor
from core.kernel.settings import Settings
from tests.bots.web.conftest import TOKEN, Site
from tests.databases import somebody
from tests.emulators.authority import Authority
from tests.emulators.mailserver import PASSWORD
from tests.emulators.smtpserver import SmtpServer, smtp_server

CODE = re.compile(r"(?<![\w-])[A-Z2-9]{4}-[A-Z2-9]{4}(?![\w-])")
LINK = re.compile(r"/enter/[\w-]{40,}")
PATIENCE_SECONDS = 60


def on_telegram(site: Site, person: Actor) -> Actor:
    """The same person in a chat of Telegram."""
    with site.parts.storage.work(person.workspace_id, person.user_id) as work:
        link = add_link(work, person.user_id, "telegram", str(person.user_id.int % 10**9), "4711")
        work.commit()
    return Actor(person.user_id, person.workspace_id, person.role, "telegram", link_id=link.id)


def says(site: Site, who: Actor, heard: Text | Tap | Submit) -> str:
    """What they are shown for it: every word and address of it."""
    answer = Dispatch(site.parts).answer(who, heard, None, {})
    with site.parts.storage.work(who.workspace_id, who.user_id) as work:
        shown = [work.messages.get(work.messages.delivery(id).subject_id).payload for id in answer.deliveries]
    return f"{answer.toast} {answer.code} {shown}"


def way_of(site: Site, who: Actor) -> tuple[str, str]:
    """The code and the link that /web gives them."""
    shown = says(site, who, Text("/web"))
    code, link = CODE.search(shown), LINK.search(shown)
    assert code is not None and link is not None
    return code[0], link[0]


def type_code(client: httpx.Client, code: str, **more: str) -> httpx.Response:
    return client.post("/sign-in/code", data={"code": code, **more})


def who(site: Site, client: httpx.Client) -> str:
    """Whose chat the page shows."""
    page = client.get("/")
    found = re.search(r"Signed in as ([^<]+)<", page.text)
    return found[1] if found else f"nobody ({page.status_code})"


def mails(server: SmtpServer, count: int) -> list[EmailMessage]:
    """What the mail server took, as soon as it is so many."""
    _until(lambda: len(server.accepted) >= count)
    return [message_from_bytes(one.raw, policy=policy.default) for one in server.accepted]  # pyright: ignore[reportReturnType]


def _until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < end, "it did not come to it"
        time.sleep(0.02)


def test_a_code_from_a_chat_signs_in_once_however_it_is_typed(site: Site) -> None:
    person = on_telegram(site, somebody(site.parts.storage, "mia@example.org"))  # pyright: ignore[reportArgumentType]
    code, link = way_of(site, person)
    client = site.client()
    answer = type_code(client, f"  {code.lower().replace('-', ' ')} ")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert (
        "httponly" in answer.headers["set-cookie"].lower() and "samesite=strict" in answer.headers["set-cookie"].lower()
    )
    assert who(site, client) == "Somebody"
    assert type_code(site.client(), code).status_code == 403
    assert site.client().post(link).status_code == 410, "the link that came with it is used up too"
    with site.parts.storage.work(person.workspace_id, person.user_id) as work:
        (session,) = work.people.sessions(person.user_id)
        assert (session.way, session.sid) == ("chat", digest(next(iter(client.cookies.values()))))


def test_a_link_is_not_used_by_looking_at_it_and_says_whom_it_signs_in(site: Site) -> None:
    person = on_telegram(site, somebody(site.parts.storage, "mia@example.org"))  # pyright: ignore[reportArgumentType]
    _, link = way_of(site, person)
    for _ in range(3):  # A scanner of mails, a preview of a chat, and a person who hesitates.
        shown = site.client().get(link)
        assert shown.status_code == 200 and "mia@example.org" in shown.text
        assert "set-cookie" not in shown.headers
        assert shown.headers["referrer-policy"] == "no-referrer" and shown.headers["cache-control"] == "no-store"
    client = site.client()
    assert client.post(link, headers={"Origin": "https://evil.example"}).status_code == 403, (
        "another page cannot press it"
    )
    assert client.post(link).headers["location"] == "/"
    assert who(site, client) == "Somebody"
    over = site.client().get(link)
    assert over.status_code == 410 and "works no more" in over.text and "mia@" not in over.text


def test_a_new_code_ends_the_one_before_and_a_code_that_links_a_chat_signs_nobody_in(site: Site) -> None:
    person = on_telegram(site, somebody(site.parts.storage, "mia@example.org"))  # pyright: ignore[reportArgumentType]
    first, _ = way_of(site, person)
    second, _ = way_of(site, person)
    linking = CODE.search(says(site, person, Tap("settings.link", ())))
    assert linking is not None
    for refused in (first, linking[0], "", "AAAA-AAAA", "x" * 5000, "\u202e", "' OR 1=1"):
        assert type_code(site.client(), refused).status_code == 403, refused
    assert type_code(site.client(), second).status_code == 303


def test_a_code_whose_time_is_over_works_no_more(site: Site) -> None:
    person = on_telegram(site, somebody(site.parts.storage))  # pyright: ignore[reportArgumentType]
    code, link = way_of(site, person)
    with site.parts.storage.work(person.workspace_id, person.user_id) as work:
        (row,) = work.people.sign_ins(person.user_id)
        row.expires_at = work.now
        work.commit()
    assert type_code(site.client(), code).status_code == 403
    assert site.client().post(link).status_code == 410


def test_who_tries_codes_is_stopped_and_told_for_how_long(site: Site) -> None:
    person = on_telegram(site, somebody(site.parts.storage))  # pyright: ignore[reportArgumentType]
    code, _ = way_of(site, person)
    client = site.client()
    for _ in range(10):
        assert type_code(client, "ABCD-EFGH").status_code == 403
    stopped = type_code(client, code)
    assert stopped.status_code == 429 and 0 < int(stopped.headers["retry-after"]) <= 1200
    assert re.search(r"Nothing was tried. Try again in about \d+ minutes?\.", stopped.text)


def test_signing_in_to_another_account_asks_first_and_moves_nothing(site: Site) -> None:
    client = site.signed_in()
    assert client.post("/chat/say", data={"text": "/probe_say a note of mine"}).status_code == 303
    before = httpx.Cookies(client.cookies)
    other = on_telegram(site, somebody(site.parts.storage, "mia@example.org"))  # pyright: ignore[reportArgumentType]
    code, link = way_of(site, other)
    for asked in (type_code(client, code), client.post(link)):
        assert asked.status_code == 200
        assert "you@localhost" in asked.text and "mia@example.org" in asked.text and "Nothing is moved" in asked.text
        assert "open the address that Nod prints" in asked.text
    assert who(site, client) == "you@localhost", "nothing happened yet"
    assert type_code(client, code, switch="1").status_code == 303
    assert who(site, client) == "Somebody"
    assert "a note of mine" not in client.get("/").text
    stale = site.client()
    stale.cookies = before
    assert stale.get("/").status_code == 401, "the session that this browser left is over"
    back = site.signed_in()
    assert "a note of mine" in back.get("/").text, "what was made stays with who made it"


def test_signing_out_ends_this_browser_only(site: Site) -> None:
    here, there = site.signed_in(), site.signed_in()
    cookies = httpx.Cookies(here.cookies)
    assert "Sign out of this browser?" in here.get("/sign-out").text
    assert here.get("/").status_code == 200, "asking is not doing"
    assert "You are signed out" in here.post("/sign-out").text
    again = site.client()
    again.cookies = cookies
    assert again.get("/").status_code == 401, "the cookie is worth nothing now"
    assert there.get("/").status_code == 200


def test_browsers_are_listed_and_signed_out_from_anywhere(site: Site) -> None:
    firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
    here, there = site.client(), site.client()
    here.headers["User-Agent"] = firefox
    there.headers["User-Agent"] = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1"
    for client in (here, there):
        assert client.get("/", params={"token": TOKEN}).status_code == 303
    actor = site.actor(here)
    session = next(one for one in _sessions(site, actor) if one.browser == "Safari · iPhone")
    shown = says(site, actor, Tap("browsers.open", ()))
    assert "Firefox · Linux" in shown and "Safari · iPhone" in shown and "by the printed address" in shown
    assert "Signed out there" in says(site, actor, Tap("browsers.end", (str(session.id),)))
    assert (here.get("/").status_code, there.get("/").status_code) == (200, 401)
    stranger = somebody(site.parts.storage)  # pyright: ignore[reportArgumentType]
    mine = _sessions(site, actor)[0]
    assert "identity.session_unknown" in says(site, stranger, Tap("browsers.end", (str(mine.id),)))
    with site.parts.storage.work(actor.workspace_id, stranger.user_id) as work:
        colleague = join_team(work, stranger.user_id, "admin", "telegram", "", "4712", "4712")
        work.commit()
    assert "identity.session_unknown" in says(site, colleague, Tap("browsers.end", (str(mine.id),)))
    assert here.get("/").status_code == 200


def test_a_stream_ends_when_its_browser_is_signed_out(site: Site) -> None:
    here, there = site.signed_in(), site.signed_in()
    with there.stream("GET", "/chat/stream") as stream:
        lines = stream.iter_lines()
        assert next(lines) == "retry: 1000"
        there_session = _sessions(site, site.actor(there))[0]
        says(site, site.actor(here), Tap("browsers.end", (str(there_session.id),)))
        here.post("/chat/say", data={"text": "/probe_say after that"})
        rest = "\n".join(lines)
    assert "event: over" in rest and "after that" not in rest


def test_a_mail_brings_a_code_and_a_link_that_work_once(mailing: Site, mail_server: SmtpServer) -> None:
    person = somebody(mailing.parts.storage, "Mia@Example.org")  # pyright: ignore[reportArgumentType]
    client = mailing.client()
    asked = client.post("/sign-in/mail", data={"address": " mia@example.ORG "})
    assert asked.status_code == 200 and "If mia@example.ORG has an account here" in asked.text
    (mail,) = mails(mail_server, 1)
    assert (mail["To"], mail["Subject"], mail["From"]) == (
        "Mia@Example.org",
        "Your way into Nod",
        "Nod <nod@example.org>",
    )
    assert (mail["Auto-Submitted"], mail.get_content_type()) == ("auto-generated", "text/plain")
    body = mail.get_content()
    code, link = CODE.search(body), LINK.search(body)
    assert code is not None and link is not None and f"http://nod.example.org{link[0]}" in body
    assert code[0] not in mail["Subject"], "what a locked screen shows is no secret"
    assert type_code(mailing.client(), code[0]).status_code == 403, "the code is good in the browser that asked only"
    assert type_code(client, code[0], sent="mia@example.org").status_code == 303
    assert who(mailing, client) == "Somebody"
    assert mailing.client().post(link[0]).status_code == 410
    with mailing.parts.storage.work(person.workspace_id, person.user_id) as work:
        assert work.people.user(person.user_id).email_verified_at is not None
        assert [one.address for one in work.people.links(person.user_id) if one.provider == "email"] == [None]


def test_nobody_learns_whether_an_address_has_an_account(mailing: Site, mail_server: SmtpServer) -> None:
    somebody(mailing.parts.storage, "mia@example.org")  # pyright: ignore[reportArgumentType]
    answers = []
    for address in ("mia@example.org", "nobody@example.org"):
        client = mailing.client()
        began = time.perf_counter()
        pages = [client.post("/sign-in/mail", data={"address": address}) for _ in range(4)]
        took = time.perf_counter() - began
        answers.append([(page.status_code, _without(page.text, address), sorted(page.headers)) for page in pages])
        assert took > 3 * 0.4
        assert [page.status_code for page in pages] == [200, 200, 200, 429]
        assert "There were enough mails for now" in pages[3].text
    assert answers[0] == answers[1]
    assert len(mails(mail_server, 3)) == 3
    assert {mail["To"] for mail in mails(mail_server, 3)} == {"mia@example.org"}


@pytest.mark.parametrize("address", ["", "mia", "mia@", "@example.org", "a@b@example.org", "mia@example.org\r\nBcc: x@example.org", "x" * 400 + "@example.org"])  # fmt: skip
def test_what_is_no_address_is_told_and_gets_no_mail(mailing: Site, mail_server: SmtpServer, address: str) -> None:
    answer = mailing.client().post("/sign-in/mail", data={"address": address})
    assert answer.status_code == 422 and "That is not a mail address" in answer.text
    assert mail_server.accepted == []


def test_without_a_mail_server_the_page_says_so_and_offers_the_code(site: Site) -> None:
    page = site.client().get("/sign-in")
    assert page.status_code == 200
    assert "this Nod has no mail server set up. A code does the same." in page.text
    assert 'action="/sign-in/mail"' not in page.text and 'action="/sign-in/code"' in page.text
    assert site.client().post("/sign-in/mail", data={"address": "mia@example.org"}).status_code == 404


def test_an_own_address_is_proved_by_its_code_and_the_printed_address_still_works(
    mailing: Site, mail_server: SmtpServer
) -> None:
    client = mailing.signed_in()
    actor = mailing.actor(client)
    assert "not proved" in says(mailing, actor, Tap("settings.open", ()))
    assert "on its way to mia@example.org" in says(
        mailing, actor, Submit("email.ask", (), {"email": "mia@example.org"})
    )
    (mail,) = mails(mail_server, 1)
    code = CODE.search(mail.get_content())
    assert code is not None and LINK.search(mail.get_content()) is None
    assert type_code(mailing.client(), code[0]).status_code == 403, "this code proves an address and signs nobody in"
    assert "not the code from the newest mail" in says(
        mailing, actor, Submit("email.confirm", (), {"code": "AAAA-AAAA"})
    )
    assert "mia@example.org is yours" in says(mailing, actor, Submit("email.confirm", (), {"code": code[0].lower()}))
    assert mailing.actor(mailing.signed_in()).user_id == actor.user_id, "the installation's own person is who they were"
    known = local_person(mailing.parts.storage.directory, "you@localhost")
    assert known is not None and known.user_id == actor.user_id
    other = mailing.client()
    other.post("/sign-in/mail", data={"address": "mia@example.org"})
    way = CODE.search(mails(mail_server, 2)[1].get_content())
    assert way is not None and type_code(other, way[0]).status_code == 303
    assert mailing.actor(other).user_id == actor.user_id


def test_five_wrong_codes_end_a_code_and_somebody_elses_address_stays_theirs(
    mailing: Site, mail_server: SmtpServer
) -> None:
    somebody(mailing.parts.storage, "mia@example.org")  # pyright: ignore[reportArgumentType]
    actor = mailing.actor(mailing.signed_in())
    says(mailing, actor, Submit("email.ask", (), {"email": "mia@example.org"}))
    first = CODE.search(mails(mail_server, 1)[0].get_content())
    assert first is not None
    said = [says(mailing, actor, Submit("email.confirm", (), {"code": "AAAA-AAAA"})) for _ in range(5)]
    assert ["works no more:" in one for one in said] == [False] * 4 + [True]
    assert "works no more:" in says(mailing, actor, Submit("email.confirm", (), {"code": first[0]}))
    says(mailing, actor, Submit("email.ask", (), {"email": "mia@example.org"}))
    second = CODE.search(mails(mail_server, 2)[1].get_content())
    assert second is not None
    assert "belongs to another account" in says(mailing, actor, Submit("email.confirm", (), {"code": second[0]}))
    with mailing.parts.storage.work(actor.workspace_id, actor.user_id) as work:
        assert work.people.user(actor.user_id).email == "you@localhost"


def test_other_chats_are_told_that_somebody_signed_in(site: Site) -> None:
    person = on_telegram(site, somebody(site.parts.storage))  # pyright: ignore[reportArgumentType]
    code, _ = way_of(site, person)
    client = site.client()
    client.headers["User-Agent"] = "Mozilla/5.0 (Windows NT 10.0) Chrome/142.0 Safari/537.36 Edg/142.0"
    type_code(client, code)
    with site.parts.storage.work(person.workspace_id, person.user_id) as work:
        told = [line.message.payload for line in work.messages.changed(person.link_id, None)]
        waiting = [work.messages.delivery(id) for id in work.messages.due(person.link_id, 10)]
        said = [work.messages.get(one.subject_id).payload for one in waiting]
    assert {"say": "sign_in.happened", "data": {"way": "chat", "browser": "Edge · Windows"}} in [*told, *said]


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_a_mail_goes_encrypted_and_only_to_a_server_that_is_who_it_says(security, tmp_path, settings: Settings) -> None:
    authority = Authority(tmp_path / "authority")
    scheme = {"tls": "smtps", "starttls": "smtp"}[security]
    with smtp_server(authority.server_context(), security) as server:
        from pydantic import SecretStr

        url = SecretStr(f"{scheme}://nod%40example.org:{PASSWORD}@localhost:{server.port}")
        chosen = settings.model_copy(update={"smtp_url": url})
        trusted, strange = server_of(chosen, authority.client_context()), server_of(chosen)
        assert trusted is not None and strange is not None
        trusted.send("mia@example.org", "Hello", "A line.\n", "<one@example.org>")
        assert (server.accepted[0].sender, server.accepted[0].recipients) == ("nod@example.org", ["mia@example.org"])
        with pytest.raises(OSError, match="certificate"):
            strange.send("mia@example.org", "Hello", "A line.\n", "<two@example.org>")
        assert len(server.accepted) == 1


def test_a_mail_waits_while_the_server_is_busy_and_never_comes_late(mailing: Site, mail_server: SmtpServer) -> None:
    person = somebody(mailing.parts.storage, "mia@example.org")  # pyright: ignore[reportArgumentType]
    mail_server.behaviour = "busy"
    mailing.client().post("/sign-in/mail", data={"address": "mia@example.org"})
    _until(lambda: _mailed(mailing, person)[0].attempts > 0)
    mail_server.behaviour = "ok"
    assert len(mails(mail_server, 1)) == 1
    _until(lambda: _mailed(mailing, person)[0].status == "delivered")
    mail_server.refused.add("mia@example.org")
    mailing.client().post("/sign-in/mail", data={"address": "mia@example.org"})
    _until(lambda: _mailed(mailing, person)[-1].status == "failed")
    assert _mailed(mailing, person)[-1].failure_reason == "mail.refused"


def _mailed(site: Site, person: Actor) -> list:
    with site.parts.storage.work(person.workspace_id, person.user_id) as work:
        link = next(one for one in work.people.links(person.user_id) if one.provider == "email")
        from sqlalchemy import select

        from core.messaging.models import Delivery

        found = select(Delivery).where(Delivery.link_id == link.id).order_by(Delivery.id)  # pyright: ignore
        return list(work._t.session.scalars(found))


def _sessions(site: Site, actor: Actor) -> list:
    with site.parts.storage.work(actor.workspace_id, actor.user_id) as work:
        return work.people.sessions(actor.user_id)


def _without(text: str, address: str) -> str:
    return text.replace(address, "…")
