"""An invitation at the page: looking joins nobody, a stranger gets an account by the button, who is signed in is asked in their chat, and one's workspaces are entered one at a time."""

import re

import httpx

from bots.kit.dialog import Submit, Tap, Text
from core.identity.invite import invite
from core.identity.sign_in import vouch
from core.kernel.actor import Actor
from tests.bots.web.conftest import Site
from tests.bots.web.test_web_signing_in import says
from tests.databases import somebody


def _family(site: Site, client: httpx.Client) -> Actor:
    """Founded by whoever is signed in; they as its owner."""
    owner = site.actor(client)
    with site.parts.storage.work(owner.workspace_id, owner.user_id) as work:
        vouch(work, owner.user_id)
        work.commit()
    shown = says(site, owner, Submit("workspace.make", ("family",), {"name": "Klee"}))
    entered = re.search(r"/enter/[\w-]{40,}", shown)
    assert entered is not None and "Klee is founded" in shown
    assert "Workspace: Klee" in client.get(entered[0]).text
    assert client.post(entered[0]).status_code == 303
    now = Actor(*_session(site, client), "owner", "web")
    assert now.user_id == owner.user_id and now.workspace_id != owner.workspace_id
    return now


def _session(site: Site, client: httpx.Client) -> tuple:
    actor = site.actor(client)
    return actor.user_id, actor.workspace_id


def _code(site: Site, owner: Actor) -> str:
    with site.parts.storage.work(owner.workspace_id, owner.user_id) as work:
        _, code = invite(work, owner, "member")
        work.commit()
    return code


def test_a_stranger_joins_with_an_account_of_their_own_and_only_by_the_button(site: Site) -> None:
    owner = _family(site, site.signed_in())
    path, stranger = f"/join/{_code(site, owner)}", site.client()
    for _ in range(2):
        page = stranger.get(path)
        assert page.status_code == 200 and "to the family “Klee”, as member" in page.text and not stranger.cookies
    assert stranger.post(path, data={"name": "Lea"}).status_code == 303
    user_id, workspace_id = _session(site, stranger)
    assert workspace_id == owner.workspace_id and user_id != owner.user_id
    with site.parts.storage.work(workspace_id, user_id) as work:
        assert work.people.membership(user_id).role == "member" and work.people.user(user_id).name == "Lea"
        assert work.people.user(user_id).email_verified_at is None
    assert stranger.get("/").status_code == 200
    again = site.client().get(path)
    assert again.status_code == 410, "it works once"
    assert (
        "This invitation does not open" in again.text
        and "invited" not in again.text.partition("<h1>")[2].partition("</h1>")[0]
    )
    assert site.client().post(path, data={"name": "Eve"}).status_code == 410


def test_another_sites_page_joins_nobody(site: Site) -> None:
    owner = _family(site, site.signed_in())
    path = f"/join/{_code(site, owner)}"
    assert site.client().post(path, data={"name": "Eve"}, headers={"Origin": "https://evil.example"}).status_code == 403
    with site.parts.storage.work(owner.workspace_id, owner.user_id) as work:
        assert len(work.people.members()) == 1 and len(work.people.invitations()) == 1


def test_who_is_signed_in_is_asked_in_their_chat_and_keeps_their_account(site: Site) -> None:
    owner = somebody(site.parts.storage)
    with site.parts.storage.work(owner.workspace_id, owner.user_id) as work:
        vouch(work, owner.user_id)
        work.people.workspace().kind = "family"
        _, code = invite(work, owner, "approver")
        work.commit()
    client = site.signed_in()
    page = client.get(f"/join/{code}")
    assert "Your chat asks you once more" in page.text and 'name="name"' not in page.text
    assert client.post(f"/join/{code}").status_code == 303
    assert "as approver" in client.get("/").text
    mine = site.actor(client)
    joined = says(site, mine, Tap("invitation.join", (code.replace("-", ""),)))
    assert "speak for it now" in joined
    assert str(owner.workspace_id) in map(str, site.parts.storage.directory.workspaces_of(mine.user_id))
    assert "approver" in says(site, mine, Text("/workspace"))
