"""Updates are never lost and have one effect, whatever is killed, repeated or refused."""

import json
import logging
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import psycopg
import pytest
from pydantic import SecretStr
from telegram.error import InvalidToken

from bots.kit.dialog import Text
from bots.kit.dispatch import Answer, Dispatch
from bots.kit.parts import Parts
from bots.telegram.api import Hide
from bots.web.app import make_web
from core.identity.register import add_link
from core.kernel.ids import new_id
from core.kernel.settings import Settings
from tests.bots.served import page
from tests.bots.telegram.running import Phone, Running
from tests.emulators.telegram import TelegramEmulator
from tests.runners.world import World, redis_address, task

ROOT = Path(__file__).parents[3]
SECRET = "a-secret_Of-Telegram"


def _events(settings: Settings) -> list[tuple[str, str, str]]:
    """(channel, external id, status) of what came in, as the database has it."""
    assert settings.database_url is not None
    with psycopg.connect(settings.database_url.get_secret_value()) as database:
        found = database.execute("SELECT channel, external_id, status FROM nod.inbound_events ORDER BY id").fetchall()
    return [(row[0], row[1], row[2]) for row in found]


def _said(phone: Phone) -> list[str]:
    return [line.message.payload["text"] for line in phone.lines() if "text" in line.message.payload]


@contextmanager
def _process(settings: Settings, log: Path, **more: str) -> Iterator[subprocess.Popen[bytes]]:
    """A real `python -m bots telegram`, ready when this gives it; killed at the end if it still runs."""
    reading, writing = os.pipe()
    assert settings.database_url and settings.master_key and settings.telegram_token
    environment = {
        **os.environ,
        "NOD_TEST": "1",
        "NOD_DATABASE_URL": settings.database_url.get_secret_value(),
        "NOD_REDIS_URL": redis_address(settings),
        "NOD_DATA_DIR": str(settings.data_dir),
        "NOD_MASTER_KEY": settings.master_key.get_secret_value(),
        "NOD_TELEGRAM_TOKEN": settings.telegram_token.get_secret_value(),
        "NOD_TELEGRAM_API_URL": settings.telegram_api_url,
        "NOD_READY_FD": str(writing),
        "NOD_LOG_LEVEL": "debug",
        **more,
    }
    with log.open("ab") as output:
        child = subprocess.Popen(
            [sys.executable, "-m", "bots", "telegram"], cwd=ROOT, env=environment, pass_fds=[writing], stdout=output,
            stderr=output, start_new_session=True,
        )  # fmt: skip
    os.close(writing)
    try:
        with os.fdopen(reading, "rb") as ready:
            said = ready.readline()
        assert said == b"ready\n", log.read_text()
        yield child
    finally:
        if child.poll() is None:
            child.kill()
        child.wait()


@contextmanager
def _held_up(settings: Settings) -> Iterator[None]:
    """Nothing can be written into a chat for as long as this lasts."""
    assert settings.database_url is not None
    with psycopg.connect(settings.database_url.get_secret_value()) as database:
        database.execute("LOCK TABLE nod.messages IN ACCESS EXCLUSIVE MODE")
        yield


def test_a_kill_between_intake_and_answer_loses_nothing(
    telegram: TelegramEmulator, chosen: Settings, world: World, tmp_path: Path
) -> None:
    log = tmp_path / "telegram.log"
    with _process(chosen, log) as first:
        phone = Phone.linked(telegram, world)
        with _held_up(chosen):
            phone.person.sends("/help")
            telegram.wait_until_confirmed()
            assert [status for _, _, status in _events(chosen)][-1] != "done"
            first.kill()
            first.wait()
    before = phone.person.chat.last
    with _process(chosen, log) as second:
        answer = phone.person.chat.wait_for_text("/inbox", after=before, timeout=60)
        second.send_signal(signal.SIGTERM)
        assert second.wait(60) == 0
    assert [m.text for m in phone.person.chat.bot_messages].count(answer.text) == 1
    assert _said(phone).count("/help") == 1
    assert {status for _, _, status in _events(chosen)} == {"done"}


def test_a_kill_after_the_decision_and_before_its_toast_decides_once(
    telegram: TelegramEmulator, chosen: Settings, world: World, tmp_path: Path
) -> None:
    log = tmp_path / "telegram.log"
    with _process(chosen, log) as first:
        phone = Phone.linked(telegram, world)
        suggestion = world.suggest(task())
        card = phone.card(suggestion)
        telegram.delay("answerCallbackQuery", 5)
        tap = phone.person.taps(card, "Approve")
        card.wait_for(lambda shown: "Approve" not in shown.labels)
        first.kill()
        first.wait()
    assert not tap.answered
    with _process(chosen, log):
        tap.answer(timeout=60)
    with world.work() as work:
        assert len(work.suggestions.approvals(suggestion.id)) == 1


def test_the_token_is_in_no_log_of_any_trouble(
    telegram: TelegramEmulator, chosen: Settings, world: World, tmp_path: Path
) -> None:
    log = tmp_path / "telegram.log"
    telegram.fail_next("setMyCommands", 500, "Internal Server Error")
    with _process(chosen, log) as child:
        phone = Phone.linked(telegram, world)
        telegram.drop_after_accept("sendMessage")
        telegram.fail_next("sendMessage", 400, "Bad Request: something new", times=1)
        telegram.drop_after_accept("answerCallbackQuery")
        phone.person.sends("/help")
        phone.person.chat.wait_for_text("/inbox")
        phone.person.taps(phone.person.chat.last, phone.person.chat.last.labels[0]).answer()
        child.terminate()
        assert child.wait(60) == 0
    refused = chosen.model_copy(update={"telegram_token": SecretStr("110201543:another-token")})
    with pytest.raises(AssertionError):
        with _process(refused, log):
            pass
    text = log.read_text()
    assert "refused NOD_TELEGRAM_TOKEN" in text
    assert telegram.token not in text and telegram.token.split(":")[1] not in text and "another-token" not in text


def test_without_a_token_the_process_says_what_to_do() -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NOD_")}
    done = subprocess.run(
        [sys.executable, "-m", "bots", "telegram"], cwd=ROOT, env=environment, capture_output=True, check=False
    )
    assert done.returncode == 2 and b"@BotFather" in done.stderr


def test_the_same_update_again_has_no_second_effect(phone: Phone, telegram: TelegramEmulator, chosen: Settings) -> None:
    sent = phone.person.sends("/help")
    first = phone.person.chat.wait_for_text("/inbox")
    telegram.redeliver(sent.update)
    telegram.redeliver(sent.update)
    telegram.wait_until_confirmed()
    phone.person.sends("hullabaloo")
    phone.person.chat.wait_for_text("never guess")
    assert [m.text for m in phone.person.chat.bot_messages].count(first.text) == 1
    assert _said(phone) == ["/start", "/help", "hullabaloo"]


def test_an_event_that_is_handled_twice_at_the_same_moment_has_one_effect(
    phone: Phone, parts: Parts, world: World
) -> None:
    dispatch, once = Dispatch(parts), new_id()

    def handle(_: int) -> Answer:
        return dispatch.answer(phone.actor, Text("/help"), None, {}, once)

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(handle, range(8)))
    assert sorted(len(answer.deliveries) for answer in answers) == [0] * 7 + [1]
    assert _said(phone) == ["/start", "/help"]


def test_the_token_is_taken_out_of_lines_and_tracebacks(telegram: TelegramEmulator) -> None:
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(logging.Formatter().format(record))  # type: ignore[method-assign]
    handler.addFilter(Hide(telegram.token))
    logger = logging.Logger("try")
    logger.addHandler(handler)
    address = f"https://api.telegram.org/bot{telegram.token}/getMe"
    logger.warning("GET %s", address)
    try:
        raise InvalidToken(f"The token `{telegram.token}` was rejected by the server.")
    except InvalidToken:
        logger.exception("no")
    logger.warning("untouched %s", 5)
    assert lines[0] == "GET https://api.telegram.org/bot<token>/getMe" and lines[2] == "untouched 5"
    assert "Traceback" in lines[1] and "`<token>` was rejected" in lines[1]
    assert telegram.token not in "".join(lines)


def test_two_processes_give_each_update_one_effect_in_order(
    phone: Phone, parts: Parts, telegram: TelegramEmulator, chosen: Settings
) -> None:
    with Running(parts, chosen):
        words = [f"zzz{number}" for number in range(12)]
        for word in words:
            phone.person.sends(word)
        phone.person.chat.wait_for(lambda _: len(phone.person.chat.bot_messages) == 13)
    assert _said(phone) == ["/start", *words]


def test_a_second_process_takes_over_when_the_first_one_stops(
    parts: Parts, telegram: TelegramEmulator, chosen: Settings, world: World
) -> None:
    with Running(parts, chosen) as first:
        phone = Phone.linked(telegram, world)
        with Running(parts, chosen):
            first.stop()
            phone.person.sends("/help")
            phone.person.chat.wait_for_text("/inbox")


def test_an_update_that_nobody_can_read_does_not_hold_up_the_next(phone: Phone, world: World, chosen: Settings) -> None:
    for number, update in enumerate(
        ({"message": "what"}, {"callback_query": {"id": 3}}, {"poll": {}}, {"message": {"chat": []}})
    ):
        world.storage.inbox.store("telegram", str(10_000 + number), {"update_id": 10_000 + number, **update})
    phone.person.sends("/help")
    phone.person.chat.wait_for_text("/inbox")


@pytest.fixture
def hooked(chosen: Settings, parts: Parts) -> Iterator[tuple[Settings, str]]:
    """Settings for a webhook, and the address of the real web process's insides that take it."""
    settings = chosen.model_copy(
        update={"public_url": "http://127.0.0.1:1", "telegram_webhook_secret": SecretStr(SECRET)}
    )
    with page(parts, settings) as (url, _):
        yield settings.model_copy(update={"public_url": url}), f"{url}/telegram/webhook"


def test_by_webhook_an_update_is_answered_once_however_often_it_comes(
    hooked: tuple[Settings, str], parts: Parts, telegram: TelegramEmulator, world: World
) -> None:
    settings, url = hooked
    with Running(parts, settings):
        phone = Phone.linked(telegram, world)
        sent = phone.person.sends("/help")
        first = phone.person.chat.wait_for_text("/inbox")
        telegram.wait_until_confirmed()
        body = json.dumps(sent.update).encode()
        headers = {"X-Telegram-Bot-Api-Secret-Token": SECRET, "Content-Type": "application/json"}
        for _ in range(3):
            assert httpx.post(url, content=body, headers=headers).status_code == 200
        phone.person.sends("hullabaloo")
        phone.person.chat.wait_for_text("never guess")
        assert [m.text for m in phone.person.chat.bot_messages].count(first.text) == 1
        [hook] = telegram.calls_to("setWebhook")
        assert hook.params["max_connections"] == "1" and hook.params["secret_token"] == SECRET


def test_updates_that_come_out_of_order_are_each_handled_once(
    hooked: tuple[Settings, str], parts: Parts, telegram: TelegramEmulator, world: World
) -> None:
    settings, url = hooked
    with Running(parts, settings):
        phone = Phone.linked(telegram, world)
        telegram.wait_until_confirmed()
        template = next(update for update in telegram.updates if "message" in update)
        headers = {"X-Telegram-Bot-Api-Secret-Token": SECRET}
        numbers = list(range(900_000_000, 900_000_010))
        random.Random(7).shuffle(numbers)
        with httpx.Client(headers=headers) as client:
            for number in [*numbers, *numbers]:
                message = {
                    **template["message"],
                    "text": f"zzz{number}",
                    "message_id": number % 1000 + 100,
                    "entities": [],
                }
                assert client.post(url, json={"update_id": number, "message": message}).status_code == 200
        phone.person.chat.wait_for(lambda _: len(phone.person.chat.bot_messages) == 11)
        assert sorted(_said(phone)[1:]) == [f"zzz{number}" for number in sorted(numbers)]


def test_what_is_forged_oversized_or_malformed_is_refused_at_once_and_leaves_nothing(
    hooked: tuple[Settings, str], chosen: Settings
) -> None:
    _, url = hooked
    good = {"X-Telegram-Bot-Api-Secret-Token": SECRET}
    update = json.dumps({"update_id": 1, "message": {}}).encode()
    with httpx.Client() as client:
        for headers in (
            {},
            {"X-Telegram-Bot-Api-Secret-Token": SECRET[:-1]},
            {"X-Telegram-Bot-Api-Secret-Token": "ä".encode()},
        ):
            assert client.post(url, content=update, headers=headers).status_code == 401
        for body in (
            b"", b"{", b"[]", b'"x"', b"[" * 20_000, b'{"update_id": true}', b'{"update_id": -1}', b'{"update_id": "1"}',
            b'{"update_id": 1e400}', b'{"update_id": 1, "x": NaN}', b'{"update_id": 99999999999999999999}', b"\xff\xfe", b"{}",
        ):  # fmt: skip
            began = time.perf_counter()
            assert client.post(url, content=body, headers=good).status_code == 400, body[:30]
            assert time.perf_counter() - began < 1
        assert client.post(url, content=b"x" * 2_000_000, headers=good).status_code == 413
        assert client.get(url).status_code == 405
    assert _events(chosen) == []


def test_without_a_secret_there_is_no_webhook(parts: Parts, chosen: Settings) -> None:
    from starlette.testclient import TestClient

    settings = chosen.model_copy(update={"public_url": "https://nod.example.org"})
    web = make_web(parts, settings, lambda: True, lambda: b"")
    client = TestClient(web.app)
    answer = client.post("/telegram/webhook", json={"update_id": 1}, headers={"X-Telegram-Bot-Api-Secret-Token": ""})
    assert answer.status_code == 404


def test_a_person_who_was_linked_elsewhere_is_known_by_their_own_number_only(
    phone: Phone, telegram: TelegramEmulator, world: World
) -> None:
    tom = telegram.user("Tom", username="mia")
    with world.work() as work:
        add_link(work, world.actor.user_id, "slack", str(tom.id), str(tom.id))
        work.commit()
    tom.sends("/inbox")
    tom.chat.wait_for_text("one-time code")
