"""A running product of its own: `nod up` in a new folder, stopped and removed afterwards."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from core.kernel.settings import Settings
from storage import Storage, open_storage
from storage.embedded import find_running


@dataclass(frozen=True)
class Product:
    """Where it is: `address` with the sign-in token, and its storage."""

    address: str
    settings: Settings
    storage: Storage

    def browser(self) -> httpx.Client:
        """A signed-in browser."""
        base = self.address.split("/?", maxsplit=1)[0]
        client = httpx.Client(base_url=base, headers={"Origin": base, "Accept": "application/json"}, timeout=60)
        client.get("/", params={"token": self.address.rsplit("token=", 1)[1]})
        return client


@contextmanager
def running() -> Iterator[Product]:
    """Starts it and waits for its last line. Raises RuntimeError with what it said when it does not start."""
    folder = Path(tempfile.mkdtemp(prefix="nod-bench-"))
    folder.chmod(0o755)
    environment = {**os.environ, "NOD_DATA_DIR": str(folder), "NOD_PORT": "0"}
    process = subprocess.Popen(
        [sys.executable, "-m", "runners", "up"],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        said: list[str] = []
        for line in process.stdout:
            said.append(line)
            if line.startswith("Nod is ready: "):
                break
        else:
            raise RuntimeError("".join(said))
        servers = find_running(folder)
        assert servers is not None
        settings = Settings(
            database_url=servers.database_url, redis_url=servers.redis_url, data_dir=folder, _env_file=None
        )  # type: ignore[call-arg]
        with closing(open_storage(settings)) as storage:
            yield Product(said[-1].split(": ", 1)[1].strip(), settings, storage)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        shutil.rmtree(folder, ignore_errors=True)
