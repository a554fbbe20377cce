"""Long polls, webhooks and ordered trouble behave as on a bad day with the real server."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from .telegram import Person, TelegramEmulator

web = httpx.Client(verify=False, timeout=30)


@pytest.fixture
def mia(telegram: TelegramEmulator) -> Person:
    person = telegram.user("Mia")
    person.sends("/start")
    return person


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as threads:
        yield threads


def call(telegram: TelegramEmulator, method: str, **parameters: object) -> dict[str, Any]:
    return web.post(f"{telegram.api_url}/bot{telegram.token}/{method}", json=parameters).json()


def ids(answer: dict[str, Any]) -> list[int]:
    return [update["update_id"] for update in answer["result"]]


class Bot:
    """A webhook that answers with the given statuses in turn, then 200; `seen` are the requests it got."""

    def __init__(self, *statuses: int | str) -> None:
        self.statuses = list(statuses)
        self.seen: list[tuple[str | None, bytes]] = []
        self.came = threading.Condition()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with outer.came:
                    outer.seen.append((self.headers.get("X-Telegram-Bot-Api-Secret-Token"), body))
                    status = outer.statuses.pop(0) if outer.statuses else 200
                    outer.came.notify_all()
                if status == "hang":
                    outer.released.wait(10)
                    return
                self.send_response(int(status))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.released = threading.Event()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.url = f"http://127.0.0.1:{self.server.server_port}/telegram/webhook"

    def __enter__(self) -> "Bot":
        self.thread.start()
        return self

    def __exit__(self, *problem: object) -> None:
        self.released.set()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def wait_for(self, number: int) -> None:
        with self.came:
            assert self.came.wait_for(lambda: len(self.seen) >= number, 10), self.seen


def test_updates_stay_until_a_later_offset_confirms_them(telegram: TelegramEmulator, mia: Person) -> None:
    mia.sends("two")
    mia.sends("three")
    first, second, third = ids(call(telegram, "getUpdates"))
    assert ids(call(telegram, "getUpdates", limit=2)) == [first, second]
    assert ids(call(telegram, "getUpdates", offset=second)) == [second, third]
    assert ids(call(telegram, "getUpdates", offset=-1)) == [third]
    assert ids(call(telegram, "getUpdates", offset=third + 1)) == []
    assert telegram.pending_updates == []


def test_a_long_poll_ends_with_the_next_update(
    telegram: TelegramEmulator, mia: Person, pool: ThreadPoolExecutor
) -> None:
    offset = ids(call(telegram, "getUpdates"))[-1] + 1
    poll = pool.submit(call, telegram, "getUpdates", offset=offset, timeout=20)
    telegram.wait_until_confirmed()
    began = time.monotonic()
    mia.sends("now")
    assert poll.result(10)["result"][0]["message"]["text"] == "now"
    assert time.monotonic() - began < 5


def test_the_second_of_two_pollers_sends_the_first_away(
    telegram: TelegramEmulator, mia: Person, pool: ThreadPoolExecutor
) -> None:
    offset = ids(call(telegram, "getUpdates"))[-1] + 1
    polls: list[Future] = [pool.submit(call, telegram, "getUpdates", offset=offset, timeout=20) for _ in range(2)]
    refused = telegram.wait_for_call("getUpdates", lambda call: call.status == 409)
    assert refused.response["description"] == (
        "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
    )
    mia.sends("hello")
    assert sorted(poll.result(10)["ok"] for poll in polls) == [False, True]


def test_a_webhook_ends_the_poll_and_forbids_the_next(
    telegram: TelegramEmulator, mia: Person, pool: ThreadPoolExecutor
) -> None:
    offset = ids(call(telegram, "getUpdates"))[-1] + 1
    poll = pool.submit(call, telegram, "getUpdates", offset=offset, timeout=20)
    telegram.wait_until_confirmed()
    assert call(telegram, "setWebhook", url="http://127.0.0.1:9/")["description"] == "Webhook was set"
    assert poll.result(10)["description"] == "Conflict: terminated by setWebhook request"
    assert call(telegram, "getUpdates")["description"] == (
        "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
    )
    assert call(telegram, "deleteWebhook")["description"] == "Webhook was deleted"
    assert call(telegram, "getUpdates")["ok"]


def test_only_the_kinds_that_were_asked_for_arrive(telegram: TelegramEmulator, mia: Person) -> None:
    call(telegram, "getUpdates", allowed_updates=["callback_query"], offset=-1)
    assert mia.sends("unheard").update is None
    tap = mia.taps_data(mia.chat.messages[0], "a")
    call(telegram, "getUpdates", allowed_updates=[], offset=tap.update["update_id"] + 1)  # type: ignore[index]
    written = mia.sends("heard")
    assert written.update is not None
    assert mia.reacts(written, "👍") is None


def test_a_webhook_gets_updates_in_order_with_the_secret_and_again_until_it_takes_them(
    telegram: TelegramEmulator, mia: Person
) -> None:
    with Bot(500, 302, 200, 404) as bot:
        call(telegram, "setWebhook", url=bot.url, secret_token="s3cret")
        mia.sends("second")
        bot.wait_for(5)
        telegram.wait_until_confirmed()
    assert {secret for secret, _ in bot.seen} == {"s3cret"}
    first, second = (update["update_id"] for update in telegram.updates)
    numbers = [httpx.Response(200, content=body).json()["update_id"] for _, body in bot.seen]
    assert numbers == [first, first, first, second, second]
    info = call(telegram, "getWebhookInfo")["result"]
    assert info["last_error_message"] == "Wrong response from the webhook: 404 Not Found"
    assert info["pending_update_count"] == 0


def test_a_webhook_that_hangs_is_tried_again() -> None:
    with TelegramEmulator(webhook_timeout=0.1) as telegram, Bot("hang") as bot:
        call(telegram, "setWebhook", url=bot.url)
        telegram.user("Mia").sends("/start")
        bot.wait_for(2)
        telegram.wait_until_confirmed()
        assert bot.seen[0] == bot.seen[1]
        assert call(telegram, "getWebhookInfo")["result"]["last_error_message"] == "Read timeout expired"


def test_an_update_can_come_again_after_it_was_confirmed(telegram: TelegramEmulator, mia: Person) -> None:
    update = call(telegram, "getUpdates")["result"][0]
    call(telegram, "getUpdates", offset=update["update_id"] + 1)
    telegram.redeliver(mia.chat.messages[0].update)
    assert call(telegram, "getUpdates", offset=update["update_id"] + 1)["result"] == [update]
    assert call(telegram, "getUpdates", offset=update["update_id"] + 1)["result"] == []
    with Bot() as bot:
        call(telegram, "setWebhook", url=bot.url)
        telegram.redeliver(update)
        telegram.redeliver(update)
        bot.wait_for(2)
        telegram.wait_until_confirmed()
        assert len(bot.seen) == 2


def test_a_refusal_can_be_ordered(telegram: TelegramEmulator, mia: Person) -> None:
    order = telegram.fail_next("sendMessage", 500, "Internal Server Error", times=2)
    assert [call(telegram, "sendMessage", chat_id=mia.id, text=str(n))["ok"] for n in range(3)] == [False, False, True]
    assert (order.used, order.left) == (2, 0)
    assert [message.text for message in mia.chat.bot_messages] == ["2"]
    telegram.too_many_requests("*", retry_after=3)
    response = web.post(f"{telegram.api_url}/bot{telegram.token}/getMe")
    assert (response.status_code, response.headers["retry-after"]) == (429, "3")
    assert response.json() == {
        "ok": False,
        "error_code": 429,
        "description": "Too Many Requests: retry after 3",
        "parameters": {"retry_after": 3},
    }


def test_an_answer_can_be_lost_after_the_deed(telegram: TelegramEmulator, mia: Person) -> None:
    telegram.drop_after_accept("sendMessage")
    with pytest.raises(httpx.TransportError):
        call(telegram, "sendMessage", chat_id=mia.id, text="once")
    assert [message.text for message in mia.chat.bot_messages] == ["once"]
    assert telegram.calls_to("sendMessage")[-1].lost
    assert call(telegram, "sendMessage", chat_id=mia.id, text="twice")["ok"]


def test_an_answer_can_be_slow_before_or_after_the_deed(
    telegram: TelegramEmulator, mia: Person, pool: ThreadPoolExecutor
) -> None:
    telegram.delay("sendMessage", 0.2)
    began = time.monotonic()
    assert call(telegram, "sendMessage", chat_id=mia.id, text="late")["ok"]
    assert time.monotonic() - began >= 0.2
    telegram.delay("sendMessage", 60, after=True)
    with pytest.raises(httpx.ReadTimeout):
        web.post(
            f"{telegram.api_url}/bot{telegram.token}/sendMessage", json={"chat_id": mia.id, "text": "sent"}, timeout=0.2
        )
    assert mia.chat.last.text == "sent"


def test_a_chat_takes_only_so_many_messages_a_second(telegram: TelegramEmulator, mia: Person) -> None:
    tom = telegram.user("Tom")
    tom.sends("/start")
    telegram.limit(mia, 0.5)
    answers = [call(telegram, "sendMessage", chat_id=person.id, text="x") for person in (mia, mia, tom)]
    assert [answer.get("error_code") for answer in answers] == [None, 429, None]
    assert answers[1]["parameters"]["retry_after"] in {1, 2}
    telegram.heal()
    assert call(telegram, "sendMessage", chat_id=mia.id, text="x")["ok"]
    telegram.limit(None, 1)
    answers = [call(telegram, "sendMessage", chat_id=person.id, text="x") for person in (mia, tom)]
    assert [answer["ok"] for answer in answers] == [True, False]


def test_the_published_limits_hold_when_they_are_switched_on(telegram: TelegramEmulator, mia: Person) -> None:
    telegram.limit_as_published()
    burst = [call(telegram, "sendMessage", chat_id=mia.id, text="x").get("error_code") for _ in range(6)]
    assert burst == [None] * 5 + [429], "a short burst passes"
    assert call(telegram, "editMessageText", chat_id=mia.id, message_id=mia.chat.last.id, text="y")["ok"]
    with telegram.world.lock:
        people = [telegram.user(f"Person {number}") for number in range(40)]
        for person in people:
            person.sends("/start")
        before = telegram.world.faults.published
        assert before is not None
        before.bot.left, before.bot.rate = 3.0, 0.001
    sent = [call(telegram, "sendMessage", chat_id=person.id, text="x") for person in people[:5]]
    assert [one["ok"] for one in sent] == [True] * 3 + [False] * 2, "the bot's own bucket is everybody's"
    telegram.heal()
    telegram.limit_as_published()
    team = telegram.group("Team", [mia])
    published = telegram.world.faults.published
    assert published is not None
    for _ in range(20):
        assert call(telegram, "sendMessage", chat_id=team.id, text="x")["ok"]
        published.chats[team.id].left = 5.0
    refused = call(telegram, "sendMessage", chat_id=team.id, text="x")
    assert refused["error_code"] == 429 and refused["parameters"]["retry_after"] > 30, "twenty in a minute"


def test_waiting_ends_with_the_event_or_with_the_chat_in_words(
    telegram: TelegramEmulator, mia: Person, pool: ThreadPoolExecutor
) -> None:
    waiting = pool.submit(mia.chat.wait_for_text, "done", 10)
    call(telegram, "sendMessage", chat_id=mia.id, text="all done")
    assert waiting.result(10).text == "all done"
    with pytest.raises(AssertionError, match="all done"):
        mia.chat.wait_for_text("done", timeout=0, after=mia.chat.last)


def test_the_server_stops_while_a_poll_waits(pool: ThreadPoolExecutor) -> None:
    with TelegramEmulator() as telegram:
        telegram.user("Mia").sends("/start")
        offset = ids(call(telegram, "getUpdates"))[-1] + 1
        poll = pool.submit(call, telegram, "getUpdates", offset=offset, timeout=50)
        telegram.wait_until_confirmed()
        began = time.monotonic()
    assert poll.result(10) == {"ok": True, "result": []}
    assert time.monotonic() - began < 5
