"""One PostgreSQL and one Valkey for a whole test session, however many xdist workers it has.

The first test that asks starts a host process, which owns the servers and ends with the session, killed or not.
"""

import fcntl
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).parent.parent
SETTINGS = {"max_connections": "400", "synchronous_commit": "off"}
"""Every worker keeps a pool of its own, and its tests start processes with theirs; no test crashes this server."""
_hosts: list[subprocess.Popen[bytes]] = []


@pytest.fixture(scope="session")
def postgres_url() -> str:
    """libpq URI of the superuser on the session's PostgreSQL (fsync off), database `nod`. Make databases of your own in it."""
    return _servers()["database_url"]


@pytest.fixture(scope="session")
def redis_url() -> str:
    """The session's Valkey; each xdist worker has a database number of its own. FLUSHDB is fine, FLUSHALL is not."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    return _servers()["redis_url"].replace("db=0", f"db={int(worker) % 16}")


def _servers() -> dict[str, str]:
    session = os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()
    born = int(psutil.Process(session).create_time())
    folder = Path(tempfile.gettempdir()) / f"nod-tests-{session}-{born}"
    folder.mkdir(mode=0o700, exist_ok=True)
    urls = folder / "urls.json"
    with (folder / "starting").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if not urls.exists():
            _start_host(folder, session)
    return json.loads(urls.read_text("utf-8"))


def _start_host(folder: Path, session: int) -> None:
    command = [sys.executable, "-m", "tests.servers", str(folder), str(session)]
    with (folder / "host.log").open("wb") as log:
        host = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, start_new_session=True
        )
    _hosts.append(host)
    assert host.stdout is not None
    if host.stdout.readline() != b"ready\n":
        raise RuntimeError(f"the test servers did not start: {(folder / 'host.log').read_text()}")


def _host(folder: Path, session: int) -> None:
    from storage.embedded import EmbeddedServers

    try:
        watched = psutil.Process(session)
        with EmbeddedServers(folder / "data", durable=False, postgres=SETTINGS) as servers:
            scratch = folder / "urls.new"
            scratch.write_text(json.dumps({"database_url": servers.database_url, "redis_url": servers.redis_url}))
            scratch.rename(folder / "urls.json")
            print("ready", flush=True)
            sys.stdout.close()
            watched.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    _host(Path(sys.argv[1]), int(sys.argv[2]))
