"""Slack's signed calls of the web process, and the installation by a team, at the real page."""

import hashlib
import hmac
import json
import time
from collections.abc import Iterator

import httpx
import psycopg
import pytest
from pydantic import SecretStr

from bots.kit.parts import Parts
from core.kernel.settings import Settings
from tests.bots.served import page
from tests.bots.slack.running import Desk, Running
from tests.runners.world import World, task

SECRET = "the signing secret"


@pytest.fixture
def signing(chosen: Settings, slack) -> Settings:
    """The way by HTTP, for one team."""
    secret = SecretStr(slack.app.signing_secret)
    return chosen.model_copy(update={"slack_app_token": None, "slack_signing_secret": secret, "port": 0})


@pytest.fixture
def web(parts: Parts, signing: Settings) -> Iterator[str]:
    with page(parts, signing) as (url, _):
        yield url


def _post(web: str, secret: str, body: bytes, **headers: str) -> httpx.Response:
    at = str(int(time.time()))
    proof = "v0=" + hmac.new(secret.encode(), b"v0:" + at.encode() + b":" + body, hashlib.sha256).hexdigest()
    given = {"X-Slack-Request-Timestamp": at, "X-Slack-Signature": proof, "Content-Type": "application/json", **headers}
    return httpx.post(
        f"{web}/slack/events", content=body, headers={name: value.encode() for name, value in given.items()}
    )


def _kept(settings: Settings) -> int:
    assert settings.database_url is not None
    with psycopg.connect(settings.database_url.get_secret_value()) as database:
        return database.execute("SELECT count(*) FROM nod.inbound_events").fetchone()[0]  # type: ignore[index]


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"X-Slack-Signature": "v0=" + "0" * 64}, b"{}"),
        ({"X-Slack-Signature": "v0=é"}, b"{}"),
        ({"X-Slack-Signature": ""}, b"{}"),
        ({"X-Slack-Request-Timestamp": "abc"}, b"{}"),
        ({"X-Slack-Request-Timestamp": "1"}, b"{}"),
        ({"X-Slack-Request-Timestamp": "9" * 40}, b"{}"),
        ({"X-Slack-Request-Timestamp": "-5"}, b"{}"),
        ({}, b"\xff\xfe"),
        ({}, b"[" * 100_000),
        ({}, b"x" * 600_000),
    ],
)
def test_what_is_forged_malformed_or_oversized_gets_a_4xx_and_leaves_nothing(
    web: str, signing: Settings, headers: dict[str, str], body: bytes
) -> None:
    assert signing.slack_signing_secret is not None
    answered = _post(web, signing.slack_signing_secret.get_secret_value(), body, **headers)
    assert 400 <= answered.status_code < 500
    assert _kept(signing) == 0


def test_the_same_signed_call_again_has_one_effect(web: str, signing: Settings, acme) -> None:
    assert signing.slack_signing_secret is not None
    event = {"type": "message", "channel_type": "im", "channel": "D1", "user": "U1", "text": "hi", "ts": "1.1"}
    body = json.dumps({"type": "event_callback", "team_id": acme.id, "event_id": "Ev1", "event": event}).encode()
    for _ in range(3):
        assert _post(web, signing.slack_signing_secret.get_secret_value(), body).status_code == 200
    assert _kept(signing) == 1


def test_by_http_a_card_is_approved_and_a_form_is_answered_in_the_web_process(
    web: str, parts: Parts, signing: Settings, world: World, acme, slack
) -> None:
    slack.listens(f"{web}/slack/events")
    with Running(parts, signing):
        desk = Desk.linked(acme, world)
        suggestion = world.suggest(task())
        card = desk.card()
        desk.person.taps(card, "Edit").acknowledge()
        form = desk.person.wait_for_modal("Edit")
        desk.person.submits(form, {"Task": "Something else"}).acknowledge()
        changed = desk.person.dm.wait_for(lambda one: "Something else" in one.shown and "Approve" in one.labels)
        desk.person.taps(changed, "Approve").acknowledge()
        changed.wait_for(lambda one: "Approve" not in one.labels)
    with world.work() as work:
        assert work.suggestions.get(suggestion.id).status == "approved"


def test_a_team_installs_nod_and_its_token_is_sealed(parts: Parts, settings: Settings, slack, storage) -> None:
    given = {
        "slack_signing_secret": SecretStr(slack.app.signing_secret), "slack_client_id": slack.app.client_id, "slack_client_secret": SecretStr(slack.app.client_secret),
        "slack_api_url": slack.api_url, "public_url": "https://nod.example.org",
    }  # fmt: skip
    team = slack.team("Globex")
    ann = team.person("Ann", is_admin=True)
    with page(parts, settings.model_copy(update=given)) as (web, _):
        begun = httpx.get(f"{web}/slack/install")
        assert begun.status_code == 302
        assert begun.headers["location"].startswith(slack.authorize_url)
        state = httpx.URL(begun.headers["location"]).params["state"]
        wrong = httpx.get(f"{web}/slack/oauth_redirect", params={"code": "x", "state": state})
        assert wrong.status_code == 400, "another browser"
        answered = ann.installs(begun.headers["location"], follow=False)
        back = httpx.URL(answered.headers["location"])
        cookie = begun.headers["set-cookie"].split(";")[0]
        done = httpx.get(f"{web}/slack/oauth_redirect", params=dict(back.params), headers={"Cookie": cookie})
        assert done.status_code == 200, done.text
        again = httpx.get(f"{web}/slack/oauth_redirect", params=dict(back.params), headers={"Cookie": cookie})
        assert again.status_code == 401
    found = storage.installations.find(team.id)
    assert found is not None and found.facts is not None
    assert found.facts["bot_token"] == team.installation.bot_token
    assert settings.database_url is not None
    with psycopg.connect(settings.database_url.get_secret_value()) as database:
        raw = database.execute("SELECT facts FROM nod.slack_installations").fetchone()
    assert raw is not None
    assert team.installation.bot_token.encode() not in bytes(raw[0])
