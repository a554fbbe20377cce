"""Leaving at the page: it shows the code, lets nobody in any more, starts all the same, and takes the code as a way back."""

import re

from bots.kit.words import Words
from core.kernel.settings import Settings
from storage import Storage
from tests.bots.web.conftest import TOKEN, Site, running

CODE = re.compile(r"(?<![\w-])[A-Z2-9]{4}-[A-Z2-9]{4}(?![\w-])")


def test_who_leaves_is_out_everywhere_and_back_with_the_code(
    site: Site, storage: Storage, settings: Settings, catalogue: Words
) -> None:
    client = site.signed_in()
    actor = site.actor(client)
    with storage.work(actor.workspace_id, actor.user_id) as work:
        email = work.people.user(actor.user_id).email
    for words in ("/settings", "/start"):
        assert client.post("/chat/say", data={"text": words}, headers={"Accept": "application/json"}).status_code == 200
    page = client.get("/").text
    assert "Privacy" in page
    from bots.kit.dialog import Tap, Text
    from bots.kit.dispatch import Dispatch

    dispatch = Dispatch(site.parts)
    assert dispatch.answer(actor, Tap("privacy.leave", ()), None, {}).code is None
    left = client.post("/chat/say", data={"text": email}, headers={"Accept": "application/json"}).json()
    found = CODE.search(left["toast"])
    assert found is not None and left["alert"] is True
    assert client.get("/").status_code == 401
    again = site.client()
    assert again.get("/", params={"token": TOKEN}).status_code in (401, 403)
    with running(storage, settings, catalogue) as later:
        back = later.client()
        assert back.post("/sign-in/code", data={"code": "AAAA-AAAA"}).status_code == 403
        answer = back.post("/sign-in/code", data={"code": found[0].lower()})
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        assert back.get("/").status_code == 200
        assert later.client().post("/sign-in/code", data={"code": found[0]}).status_code == 403, "it works once"
        assert later.client().get("/", params={"token": TOKEN}).status_code == 303
    assert dispatch.answer(actor, Text("/inbox"), None, {}).code is None
