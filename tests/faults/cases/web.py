"""Platforms that call the web process: it dies before it could answer, what it took comes again byte for byte, and others pretend to be them."""

import json
import time
from typing import Any

import httpx

from bots.telegram.webhook import PATH as TELEGRAM
from bots.telegram.webhook import SECRET_HEADER
from tests.emulators.slack.dispatch import sign
from tests.faults.case import case, workers
from tests.faults.chats import tap_what_waits
from tests.faults.desks import Desks
from tests.faults.phones import SECRET, Phones
from tests.faults.system import Asked, System

TIMES = 3
KEPT = "SELECT count(*) FROM nod.inbound_events"


@case("telegram", small=4, large=30, people=2)
def a_webhook_that_dies_before_it_answers_and_callers_who_are_not_telegram(system: System, size: int) -> list[Asked]:
    """Every second web process dies as soon as it has kept an update; each update comes again as it was; wrong secrets of every kind leave nothing."""
    chats = Phones(system, webhook=True)
    workers(system, 1)
    chats.web.start()
    chats.doors.start()
    waiting: list[Asked] = []
    for number in range(size):
        waiting.append(chats.suggest())
        if number % 2:
            chats.web.kill()
            chats.web.start(0, "after_intake:kill9")
        system.wait(lambda: tap_what_waits(chats, waiting), 60, "the card")
        if number % 2:
            system.wait(chats.web.died, 60, "the end of the web process")
            chats.web.start()
        chats.telegram.wait_until_confirmed()
        again = chats.telegram.updates[-1]
        for _ in range(TIMES):
            assert _to_webhook(chats, again, SECRET) == 200, "what comes again is taken"
        before = _kept(system)
        forged = {**again, "update_id": again["update_id"] + 1_000_000 + number}
        wrong = (None, "", SECRET[:-1], SECRET + "1", SECRET.lower(), SECRET[::-1], "é", "x" + SECRET[1:])
        assert [_to_webhook(chats, forged, one) for one in wrong] == [401] * len(wrong), "somebody else was believed"
        for body in (
            b"",
            b"{",
            b"[]",
            b'{"update_id": true}',
            b'{"update_id": -1}',
            b"\xff",
            b"[" * 5000,
            b'{"update_id": NaN}',
        ):
            assert _to_webhook(chats, body, SECRET) == 400, body[:20]
        assert _kept(system) == before, "what was refused was kept"
    return chats.asked


@case("slack", small=4, large=30, people=2)
def signed_calls_whose_first_answer_is_lost_and_callers_who_are_not_slack(system: System, size: int) -> list[Asked]:
    """Every second web process dies as soon as it has kept an event; each call comes again, byte for byte; bad signatures of every kind leave nothing."""
    chats = Desks(system, http=True)
    workers(system, 1)
    chats.web.start()
    chats.slack.listens(f"{chats.web.url}/slack/events")
    chats.doors.start()
    waiting: list[Asked] = []
    for number in range(size):
        one = chats.suggest()
        waiting.append(one)
        system.wait(lambda: tap_what_waits(chats, waiting), 60, "the card")
        if number % 2:
            chats.web.kill()
            chats.web.start(0, "after_intake:kill9")
        said = chats.desk(one.world).says("help")
        if number % 2:
            system.wait(chats.web.died, 60, "the end of the web process")
            chats.web.start()
        said.delivery.acknowledge()
        body = json.dumps(said.delivery.payload).encode()
        headers = sign(chats.slack.app.signing_secret, body)
        for _ in range(TIMES):
            assert _to_slack(chats, body, headers) == 200, "what comes again is taken"
        before = _kept(system)
        for wrong in _signatures(chats.slack.app.signing_secret, body):
            assert _to_slack(chats, body, wrong) == 401, wrong
        assert _kept(system) == before, "what was refused was kept"
        system.wait(chats.settled, 60, "the answer")
        answers = [m for m in said.thread if m.from_bot and m.only_for is None]
        assert len(answers) == 1, f"{len(answers)} answers to what was said once"
    return chats.asked


def _signatures(secret: str, body: bytes) -> list[dict[str, str]]:
    """None of them is Slack's for this body, now."""
    good, other = sign(secret, body), sign(secret, body + b" ")
    stamp, proof = "X-Slack-Request-Timestamp", "X-Slack-Signature"
    now = int(time.time())
    return [
        {}, {stamp: good[stamp]}, {proof: good[proof]}, other, sign("another secret", body), sign(secret, body, now - 301),
        sign(secret, body, now + 400), {**good, stamp: str(int(good[stamp]) - 1)}, {**good, stamp: "abc"}, {**good, stamp: "9" * 40},
        {**good, stamp: f"{good[stamp]}.0"}, {**good, stamp: "-5"}, {**good, proof: good[proof].upper()}, {**good, proof: "v0="},
        {**good, proof: good[proof].removeprefix("v0=")}, {**good, proof: good[proof].replace("v0", "v1")}, {**good, proof: "v0=é"},
        {**good, proof: good[proof][:-1]},
    ]  # fmt: skip


def _to_webhook(chats: Phones, update: dict[str, Any] | bytes, secret: str | None) -> int:
    body = update if isinstance(update, bytes) else json.dumps(update).encode()
    headers = [] if secret is None else [(SECRET_HEADER.encode(), secret.encode())]
    return httpx.post(chats.web.url + TELEGRAM, content=body, headers=headers, timeout=60).status_code


def _to_slack(chats: Desks, body: bytes, headers: dict[str, str]) -> int:
    sent = [
        (b"Content-Type", b"application/json"),
        *((name.encode(), value.encode()) for name, value in headers.items()),
    ]
    return httpx.post(f"{chats.web.url}/slack/events", content=body, headers=sent, timeout=60).status_code


def _kept(system: System) -> int:
    with system.owner() as owner:
        [number] = owner.execute(KEPT).fetchone() or (0,)
    return number
