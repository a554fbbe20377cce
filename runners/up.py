"""`nod up`: embedded servers, schema, every process, one address to open. Everything on one machine, with one Ctrl-C."""

import errno
import http.client
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from pydantic import SecretStr

from core.kernel.settings import Settings
from runners.children import ProcessSpec
from runners.supervisor import STOP_SIGNALS, NeverReady, Supervisor
from storage.embedded import EmbeddedError, EmbeddedServers
from storage.embedded.process import tie_to_parent


class CannotStart(Exception):
    """What happened, why, what to do: three lines for the terminal."""


def up(chosen: Settings) -> int:
    """Run the product until it is told to stop; the exit code. Raises nothing that a person could mend: that is printed."""
    wish = _Wish()
    for number in STOP_SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN:  # nohup
            signal.signal(number, wish.hear)
    try:
        _run(chosen, wish)
    except (EmbeddedError, CannotStart, NeverReady) as problem:
        print(problem, file=sys.stderr, flush=True)  # noqa: T201
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


class _Wish:
    """Whether a person asked to stop. What a signal's handler raises is lost where Python ignores what is raised (the
    hooks of a fork, finalizers), so every stage asks again before it begins."""

    def __init__(self) -> None:
        self.stop = False

    def hear(self, *_: object) -> None:
        self.stop = True
        _hear_no_more()
        raise KeyboardInterrupt

    def obey(self) -> None:
        """Raises KeyboardInterrupt once it was said."""
        if self.stop:
            raise KeyboardInterrupt


def _hear_no_more() -> None:
    """Stopping the servers takes seconds at most, and a second signal must not leave it half done."""
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _run(chosen: Settings, wish: _Wish) -> None:
    began = time.monotonic()
    data = chosen.data_dir.resolve()
    servers = EmbeddedServers(data, report=_say)
    servers.claim()
    try:
        port = _free_port(chosen.host, chosen.port)
        shared = {"NOD_DATA_DIR": str(data), "NOD_HOST": chosen.host, "NOD_PORT": str(port), "PYTHONUNBUFFERED": "1"}
        shared |= _addresses(chosen, servers)
        wish.obey()
        _migrate(shared)
        wish.obey()
        token = secrets.token_urlsafe(24)
        base = (chosen.public_url or f"http://{_in_url(chosen.host)}:{port}").rstrip("/")

        def ready() -> None:
            _say(f"Web, workers and scheduler are ready ({time.monotonic() - began:.1f} s)")
            _say(f"Nod is ready: {base}/?token={token}")

        Supervisor(
            _specs(chosen, shared, token),
            data / "log",
            report=_say,
            probe=lambda: _answers(_reachable_host(chosen.host), port),
            on_ready=ready,
            check=_patiently(servers),
            at_birth=tie_to_parent(signal.SIGKILL),
        ).run()
    finally:
        _hear_no_more()
        servers.stop()


def _addresses(chosen: Settings, servers: EmbeddedServers) -> dict[str, str]:
    """Where the data is: servers of the user's own, or ours, started now."""
    given = {"NOD_DATABASE_URL": _reveal(chosen.database_url), "NOD_REDIS_URL": _reveal(chosen.redis_url)}
    if all(given.values()):
        return {}
    if any(given.values()):
        missing = next(name for name, value in given.items() if not value)
        raise CannotStart(
            f"{missing} is not set.\n  Why: NOD_DATABASE_URL and NOD_REDIS_URL go together.\n"
            "  What to do: set both to use your own servers, or neither to use the embedded ones."
        )
    embedded = servers.start()
    return {"NOD_DATABASE_URL": embedded.database_url, "NOD_REDIS_URL": embedded.redis_url}


def _reveal(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret else None


def _migrate(shared: dict[str, str]) -> None:
    began = time.monotonic()
    log = Path(shared["NOD_DATA_DIR"]) / "log" / "migrate.log"
    with log.open("wb") as output:
        done = subprocess.run(
            [sys.executable, "-m", "storage", "migrate"],
            env={**os.environ, **shared},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            check=False,
            preexec_fn=tie_to_parent(signal.SIGTERM),
        )
    if done.returncode != 0:
        words = [line for line in log.read_text("utf-8", "replace").splitlines() if re.match(r"[\w.]+: ", line)]
        raise CannotStart(
            "The database could not be brought to this version's schema.\n"
            f"  Why: {words[-1] if words else f'exit code {done.returncode}'}\n"
            f"  What to do: see {log} and docs/operations.md, Upgrade. The data is as it was before."
        )
    _say(f"The schema is up to date ({time.monotonic() - began:.1f} s)")


def _specs(chosen: Settings, shared: dict[str, str], token: str) -> list[ProcessSpec]:
    python = [sys.executable, "-m"]
    specs = [
        ProcessSpec("web", [*python, "bots", "web"], {**shared, "NOD_SIGN_IN_TOKEN": token}, announces=False),
        *(
            ProcessSpec(f"worker-{number}", [*python, "runners", "worker"], shared)
            for number in range(1, chosen.workers + 1)
        ),
        ProcessSpec("scheduler", [*python, "runners", "scheduler"], shared),
    ]
    if chosen.telegram_token:
        specs.append(ProcessSpec("telegram", [*python, "bots", "telegram"], shared, needed=False))
    if (chosen.slack_app_token and chosen.slack_bot_token) or chosen.slack_signing_secret:
        specs.append(ProcessSpec("slack", [*python, "bots", "slack"], shared, needed=False))
    return specs


def _free_port(host: str, port: int) -> int:
    """`port`, or for 0 one that is free now. Raises CannotStart when nobody can listen there."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            return probe.getsockname()[1]
    except OSError as refused:
        remedy = "set NOD_HOST and NOD_PORT to an address of this machine."
        if refused.errno == errno.EADDRINUSE:
            remedy = (
                "stop the program that listens there, or choose another port: `nod up --port 8090`, or NOD_PORT=8090."
            )
        raise CannotStart(
            f"Nod cannot listen on {host}:{port}.\n  Why: {refused.strerror}.\n  What to do: {remedy}"
        ) from None


def _reachable_host(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)  # noqa: S104


def _in_url(host: str) -> str:
    reachable = _reachable_host(host)
    return f"[{reachable}]" if ":" in reachable else reachable


def _answers(host: str, port: int) -> bool:
    connection = http.client.HTTPConnection(host, port, timeout=2)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _patiently(servers: EmbeddedServers) -> Callable[[], None]:
    """A check that reports a server that does not come back, and tries again."""
    last = ""

    def check() -> None:
        nonlocal last
        try:
            servers.check()
            last = ""
        except (EmbeddedError, OSError) as problem:  # OSError: the disk is full
            if str(problem) != last:
                _say(str(problem))
            last = str(problem)

    return check


def _say(line: str) -> None:
    with suppress(OSError):  # Whoever read us may be gone; the product goes on.
        print(line, flush=True)  # noqa: T201
