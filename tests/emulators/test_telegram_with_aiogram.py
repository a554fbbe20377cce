"""aiogram, in an environment of its own, reads all that the emulator says; its models are stricter than PTB's."""

import fcntl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .telegram import Person, TelegramEmulator

HERE = Path(__file__).parent
ENVIRONMENT = HERE.parent.parent / ".venv-aiogram"
REQUIREMENTS = HERE / "aiogram-requirements.txt"


@pytest.fixture(scope="session")
def aiogram_python() -> Path:
    """The interpreter of an environment with aiogram, made on first use and whenever the pinned versions change."""
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


@pytest.fixture
def bot(telegram: TelegramEmulator, aiogram_python: Path) -> Iterator[subprocess.Popen[str]]:
    command = [aiogram_python, HERE / "aiogram_check.py", telegram.api_url, telegram.token]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    yield process
    process.kill()
    process.communicate()


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
