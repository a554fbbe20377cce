"""Two clients that nobody here wrote, in an environment of their own: aiogram, whose models are stricter than PTB's, and pyTelegramBotAPI."""

import fcntl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from .telegram import Person, TelegramEmulator

HERE = Path(__file__).parent
ENVIRONMENT = HERE.parent.parent / ".venv-aiogram"
REQUIREMENTS = HERE / "telegram-clients.txt"


@pytest.fixture(scope="session")
def clients_python() -> Path:
    """The interpreter of an environment with both, made on first use and whenever the pinned versions change."""
    ENVIRONMENT.mkdir(exist_ok=True)
    installed = ENVIRONMENT / "installed.txt"
    python = ENVIRONMENT / "bin" / "python"
    with (ENVIRONMENT / "making").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if not installed.exists() or installed.read_text() != REQUIREMENTS.read_text():
            uv = Path(sys.executable).with_name("uv")
            make = [uv, "venv", "--quiet", "--allow-existing", "--python", sys.executable, ENVIRONMENT]
            install = [uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", python, "-r", REQUIREMENTS]
            for command in (make, install):
                subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
            installed.write_text(REQUIREMENTS.read_text())
    return python


@contextmanager
def running(python: Path, script: str, telegram: TelegramEmulator) -> Iterator[subprocess.Popen[str]]:
    command = [python, HERE / script, telegram.api_url, telegram.token]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    yield process
    process.kill()
    process.communicate()


@pytest.fixture
def bot(telegram: TelegramEmulator, clients_python: Path) -> Iterator[subprocess.Popen[str]]:
    with running(clients_python, "aiogram_check.py", telegram) as process:
        yield process


@pytest.fixture
def telebot(telegram: TelegramEmulator, clients_python: Path) -> Iterator[subprocess.Popen[str]]:
    with running(clients_python, "telebot_check.py", telegram) as process:
        yield process


@pytest.fixture
def mia(telegram: TelegramEmulator) -> Person:
    return telegram.user("Mia", language_code="de")


def test_aiogram_understands_every_answer_and_update(
    telegram: TelegramEmulator, bot: subprocess.Popen[str], mia: Person
) -> None:
    greeting = mia.sends("/start")
    hello = mia.chat.wait_for_text("Hello Mia, I am nod_test_bot", timeout=60)
    assert mia.taps(hello, "Approve").answer() == "Approved"
    hello.wait_for(lambda message: message.text == "Hello done" and not message.buttons)

    mia.sends_file("mail.eml", b"From: a@example.org\r\n\r\nHi", "message/rfc822")
    copy = mia.chat.wait_for(lambda message: message.file is not None).file
    assert copy is not None and copy.content == b"From: a@example.org\r\n\r\nHi"

    mia.edits(greeting, "/started")
    mia.chat.wait_for_text("Changed to /started")
    mia.reacts(hello, "👍")
    mia.chat.wait_for_text("1 reaction")
    team = telegram.group("Team", [mia])
    team.wait_for_text("Now member")
    small = telegram.group("Small", [mia, telegram.user("Tom")], kind="group")
    small.wait_for_text("Now member")
    small.promotes(telegram.bot)
    small.wait_for_text("Now administrator")
    small.adds(telegram.user("Ann"))
    small.wait_for_text("Ann is member")
    mia.sends("/everything")
    mia.chat.wait_for_text("All was read")

    for status, description, parameters in (
        (400, "Bad Request: message is too long", None),
        (403, "Forbidden: bot was blocked by the user", None),
        (429, "Too Many Requests: retry after 1", {"retry_after": 1}),
        (400, "Bad Request: group chat was upgraded to a supergroup chat", {"migrate_to_chat_id": -1}),
    ):
        telegram.fail_next("sendMessage", status, description, parameters)
    mia.sends("/refused")
    mia.chat.wait_for_text("All was refused")

    mia.sends("/quit")
    _, problems = bot.communicate(timeout=60)
    assert bot.returncode == 0, problems


def test_pytelegrambotapi_goes_through_groups_scopes_drafts_and_refusals(
    telegram: TelegramEmulator, telebot: subprocess.Popen[str], mia: Person
) -> None:
    mia.opens("https://t.me/nod_test_bot?start=p-abc_1")
    asked = mia.chat.wait_for_text("Opened p-abc_1")
    assert asked.markup == {"force_reply": True, "input_field_placeholder": "Your name"}
    assert mia.answers("Mia").reply_to is asked
    mia.chat.wait_for_text("Hello Mia")
    mia.sends("/everything")
    mia.chat.wait_for_text("All was read")
    assert [draft.text for draft in mia.chat.drafts] == ["Work", "Working"] and mia.chat.draft is None
    card = next(message for message in mia.chat.bot_messages if message.labels)
    assert card.text == "Card, changed" and mia.taps(card, "Approve").answer() == "You are Mia"

    tom = telegram.user("Tom", language_code="de")
    team = telegram.group("Team", [mia, tom], kind="group")
    assert [one["command"] for one in tom.menu(team)] == ["nod"] and [one["command"] for one in tom.menu()] == ["inbox"]
    assert [one["command"] for one in mia.menu(team)] == ["rooms"], "who leads a group has their own"
    team.promotes(telegram.bot)
    team.wait_for_text("Leading: Mia, Nod")
    team.adds(telegram.user("Ann"))
    team.wait_for_text("Ann came")
    team.wait_for_text("Ann is member")
    moved = team.upgrades()
    moved.wait_for_text("Here now")
    moved.silences_bot(mia)
    mia.sends("/quit")
    mia.chat.wait_for_text("Bye")
    _, problems = telebot.communicate(timeout=60)
    assert telebot.returncode == 0, problems
