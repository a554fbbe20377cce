"""`nod slack` as it runs: what it says when it cannot, and what was taken by one that is killed."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.kernel.settings import Settings
from tests.bots.slack.running import Desk
from tests.runners.world import World, redis_address, task

ROOT = Path(__file__).parents[3]


def _environment(settings: Settings, **more: str) -> dict[str, str]:
    assert settings.database_url and settings.master_key and settings.slack_bot_token and settings.slack_app_token
    return {
        **os.environ,
        "NOD_TEST": "1",
        "NOD_DATABASE_URL": settings.database_url.get_secret_value(),
        "NOD_REDIS_URL": redis_address(settings),
        "NOD_DATA_DIR": str(settings.data_dir),
        "NOD_MASTER_KEY": settings.master_key.get_secret_value(),
        "NOD_SLACK_BOT_TOKEN": settings.slack_bot_token.get_secret_value(),
        "NOD_SLACK_APP_TOKEN": settings.slack_app_token.get_secret_value(),
        "NOD_SLACK_API_URL": settings.slack_api_url,
        "NOD_LOG_LEVEL": "debug",
        **more,
    }


@contextmanager
def _process(settings: Settings, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A real `python -m bots slack`, ready when this gives it; killed at the end if it still runs."""
    reading, writing = os.pipe()
    with log.open("ab") as output:
        child = subprocess.Popen(
            [sys.executable, "-m", "bots", "slack"], cwd=ROOT, env=_environment(settings, NOD_READY_FD=str(writing)),
            pass_fds=[writing], stdout=output, stderr=output, start_new_session=True,
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


def test_a_tap_that_was_acknowledged_is_carried_out_once_though_its_process_is_killed(
    chosen: Settings, acme, world: World, tmp_path: Path
) -> None:
    log = tmp_path / "slack.log"
    desk = Desk.linked(acme, world)
    suggestion = world.suggest(task())
    with _process(chosen, log) as first:
        tap = desk.person.taps(desk.card(), "Approve")
        tap.acknowledge()
        first.send_signal(signal.SIGKILL)
        first.wait()
    with _process(chosen, log) as second:
        desk.person.dm.wait_for(lambda message: message.from_bot and "Approve" not in message.labels)

        def decided() -> bool:
            with world.work() as work:
                return work.suggestions.get(suggestion.id).status == "approved"

        world.wait_until(decided, 60)
        second.terminate()
        assert second.wait(30) == 0
    with world.work() as work:
        assert len(work.suggestions.approvals(suggestion.id)) == 1
    written = log.read_text()
    assert chosen.slack_bot_token is not None and chosen.slack_app_token is not None
    assert chosen.slack_bot_token.get_secret_value() not in written
    assert chosen.slack_app_token.get_secret_value() not in written


def test_without_tokens_it_says_what_to_set(chosen: Settings) -> None:
    environment = _environment(chosen, NOD_SLACK_APP_TOKEN="", NOD_SLACK_BOT_TOKEN="")
    del environment["NOD_SLACK_APP_TOKEN"], environment["NOD_SLACK_BOT_TOKEN"]
    ended = subprocess.run(
        [sys.executable, "-m", "bots", "slack"], cwd=ROOT, env=environment, capture_output=True, check=False, text=True
    )
    assert ended.returncode == 2
    assert "NOD_SLACK_APP_TOKEN" in ended.stderr


def test_a_token_that_slack_does_not_know_ends_it_with_a_sentence_and_without_the_token(chosen: Settings) -> None:
    for name, token in (("NOD_SLACK_BOT_TOKEN", "xoxb-1-wrong"), ("NOD_SLACK_APP_TOKEN", "xapp-1-wrong")):
        ended = subprocess.run(
            [sys.executable, "-m", "bots", "slack"], cwd=ROOT, env=_environment(chosen, **{name: token}),
            capture_output=True, check=False, text=True, timeout=60,
        )  # fmt: skip
        assert ended.returncode == 1
        assert name in ended.stderr
        assert token not in ended.stderr
