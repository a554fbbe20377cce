"""Webhooks over HTTP, at a real web process's door: who signs is heard once, everybody else is refused alike."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
import pytest
import time_machine
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from redis import Redis
from standardwebhooks import Webhook

from bots.hooks import door, make_hooks
from bots.hooks.often import Often
from core.catalog.configure import create_agent, pause_agent
from core.kernel.actor import Actor
from core.kernel.ids import new_id
from core.orchestration.models import Run
from core.workflows.models import Trigger, TriggerFiring
from core.workflows.trigger import TriggerSpec, make_trigger, pause_trigger, remove_trigger, rotate_secret
from storage import Storage
from tests.bots.web.conftest import Site, site  # noqa: F401
from tests.databases import somebody

OTHERS = "whsec_" + base64.b64encode(b"somebody else" * 2).decode()
PAYLOAD = {"order": {"id": 7, "total": 12.5}, "note": "grüß"}
Make = Callable[..., "Hook"]


class Hook:
    """A webhook trigger of somebody, and what came of it."""

    def __init__(self, storage: Storage, actor: Actor, trigger: Trigger, secret: str, client: httpx.Client) -> None:
        self.storage, self.actor, self.trigger, self.secret, self.client = storage, actor, trigger, secret, client

    def work(self) -> Any:
        return self.storage.work(self.actor.workspace_id, self.actor.user_id)

    def post(self, body: bytes, headers: dict[str, str], to: UUID | None = None) -> httpx.Response:
        return self.client.post(f"/hooks/{to or self.trigger.id}", content=body, headers=headers)

    def send(
        self, payload: Any = PAYLOAD, id: str = "msg_1", secret: str | None = None, **headers: str
    ) -> httpx.Response:
        """As a Standard Webhooks sender does."""
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        return self.post(body, {**standard(secret or self.secret, body, id), **headers})

    def runs(self) -> list[Run]:
        with self.work() as work:
            return [run for run in work.runs.page(None, 100) if run.trigger_id == self.trigger.id]

    def firings(self) -> list[TriggerFiring]:
        with self.work() as work:
            return work.triggers.firings(self.trigger.id, None, 100)


def standard(secret: str, body: bytes, id: str = "msg_1", at: int | None = None) -> dict[str, str]:
    moment = int(time.time()) if at is None else at
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signature = base64.b64encode(hmac.new(key, f"{id}.{moment}.".encode() + body, hashlib.sha256).digest()).decode()
    return {
        "webhook-id": id, "webhook-timestamp": str(moment), "webhook-signature": f"v1,{signature}",
        "content-type": "application/json",
    }  # fmt: skip


def github(secret: str, body: bytes, delivery: str | None = "d-1") -> dict[str, str]:
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    named = {"x-github-delivery": delivery, "x-github-event": "push"} if delivery else {}
    return {"x-hub-signature-256": f"sha256={signature}", "content-type": "application/json", **named}


def stripe(secret: str, body: bytes, at: int | None = None, more: str = "") -> dict[str, str]:
    moment = int(time.time()) if at is None else at
    signature = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    return {"stripe-signature": f"t={moment},{more}v1={signature}", "content-type": "application/json"}


@pytest.fixture
def make(site: Site, storage: Storage) -> Iterator[Make]:  # noqa: F811
    with site.client() as client:

        def make_one(secret: str | None = None, **fields: Any) -> Hook:
            actor = somebody(storage)
            with storage.work(actor.workspace_id, actor.user_id) as work:
                agent = create_agent(work, actor, "inbox", "Orders")
                spec = TriggerSpec(type="webhook", **fields)
                made = make_trigger(work, actor, spec, agent_id=agent.id, secret=secret)
                work.commit()
            told = made.secret or secret
            assert told is not None
            return Hook(storage, actor, made.trigger, told, client)

        yield make_one


@pytest.fixture
def hook(make: Make) -> Hook:
    return make()


def test_a_signed_delivery_is_a_run_with_its_payload(hook: Hook) -> None:
    answer = hook.send()
    assert (answer.status_code, answer.json()["outcome"]) == (202, "started")
    [run] = hook.runs()
    assert str(run.id) == answer.json()["run_id"]
    assert run.input["webhook"] == PAYLOAD and run.input["hook"]["id"] == "msg_1"
    assert (run.trigger_type, run.status) == ("webhook", "queued")
    with hook.work() as work:
        assert work.triggers.get(hook.trigger.id).last_run_id == run.id


def test_the_library_of_the_standard_signs_what_is_accepted(hook: Hook) -> None:
    from datetime import UTC, datetime

    body, now = json.dumps(PAYLOAD), datetime.now(UTC)
    headers = {
        "webhook-id": "m",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(hook.secret).sign("m", now, body),
    }
    assert hook.post(body.encode(), headers).status_code == 202


def test_a_delivery_that_comes_again_is_one_run(hook: Hook) -> None:
    first = hook.send()
    again = [hook.send() for _ in range(3)]
    assert {answer.status_code for answer in again} == {202}
    assert {answer.json()["run_id"] for answer in again} == {first.json()["run_id"]}
    assert {answer.json()["outcome"] for answer in again} == {"again"}
    assert len(hook.runs()) == 1


def test_a_delivery_that_comes_ten_times_at_once_is_one_run(hook: Hook) -> None:
    with ThreadPoolExecutor(10) as senders:
        answers = list(senders.map(lambda _: hook.send(), range(10)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["run_id"] for answer in answers}) == 1
    assert len(hook.runs()) == len(hook.firings()) == 1


def test_github_is_known_by_its_delivery_id(make: Make) -> None:
    hook = make(source="github")
    body = json.dumps({"action": "opened"}).encode()
    answers = [hook.post(body, github(hook.secret, body)) for _ in range(2)]
    assert [answer.json()["outcome"] for answer in answers] == ["started", "again"]
    assert hook.post(body, github(hook.secret, body, "d-2")).json()["outcome"] == "started"
    assert {run.input["hook"]["event"] for run in hook.runs()} == {"push"}


def test_a_sender_without_delivery_ids_repeats_itself_by_its_body(make: Make) -> None:
    hook = make(source="github")
    bodies = [b'{"n": 1}', b'{"n": 1}', b'{"n": 2}']
    outcomes = [hook.post(body, github(hook.secret, body, None)).json()["outcome"] for body in bodies]
    assert outcomes == ["started", "again", "started"]


def test_githubs_form_is_read(make: Make) -> None:
    hook = make(source="github")
    body = b"payload=%7B%22zen%22%3A+%22Speak+like+a+human.%22%7D"
    headers = {**github(hook.secret, body), "content-type": "application/x-www-form-urlencoded"}
    assert hook.post(body, headers).status_code == 202
    assert hook.runs()[0].input["webhook"] == {"zen": "Speak like a human."}


def test_stripe_is_known_by_its_event(make: Make) -> None:
    hook = make(secret="whsec_made_by_stripe_itself", source="stripe")
    body = json.dumps({"id": "evt_1", "type": "invoice.paid"}).encode()
    assert hook.post(body, stripe(hook.secret, body, more="v1=00,v0=11,")).json()["outcome"] == "started"
    assert hook.post(body, stripe(hook.secret, body, int(time.time()) - 60)).json()["outcome"] == "again"
    assert hook.runs()[0].input["hook"] == {"id": "evt_1", "source": "stripe", "event": "invoice.paid"}
    assert hook.post(body, stripe(hook.secret, body, int(time.time()) - 301)).status_code == 401


def test_the_form_of_github_is_accepted_with_a_secret_of_ours(hook: Hook) -> None:
    body = b"{}"
    assert hook.post(body, github(hook.secret, body)).status_code == 202


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"webhook-signature": "v1"},
        {"webhook-signature": "nothing"},
        {"webhook-signature": "v1,a,b"},
        {"webhook-signature": "v1,%%%"},
        {"webhook-signature": ""},
        {"webhook-signature": "v1," + "A" * 5000},
        {"webhook-timestamp": "abc"},
        {"webhook-timestamp": "nan"},
        {"webhook-timestamp": "1e9"},
        {"webhook-timestamp": "9" * 400},
        {"webhook-timestamp": "-1"},
        {"webhook-timestamp": ""},
        {"webhook-id": ""},
        {"webhook-id": "x" * 300},
        {"webhook-id": "another"},
        {"x-hub-signature-256": "sha256="},
        {"x-hub-signature-256": "sha1=aa"},
        {"stripe-signature": "t=,v1="},
        {"stripe-signature": "t=abc,v1=zz"},
        {"stripe-signature": ",,,==="},
    ],
    ids=str,
)  # fmt: skip
def test_whatever_is_wrong_with_a_signature_is_refused(hook: Hook, headers: dict[str, str]) -> None:
    body = b"{}"
    whole = {} if headers and not any(name.startswith("webhook") for name in headers) else standard(hook.secret, body)
    answer = hook.post(body, {**whole, **headers} if headers else {"content-type": "application/json"})
    assert (answer.status_code, answer.json()) == (401, {"outcome": "refused"})
    assert hook.runs() == [] and hook.firings() == []


def test_letters_that_are_no_ascii_are_refused(hook: Hook) -> None:
    for name in ("webhook-signature", "x-hub-signature-256", "stripe-signature"):
        sent = httpx.Headers([(name.encode(), "sha256=ä,t=ü,v1,ö".encode("latin-1"))])
        answer = hook.client.post(f"/hooks/{hook.trigger.id}", content=b"{}", headers=sent)
        assert answer.status_code == 401


def test_an_old_and_a_future_delivery_are_refused(hook: Hook) -> None:
    # The exact bounds are tried with a clock that stands still: tests/unit/test_signed.py.
    for seconds in (-301, 400):
        headers = standard(hook.secret, b"{}", at=int(time.time()) + seconds)
        assert hook.post(b"{}", headers).status_code == 401
    assert hook.runs() == []


def test_a_signature_under_another_name_is_refused(hook: Hook) -> None:
    signed = github(hook.secret, b"{}")
    digest = signed["x-hub-signature-256"].removeprefix("sha256=")
    for value in (f"sha1={digest}", digest, f"SHA256={digest}", f"sha256 = {digest}"):
        assert hook.post(b"{}", {**signed, "x-hub-signature-256": value}).status_code == 401
    assert hook.post(b"{}", {**signed, "x-hub-signature-256": f"sha256={digest.upper()}"}).status_code == 202


def test_a_changed_body_is_refused(hook: Hook) -> None:
    assert hook.post(b'{"total": 1000}', standard(hook.secret, b'{"total": 1}')).status_code == 401


def test_an_unknown_address_and_a_wrong_signature_answer_alike_and_as_late(hook: Hook, make: Make) -> None:
    stranger = make()
    body = b"{}"
    wrong = standard(stranger.secret, body)

    def asked(to: UUID | str) -> tuple[int, bytes, set[str], float]:
        began = time.perf_counter()
        answer = hook.client.post(f"/hooks/{to}", content=body, headers=wrong)
        names = {name for name in answer.headers if name != "date"}
        return answer.status_code, answer.content, names, time.perf_counter() - began

    asked(hook.trigger.id)
    worked = time.process_time()
    answers = [asked(to) for to in (hook.trigger.id, new_id(), "nonsense", "\u00e4" * 40)]
    assert len({answer[:2] for answer in answers}) == 1 and answers[0][0] == 401
    assert all(answer[2] == answers[0][2] for answer in answers)
    took = [answer[3] for answer in answers]
    assert min(took) >= door.REFUSED_AFTER_SECONDS
    assert time.process_time() - worked < 4 * 0.5, "100 ms each is the aim"


def test_a_held_trigger_is_as_unknown_as_any(hook: Hook) -> None:
    with hook.work() as work:
        pause_trigger(work, hook.actor, hook.trigger.id)
        work.commit()
    assert hook.send().status_code == 401


def test_a_removed_trigger_is_as_unknown_as_any(hook: Hook) -> None:
    assert hook.send().status_code == 202
    with hook.work() as work:
        assert remove_trigger(work, hook.actor, hook.trigger.id).secret is None
        work.commit()
    assert hook.send(id="msg_2").status_code == hook.send().status_code == 401
    with hook.work() as work:
        [run] = work.runs.page(None, 10)
    assert run.trigger_id == hook.trigger.id


def test_an_agent_on_hold_lets_deliveries_go_by(hook: Hook) -> None:
    with hook.work() as work:
        assert hook.trigger.agent_id is not None
        pause_agent(work, hook.actor, hook.trigger.agent_id)
        work.commit()
    assert hook.send().json() == {"outcome": "skipped"}
    assert hook.runs() == [] and hook.firings()[0].detail == {"reason": "on_hold"}


def test_the_secret_before_works_for_a_day_longer(hook: Hook) -> None:
    with hook.work() as work:
        newer = rotate_secret(work, hook.actor, hook.trigger.id)
        work.commit()
    assert hook.send(id="a").status_code == hook.send(id="b", secret=newer).status_code == 202
    with hook.work() as work:
        newest = rotate_secret(work, hook.actor, hook.trigger.id)
        work.commit()
    assert hook.send(id="c").status_code == 401
    assert hook.send(id="d", secret=newer).status_code == hook.send(id="e", secret=newest).status_code == 202


def test_the_secret_lies_sealed_and_is_not_in_what_is_answered(hook: Hook, owner_url: str) -> None:
    import psycopg

    with psycopg.connect(owner_url) as owner:
        row = owner.execute("SELECT t::text, secret FROM nod.triggers t WHERE id = %s", (hook.trigger.id,)).fetchone()
    assert row is not None and hook.secret.encode() not in row[1] and hook.secret not in row[0]
    assert hook.secret not in hook.send().text


def test_a_filter_lets_through_what_it_wants(make: Make) -> None:
    hook = make(filter='webhook.order.total > 10.0 && hook.source == "standard"')
    assert hook.send(id="a").json()["outcome"] == "started"
    assert hook.send({"order": {"total": 1.0}}, id="b").json()["outcome"] == "filtered"
    assert hook.send({"something": "else"}, id="c").json()["outcome"] == "filtered"
    assert hook.send([1, 2], id="d").json()["outcome"] == "filtered"
    assert len(hook.runs()) == 1 and len(hook.firings()) == 4


DEEP = b"[" * 100_000
BODIES = {
    "deep": DEEP,
    "deep enough": b"[" * 70 + b"]" * 70,
    "unfinished": b'{"a": ',
    "no JSON": b"hello",
    "not a number": b'{"a": NaN}',
    "infinite": b'{"a": Infinity}',
    "too great": b'{"a": 1e400}',
    "endless digits": b'{"a": ' + b"9" * 5000 + b"}",
    "twice": b'{"a": 1, "a": 2}',
    "NUL": b'{"a": "\\u0000"}',
    "half a pair": b'{"a": "\\ud800"}',
    "half a pair in a name": b'{"\\udfff": 1}',
    "no UTF-8": b'{"a": "\xff"}',
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_a_signed_body_that_is_none_is_refused_and_leaves_nothing(hook: Hook, body: bytes) -> None:
    # Of the processor: how long it takes on a busy machine says nothing about the body.
    began = time.process_time()
    answer = hook.post(body, standard(hook.secret, body))
    assert answer.status_code in (400, 401), answer.text
    assert time.process_time() - began < 1, "100 ms is the aim"
    assert hook.runs() == [] and hook.firings() == []


def test_another_content_type_is_refused(hook: Hook) -> None:
    assert hook.send(b"<a/>", **{"content-type": "text/xml"}).status_code == 400
    assert hook.send(b"{}", **{"content-type": "application/cloudevents+json; charset=utf-8"}).status_code == 202
    assert hook.send(b"", id="empty").status_code == 202


def test_too_much_is_refused_before_anybody_looks_at_it(hook: Hook) -> None:
    body = b'"' + b"x" * (1024 * 1024) + b'"'
    assert hook.post(body, standard(hook.secret, body)).status_code == 413

    def pieces() -> Iterator[bytes]:
        for _ in range(20):
            yield b"x" * 100_000

    assert hook.client.post(f"/hooks/{hook.trigger.id}", content=pieces()).status_code == 413


def test_nothing_but_post_is_answered(hook: Hook) -> None:
    for method in ("GET", "PUT", "DELETE"):
        assert hook.client.request(method, f"/hooks/{hook.trigger.id}").status_code == 405


def test_all_web_processes_together_count_how_often_a_trigger_is_called(redis_url: str) -> None:
    one, other = (Often(redis_url, at_once=3, seconds=60) for _ in range(2))
    busy, quiet = new_id(), new_id()
    for process in (one, other, one):
        assert process.wait(busy) == 0
        process.called(busy)
    assert 1 <= one.wait(busy) <= 60 and 1 <= other.wait(busy) <= 60
    assert other.wait(quiet) == 0


def test_who_called_too_often_may_come_again_bit_by_bit() -> None:
    here, trigger = Often(None, at_once=2, seconds=10), new_id()
    with time_machine.travel(datetime(2026, 11, 22, tzinfo=UTC), tick=False) as clock:
        for _ in range(2):
            here.called(trigger)
        clock.shift(1)
        assert here.wait(trigger) == 9
        clock.shift(10)
        assert here.wait(trigger) == 0
        here.called(trigger)
        assert here.wait(trigger) >= 1


def test_each_process_counts_for_itself_while_redis_is_away() -> None:
    nowhere, trigger = Often("redis://127.0.0.1:1/0", at_once=1, seconds=60), new_id()
    assert nowhere.wait(trigger) == 0
    nowhere.called(trigger)
    assert nowhere.wait(trigger) >= 1


def test_a_call_too_often_leaves_nothing_and_may_come_again(hook: Hook, site: Site, redis_url: str) -> None:  # noqa: F811
    app, often = FastAPI(), Often(redis_url, at_once=1, seconds=600)
    app.include_router(make_hooks(site.parts, often))
    with TestClient(app) as client:
        hook.client = client  # pyright: ignore[reportAttributeAccessIssue]
        assert hook.send(id="a").status_code == 202
        refused = hook.send(id="b")
        assert refused.status_code == 429 and 0 < int(refused.headers["retry-after"]) <= 600
        assert len(hook.runs()) == len(hook.firings()) == 1
        assert hook.send(id="b", secret=OTHERS).status_code == 401
        with Redis.from_url(redis_url) as redis:
            assert redis.delete(*redis.keys(f"*{hook.trigger.id}*")) >= 1
        assert hook.send(id="b").json()["outcome"] == "started"


def test_who_does_not_sign_uses_up_nothing(hook: Hook, site: Site, redis_url: str) -> None:  # noqa: F811
    app = FastAPI()
    app.include_router(make_hooks(site.parts, Often(redis_url, at_once=1, seconds=600)))
    with TestClient(app) as client:
        hook.client = client  # pyright: ignore[reportAttributeAccessIssue]
        assert [hook.send(id=str(n), secret=OTHERS).status_code for n in range(3)] == [401] * 3
        assert hook.send(id="mine").status_code == 202


@hypothesis_settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.binary(max_size=200),
    names=st.lists(st.sampled_from(door.KEPT), unique=True),
    data=st.data(),
)
def test_no_bytes_and_no_headers_break_the_door(hook: Hook, body: bytes, names: list[str], data: st.DataObject) -> None:
    value = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=40)
    headers = {name: data.draw(value) for name in names}
    assert hook.post(body, headers).status_code in (400, 401)


@hypothesis_settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300))
def test_no_signed_bytes_break_the_door(hook: Hook, body: bytes) -> None:
    id = hashlib.sha256(body).hexdigest()
    assert hook.post(body, standard(hook.secret, body, id)).status_code in (202, 400, 401)
