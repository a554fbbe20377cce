"""Leaving a list by one click, from every mailbox that is real."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from core.connectors.ports import Connector, EffectFailed, EffectUnknown
from runners.connectors import manifest
from runners.outbound_http import Outbound
from tests.contract.connectors.rigs import Rig
from tests.emulators.authority import Authority
from tests.emulators.website import HOST, Website, website

pytestmark = pytest.mark.parametrize("rig", ["imap", "maildir", "mailfile"], indirect=True)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Website]:
    """The list's web site."""
    with website(Authority(tmp_path / "web", HOST)) as running:
        yield running


def opened(rig: Rig, outbound: Outbound) -> AbstractContextManager[Connector]:
    """The connector with a way to the site on loopback."""
    defaults = {k: v["default"] for k, v in manifest(rig.slug).config["properties"].items() if "default" in v}
    client: Any = import_module(f"runners.connectors.{rig.slug}.client")
    return client.connect(defaults | rig.config, rig.secrets, rig.place, outbound)


def leave(site: Website, path: str = "/leave?token=s3cret") -> dict[str, Any]:
    """What is approved."""
    return {"list_name": "Weekly letter", "one_click": site.url(path), "mailto": "leave@lists.example"}


def test_one_post_is_made_and_no_mail_is_sent(rig: Rig, site: Website) -> None:
    with opened(rig, site.outbound()) as client:
        receipt = client.perform("mail.unsubscribe", "key-1", leave(site))
    assert [(method, path, body) for method, path, _, body in site.calls] == [
        ("POST", "/leave?token=s3cret", b"List-Unsubscribe=One-Click")
    ]
    assert "s3cret" not in repr(receipt)
    assert receipt.facts == {"host": HOST, "status": 200}
    assert rig.effects("mail.unsubscribe") == []


@pytest.mark.parametrize(
    ("status", "lasting"), [(302, True), (403, True), (404, True), (410, True), (429, False), (503, False)]
)
def test_an_answer_that_is_no_success_is_a_failure(rig: Rig, site: Website, status: int, lasting: bool) -> None:
    site.answers["/no"] = (status, {"Location": "/elsewhere"}, b"")
    with opened(rig, site.outbound()) as client, pytest.raises(EffectFailed) as failed:
        client.perform("mail.unsubscribe", "key-1", leave(site, "/no"))
    assert (failed.value.code, failed.value.lasting) == ("connectors.unsubscribe_refused", lasting)
    assert len(site.calls) == 1


def test_a_cut_connection_is_unknown_and_may_be_tried_again(rig: Rig, site: Website) -> None:
    with opened(rig, site.outbound()) as client:
        with pytest.raises(EffectUnknown):
            client.perform("mail.unsubscribe", "key-1", leave(site, "/cut"))
        assert client.find("mail.unsubscribe", "key-1", leave(site, "/cut")) == "unclear"
    assert manifest(rig.slug).operation("mail.unsubscribe").effect == "keyed"


def test_a_list_cannot_make_us_call_our_own_network(rig: Rig, site: Website) -> None:
    inside = {"list_name": "Weekly letter", "one_click": "https://169.254.169.254/latest/meta-data"}
    with rig.open() as client:
        for input in (inside, leave(site) | {"one_click": f"https://127.0.0.1:{site.port}/"}):
            with pytest.raises(EffectFailed) as failed:
                client.perform("mail.unsubscribe", "key-1", input)
            assert failed.value.lasting
    assert site.calls == []


def test_a_list_without_an_address_cannot_be_left(rig: Rig) -> None:
    with rig.open() as client, pytest.raises(EffectFailed) as failed:
        client.perform("mail.unsubscribe", "key-1", {"list_name": "Weekly letter"})
    assert failed.value.code == "connectors.unsubscribe_impossible"
