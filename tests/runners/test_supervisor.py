"""The supervisor with real processes: what dies comes back, what is stopped is gone, and nobody is left behind."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from runners.supervisor import GRACE_SECONDS, LOG_LIMIT, SAME_WISH_SECONDS

ROOT = Path(__file__).parent.parent.parent
PATIENCE = 60.0


class Puppet:
    """A child process at the other end of its life line."""

    def __init__(self, line: socket.socket) -> None:
        line.settimeout(PATIENCE)
        self._line = line
        self._stream = line.makefile("rw")
        hello = self.hear()
        self.name: str = hello["name"]
        self.pid: int = hello["pid"]

    def hear(self) -> dict[str, Any]:
        return json.loads(self._stream.readline())

    def tell(self, order: str) -> None:
        self._stream.write(order + "\n")
        self._stream.flush()

    def announce(self) -> None:
        """Lets it say that it is ready, and waits until it has."""
        self.tell("ready")
        assert self.hear()["announced"]

    def is_gone(self) -> bool:
        """Waits for its end."""
        try:
            return self._stream.readline() == ""
        except ConnectionResetError:
            return True


class Stage:
    """A supervisor process, its words, and the puppets that it starts."""

    def __init__(self, folder: Path) -> None:
        self._exits = ExitStack()
        self._door = self._exits.enter_context(socket.create_server(("127.0.0.1", 0)))
        self._door.settimeout(PATIENCE)
        self._folder = folder

    def __enter__(self) -> "Stage":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        self._exits.close()

    def play(self, *names: str) -> dict[str, Puppet]:
        port = str(self._door.getsockname()[1])
        command = [sys.executable, "-m", "tests.runners.supervised", "supervisor", str(self._folder), port, *names]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        return {puppet.name: puppet for puppet in (self.next_puppet() for _ in names)}

    def next_puppet(self) -> Puppet:
        line, _ = self._door.accept()
        self._exits.enter_context(line)
        return Puppet(line)

    def next_word(self) -> str:
        assert self.process.stdout is not None
        impatience = threading.Timer(PATIENCE, self.process.kill)
        impatience.start()
        try:
            return self.process.stdout.readline().rstrip("\n")
        finally:
            impatience.cancel()

    def rest(self) -> str:
        return self.process.communicate(timeout=PATIENCE)[0]


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with Stage(tmp_path) as stage:
        yield stage


def test_ready_is_said_once_every_needed_process_has_announced_itself(stage: Stage) -> None:
    puppets = stage.play("web", "worker", "extra")
    puppets["web"].announce()
    puppets["worker"].announce()
    assert stage.next_word() == "all ready"
    puppets["web"].tell("exit 1")
    assert stage.next_word().startswith("web ended with exit code 1, starts again now")
    stage.next_puppet().announce()
    nothing_was_said(stage, puppets["extra"])


def test_a_process_that_ended_before_all_were_ready_has_to_announce_itself_again(stage: Stage) -> None:
    puppets = stage.play("web", "worker", "extra")
    puppets["web"].announce()
    puppets["web"].tell("exit 0")
    assert stage.next_word().startswith("web ended with exit code 0")
    again = stage.next_puppet()
    puppets["worker"].announce()
    nothing_was_said(stage, puppets["extra"])
    again.announce()
    assert stage.next_word() == "all ready"


def nothing_was_said(stage: Stage, extra: Puppet) -> None:
    """Two ends of an unneeded process: the supervisor went through a whole round in between, and said nothing else."""
    extra.tell("exit 1")
    assert stage.next_word().startswith("extra ended")
    stage.next_puppet().tell("exit 1")
    assert stage.next_word().startswith("extra ended")


def test_a_killed_process_is_started_again_at_once(stage: Stage) -> None:
    first = stage.play("worker")["worker"]
    os.kill(first.pid, signal.SIGKILL)
    assert stage.next_word().startswith("worker ended by signal 9, starts again now")
    second = stage.next_puppet()
    assert second.name == "worker"
    assert second.pid != first.pid


def test_pauses_between_restarts_grow(stage: Stage) -> None:
    stage.play("web", "extra")["extra"].tell("exit 1")
    assert "starts again now" in stage.next_word()
    stage.next_puppet().tell("exit 1")
    assert "starts again in 1 s" in stage.next_word()
    stage.next_puppet().tell("exit 1")
    assert "starts again in 2 s" in stage.next_word()


def test_a_needed_process_that_never_gets_ready_ends_the_start_with_its_last_words(stage: Stage) -> None:
    puppets = stage.play("web", "worker")
    puppets["web"].tell("exit 4")
    for _ in range(3):
        stage.next_puppet().tell("exit 4")
    words = stage.rest()
    assert stage.process.returncode == 1
    assert "web does not start" in words
    assert "web was told to exit with 4" in words
    assert puppets["worker"].is_gone()


def test_sigterm_ends_every_process_and_what_they_started(stage: Stage) -> None:
    puppets = stage.play("web", "worker")
    puppets["worker"].tell("child")
    grandchild = stage.next_puppet()
    grandchild.tell("deaf")
    grandchild.hear()
    stage.process.terminate()
    assert stage.rest().endswith("stopped\n")
    assert stage.process.returncode == 0
    assert grandchild.is_gone()
    assert all(puppet.is_gone() for puppet in puppets.values())


def test_a_grandchild_does_not_outlive_the_process_that_crashed(stage: Stage) -> None:
    worker = stage.play("worker")["worker"]
    worker.tell("child")
    grandchild = stage.next_puppet()
    os.kill(worker.pid, signal.SIGKILL)
    assert grandchild.is_gone()
    assert stage.next_puppet().name == "worker"


def test_a_second_signal_does_not_wait_for_a_process_that_takes_its_time(stage: Stage) -> None:
    deaf = stage.play("web")["web"]
    deaf.tell("deaf")
    deaf.hear()
    stage.process.send_signal(signal.SIGINT)
    assert stage.next_word() == "Stopping"
    with pytest.raises(subprocess.TimeoutExpired):
        stage.process.wait(SAME_WISH_SECONDS + 0.2)
    stage.process.send_signal(signal.SIGINT)
    assert stage.process.wait(GRACE_SECONDS / 2) == 0
    assert deaf.is_gone()


def test_a_signal_that_arrives_twice_at_once_is_one_wish(stage: Stage) -> None:
    puppets = stage.play("web", "worker")
    for puppet in puppets.values():
        puppet.tell("slow")
        puppet.hear()
    stage.process.terminate()
    assert stage.next_word() == "Stopping"
    stage.process.terminate()
    assert all(puppet.hear()["terminated"] for puppet in puppets.values())
    puppets["web"].tell("finish")
    assert stage.next_word() == "web has stopped"
    puppets["worker"].tell("finish")
    assert puppets["worker"].hear()["finished"]
    assert stage.process.wait(PATIENCE) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children that their parent was killed")
def test_kill_9_of_the_supervisor_leaves_no_process(stage: Stage) -> None:
    puppets = stage.play("web", "worker", "extra")
    stage.process.kill()
    assert all(puppet.is_gone() for puppet in puppets.values())


def test_what_a_process_writes_is_in_a_log_of_its_own(stage: Stage, tmp_path: Path) -> None:
    stage.play("worker")["worker"].tell("exit 3")
    stage.next_puppet()
    assert (tmp_path / "worker.log").read_text() == "worker was told to exit with 3\n"


def test_a_log_that_grew_too_long_is_put_aside(stage: Stage, tmp_path: Path) -> None:
    with (tmp_path / "web.log").open("wb") as log:
        log.truncate(LOG_LIMIT + 1)
    stage.play("web")["web"].announce()
    assert stage.next_word() == "all ready"
    assert (tmp_path / "web.log").stat().st_size == 0
    assert (tmp_path / "web.log.1").stat().st_size == LOG_LIMIT + 1


def test_a_log_that_cannot_be_put_aside_is_emptied_and_everything_goes_on(stage: Stage, tmp_path: Path) -> None:
    with (tmp_path / "web.log").open("wb") as log:
        log.truncate(LOG_LIMIT + 1)
    # As on a full disk: there is no way to write the copy.
    (tmp_path / "web.log.1").mkdir()
    stage.play("web")["web"].announce()
    assert stage.next_word() == "all ready"
    assert (tmp_path / "web.log").stat().st_size == 0
