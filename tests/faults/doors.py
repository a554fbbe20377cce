"""The doors of one platform as processes that may be killed, and the time that passes while none of them runs."""

import signal
import socket
import time
from contextlib import closing
from pathlib import Path

from tests.faults import join
from tests.faults.system import System
from tests.runners.forked import Forked
from tests.runners.world import launch

POINTS = ("before_send", "after_send", "after_shown", "after_intake", "input_committed", "arrival_handled")
"""Where one may die: around a delivery, and between taking in what somebody did and having it behind."""
LEASES_END = (
    "UPDATE nod.deliveries SET lease_until = now() WHERE lease_until > now()",
    "UPDATE nod.inbound_events SET lease_until = now() WHERE lease_until > now()",
)
BEGUN = "SELECT pid FROM pg_stat_activity WHERE state = 'idle in transaction' AND usename = 'nod_app'"
END_BEGUN = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE state = 'idle in transaction' AND usename = 'nod_app' AND state_change < clock_timestamp() - interval '1 s'"""
AN_HOUR_AGO = """
UPDATE nod.deliveries SET first_shown_at = first_shown_at - interval '1 hour' WHERE id IN (
    SELECT id FROM nod.deliveries WHERE first_shown_at > now() - interval '1 hour' ORDER BY id FOR UPDATE SKIP LOCKED)"""


class Doors:
    """Processes of the kind `telegram`, `slack` or `web`. `environment` is what they are given besides; `died_at` is when they did, `stood_still_at` when they stopped or went on (`time.monotonic()` seconds, maybe a little late)."""

    def __init__(self, system: System, kind: str, environment: dict[str, str]) -> None:
        self._system, self._kind, self.environment = system, kind, environment
        self.died_at: list[float] = []
        self.stood_still_at: list[float] = []

    def start(self, number: int = 0, fault: str | None = None) -> Forked:
        """One in the place of that number, which must be free; with a fault, maybe dead already."""
        more = {"NOD_TESTS_JOIN": join.__name__} | self.environment | ({"NOD_FAULT": fault} if fault else {})
        child, ready = launch(self._system.settings, self._kind, **more)
        assert ready or fault, f"{self._kind} {number} did not start: see {self._system.folder}"
        self._system.running[f"{self._kind} {number}"] = child
        return child

    def died(self, number: int = 0) -> bool:
        """Whether it is dead; its place is free then."""
        if not self._system.ended(f"{self._kind} {number}"):
            return False
        self.died_at.append(time.monotonic())
        return True

    def kill(self, number: int = 0) -> None:
        """SIGKILL, whatever it does."""
        self._system.kill(f"{self._kind} {number}")
        self.died_at.append(time.monotonic())

    def stop_here(self, number: int = 0) -> None:
        """Waits until it stands still (the fault `stop`)."""
        child = self._system.running[f"{self._kind} {number}"]
        self._system.wait(lambda: _stopped(child.pid), 60, "the stop")
        self.stood_still_at.append(time.monotonic())

    def goes_on(self, number: int = 0) -> None:
        """After a stop."""
        self._system.running[f"{self._kind} {number}"].send_signal(signal.SIGCONT)
        self.stood_still_at.append(time.monotonic())

    def time_passes(self) -> None:
        """As if those that died or stand still had done so a minute ago: what they held is free, also what PostgreSQL lets nobody hold for longer
        (idle_in_transaction_session_timeout). No other door may be at work."""
        with self._system.owner() as owner:
            self._system.wait(
                lambda: not owner.execute(BEGUN).fetchall() or owner.execute(END_BEGUN).fetchall(), 60, "rest"
            )
            for one in LEASES_END:
                owner.execute(one.encode())
        with closing(self._system.broker()) as broker:
            for key in broker.keys("nod:turn:*"):
                broker.delete(key)


class Web(Doors):
    """The web process of platforms that call us, at an address of its own."""

    def __init__(self, system: System, environment: dict[str, str]) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        super().__init__(system, "web", environment | {"NOD_PORT": str(port)})
        self.url = f"http://127.0.0.1:{port}"


def an_hour_passes(system: System) -> None:
    """For what was shown: an agent's cards of the last hour are counted, and the next ones would come in a digest."""
    with system.owner() as owner:
        owner.execute(AN_HOUR_AGO)


def _stopped(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
