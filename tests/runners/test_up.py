"""`nod up` as a person starts it: what it refuses, what it says, and that nothing stays behind."""

import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from urllib.parse import urljoin

import httpx
import psutil
import pytest
from pydantic import SecretStr

from core.kernel.settings import Settings
from runners.up import _specs, _Wish
from storage.embedded import EmbeddedServers
from storage.embedded.process import working_in

ROOT = Path(__file__).parent.parent.parent
PATIENCE = 60.0


def start(data: Path, *options: str, **environment: str) -> subprocess.Popen[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("NOD_")}
    return subprocess.Popen(
        [sys.executable, "-m", "runners", "up", "--data", str(data), *options],
        cwd=ROOT,
        env=clean | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def refusal(data: Path, *options: str, **environment: str) -> str:
    """Everything that a start said on stderr which must fail."""
    process = start(data, *options, **environment)
    said, complained = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1, said
    assert "Traceback" not in complained
    assert "Why:" in complained
    assert "What to do:" in complained
    return complained


def servers_of(data: Path) -> list[psutil.Process]:
    return working_in(data / "postgres" / "data", "postgres") + working_in(data / "valkey", "valkey-server")


def test_a_taken_port_is_said_before_anything_is_started(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        words = refusal(tmp_path / "data", "--port", str(port))
    assert f"127.0.0.1:{port}" in words
    assert "--port" in words
    assert not (tmp_path / "data" / "postgres").exists()


def test_a_second_supervisor_on_the_same_data_and_port_is_told_that_nod_runs_already(tmp_path: Path) -> None:
    first = EmbeddedServers(tmp_path / "data")
    first.claim()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        words = refusal(tmp_path / "data", "--port", str(taken.getsockname()[1]))
    assert f"Process {os.getpid()} holds the folder" in words
    first.stop()


def test_one_own_server_without_the_other_is_refused(tmp_path: Path) -> None:
    words = refusal(tmp_path / "data", "--port", "0", NOD_REDIS_URL="redis://127.0.0.1:1/0")
    assert "NOD_DATABASE_URL is not set" in words


def test_a_malformed_setting_is_named(tmp_path: Path) -> None:
    assert "NOD_WORKER_THREADS" in refusal(tmp_path / "data", NOD_WORKER_THREADS="many")


def test_a_database_that_does_not_answer_ends_the_start(tmp_path: Path) -> None:
    words = refusal(
        tmp_path / "data",
        "--port=0",
        NOD_REDIS_URL="redis://127.0.0.1:1/0",
        NOD_DATABASE_URL="postgresql://nod:hidden-word@127.0.0.1:1/nod",
    )
    assert "schema" in words
    assert "Connection refused" in words
    assert "hidden-word" not in words


def test_no_secret_is_on_a_command_line() -> None:
    chosen = Settings(telegram_token=SecretStr("77:telegram-word"), slack_signing_secret=SecretStr("s"), workers=2)
    shared = {"NOD_DATABASE_URL": "postgresql://postgres:database-word@/nod"}
    specs = _specs(chosen, shared, "sign-in-word")
    assert [spec.name for spec in specs] == ["web", "worker-1", "worker-2", "scheduler", "telegram", "slack"]
    assert not any("word" in part for spec in specs for part in spec.command)
    assert "word" not in repr(specs)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_during_the_start_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    process = start(tmp_path / "data", "--port", "0")
    assert process.stdout is not None
    assert process.stdout.readline().startswith("PostgreSQL is ready")
    process.send_signal(number)
    process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert servers_of(tmp_path / "data") == []


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_signal_whose_exception_is_lost_is_obeyed_at_the_next_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runners.up._hear_no_more", lambda: None)
    wish = _Wish()
    wish.obey()

    class Losing:
        def __del__(self) -> None:
            wish.hear()

    Losing()
    with pytest.raises(KeyboardInterrupt):
        wish.obey()


def ready_address(process: subprocess.Popen[str]) -> str:
    """Waits for the last line of a start."""
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if line.startswith("Nod is ready: "):
            return line.removeprefix("Nod is ready: ").strip()
    raise AssertionError("".join(said) + (process.stderr.read() if process.stderr else ""))


def test_the_product_starts_survives_kill_9_of_all_its_processes_and_stops_clean(tmp_path: Path) -> None:
    data = tmp_path / "data"
    first = start(data, "--port", "0")
    address = ready_address(first)
    assert httpx.get(address, follow_redirects=True).status_code == 200
    everything = [psutil.Process(first.pid), *psutil.Process(first.pid).children(recursive=True)]
    names = {process.name() for process in everything}
    assert {"postgres", "valkey-server"} <= names
    for process in everything:
        with suppress(psutil.NoSuchProcess):  # a server's child that ended by itself
            process.kill()
    first.communicate(timeout=PATIENCE)
    psutil.wait_procs(everything, PATIENCE)

    second = start(data, "--port", "0")
    again = ready_address(second)
    assert httpx.get(urljoin(again, "/readyz")).status_code == 200
    assert again != address
    everything = psutil.Process(second.pid).children(recursive=True)
    second.terminate()
    second.communicate(timeout=PATIENCE)
    assert second.returncode == 0
    _gone, left = psutil.wait_procs(everything, PATIENCE)
    assert left == []
    assert servers_of(data) == []
