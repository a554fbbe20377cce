"""The product as `nod up` starts it, and a first day that is spent in Telegram alone once it is linked: an agent, its suggestions, a yes, its effect;
every process is killed on the way."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil

from tests.emulators.telegram import Message, Person, TelegramEmulator

ROOT = Path(__file__).parents[3]


@contextmanager
def _product(data: Path, telegram: TelegramEmulator) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`nod up` with the emulated bot, and the address that it printed."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("NOD_")}
    bot = {"NOD_TELEGRAM_TOKEN": telegram.token, "NOD_TELEGRAM_API_URL": telegram.api_url}
    process = subprocess.Popen(
        [sys.executable, "-m", "runners", "up", "--data", str(data), "--port", "0"], cwd=ROOT, env=clean | bot,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        said = []
        for line in process.stdout:
            said.append(line)
            if line.startswith("Nod is ready: "):
                break
        else:
            raise AssertionError("".join(said))
        yield process, said[-1].removeprefix("Nod is ready: ").strip()
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)


def _code(address: str) -> str:
    """The one-time code, as the page shows it after two taps."""
    base = address.partition("/?")[0]
    with httpx.Client(base_url=base, headers={"Origin": base, "Accept": "application/json"}, timeout=60) as page:
        assert page.get(address).status_code == 303
        page.post("/chat/say", data={"text": "/connect"})
        html = page.get("/", headers={"Accept": "text/html"}).text
        before = html[: html.rindex(">Link another chat</button>")]
        token = re.findall(r'name="token" value="([^"]+)"', before)[-1]
        page.post("/chat/tap", data={"token": token})
        html = page.get("/", headers={"Accept": "text/html"}).text
        return re.findall(r"(?<![\w-])[A-Z2-9]{4}-[A-Z2-9]{4}(?![\w-])", html)[-1]


def _tap(person: Person, message: Message, label: str) -> str:
    return person.taps(message, label).answer(timeout=60)


def test_a_first_day_in_telegram(tmp_path: Path) -> None:
    with TelegramEmulator() as telegram:
        mia = telegram.user("Mia")
        with _product(tmp_path / "data", telegram) as (supervisor, address):
            mia.sends(f"/start {_code(address)}")
            ask = mia.chat.wait_for(lambda shown: shown.labels == ["Link", "Not me"], timeout=60)
            _tap(mia, ask, "Link")
            hello = mia.chat.wait_for(lambda shown: "Yes" in shown.labels, after=ask)
            _tap(mia, hello, "Yes")
            hello.wait_for(lambda shown: any("sample" in label.lower() for label in shown.labels))
            _tap(mia, hello, next(label for label in hello.labels if "sample" in label.lower()))
            hello.wait_for(lambda shown: "Yes, I agree" in shown.labels)
            _tap(mia, hello, "Yes, I agree")
            hello.wait_for(lambda shown: any("Run" in label for label in shown.labels))
            _tap(mia, hello, next(label for label in hello.labels if "Run" in label))
            mia.chat.wait_for(lambda shown: "Approve" in shown.labels, timeout=60)
            for child in psutil.Process(supervisor.pid).children(recursive=True):
                child.kill()
            supervisor.kill()
            supervisor.wait()
        with _product(tmp_path / "data", telegram):
            card = mia.chat.wait_for(lambda shown: "Approve" in shown.labels, timeout=60)
            assert "Approve" in _tap(mia, card, "Approve")
            # A card whose sending was cut off by the kill came twice: one copy of it shows what became of it.
            mia.chat.wait_for(
                lambda shown: "Approved by you" in shown.text and "Open inbox" in shown.labels, timeout=60
            )
            mia.sends("/inbox")
            mia.chat.wait_for_text("wait", timeout=60)
        log = "".join(file.read_text(errors="replace") for file in (tmp_path / "data" / "log").glob("*.log"))
        assert telegram.token not in log
