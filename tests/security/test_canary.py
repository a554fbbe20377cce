"""Secrets that are known beforehand go in by every door, and come out nowhere: not in dumps, logs, errors, exports, backups or Redis (promise 24)."""

import base64
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis

from core.connectors.connect import connect
from core.identity.prove import make_key, open_session
from core.kernel.settings import Settings
from storage import Storage
from storage.backup import take_backup
from storage.tables import metadata
from tests.bots.api.test_rest import address
from tests.bots.api.test_rest import connect as connect_rest
from tests.databases import MASTER_KEY
from tests.runners.world import World, mail, make_world, process, redis_address

__all__ = ["address", "connect_rest"]
CANARY = "canary-hunter2-0f9e8d7c6b5a"


@pytest.fixture
def world(storage: Storage, settings: Settings, tmp_path: Path) -> World:
    return make_world(storage, settings, tmp_path)


def _everywhere(value: str) -> list[bytes]:
    """A secret as it is, in hexadecimal, and in base64 (without its ends, which depend on what is around)."""
    raw = value.encode()
    return [raw, raw.hex().encode(), base64.b64encode(raw)[:-4]]


def test_what_is_secret_is_nowhere_in_the_clear(
    world: World, connect_rest: Any, owner_url: str, tmp_path: Path
) -> None:
    secrets = {
        "password": f"{CANARY}-password",
        "webhook": f"whsec_{base64.b64encode(f'{CANARY}-webhook'.encode()).decode()}",
    }
    client = connect_rest()
    login = {"email": "me@example.org", "username": "me", "password": secrets["password"], "imap_host": "h.example", "smtp_host": "h.example"}  # fmt: skip
    texts = [client.post("/v1/connections", json={"integration": "imap", "config": login}).text]
    texts.append(
        client.post(
            "/v1/connections", json={"integration": "imap", "config": {**login, "imap_port": secrets["password"]}}
        ).text
    )
    agent = client.post("/v1/agents", json={"template": "inbox"}).json()["id"]
    texts.append(
        client.post("/v1/triggers", json={"type": "webhook", "agent_id": agent, "secret": secrets["webhook"]}).text
    )
    with world.work() as work:
        _, key = make_key(work, world.actor, "canary", ["read"])
        session = open_session(work, world.actor.user_id)
        connection = connect(
            work,
            world.actor,
            "http",
            "",
            {"hosts": "h.example", "header": "Authorization", "secret": f"{CANARY}-header"},
        )
        work.commit()
    secrets |= {"key": key.split("_", 2)[2], "session": session, "header": f"{CANARY}-header", "master": MASTER_KEY}
    world.storage.installations.save("T1", "", {"bot_token": f"xoxb-{CANARY}"})
    secrets["slack"] = f"xoxb-{CANARY}"
    world.approve(world.suggest(mail()))
    with process(
        world.settings,
        NOD_TELEGRAM_TOKEN=f"4711:{CANARY}-telegram",
        OPENAI_API_KEY=f"sk-{CANARY}",
        NOD_LOG_LEVEL="debug",
    ):
        run = client.post(f"/v1/agents/{agent}/runs").json()["id"]
        world.wait_until(lambda: client.get(f"/v1/runs/{run}").json()["status"] in ("succeeded", "failed"))
    texts += [
        client.get(path).text
        for path in ("/v1/export", "/v1/connections", "/v1/triggers", "/v1/agents", f"/v1/runs/{run}/steps")
    ]
    secrets |= {"telegram": f"{CANARY}-telegram", "model": f"sk-{CANARY}"}
    texts += [repr(world.settings), repr(world.storage.__dict__), repr(connection)]
    file = tmp_path / "backup.tar"
    take_backup(world.settings, file)
    where = {
        "the database": _dump(owner_url), "logs": b"".join(path.read_bytes() for path in world.settings.data_dir.glob("*.log")),
        "answers and words about itself": "\n".join(texts).encode(), "the backup": b"".join(_members(file)), "Redis": _redis(world.settings),
    }  # fmt: skip
    assert len(where["logs"]) > 100 and len(where["the database"]) > 10_000
    for place, content in where.items():
        for name, secret in secrets.items():
            assert not [form for form in _everywhere(secret) if form in content], f"{name} stands in {place}"


def _dump(owner_url: str) -> bytes:
    out = bytearray()
    with psycopg.connect(owner_url) as owner:
        for table in metadata.tables.values():
            for form in ("binary", "text"):
                with owner.cursor().copy(f"COPY (SELECT * FROM nod.{table.name}) TO STDOUT (FORMAT {form})") as rows:  # type: ignore[arg-type]
                    for row in rows:
                        out += row
    return bytes(out)


def _members(file: Path) -> Iterator[bytes]:
    with tarfile.open(file) as tar:
        for member in tar:
            part = tar.extractfile(member)
            assert part is not None
            yield part.read()


def _redis(settings: Settings) -> bytes:
    with redis.Redis.from_url(redis_address(settings)) as client:
        return b"".join(client.dump(key) or b"" for key in client.scan_iter())  # type: ignore[union-attr, operator]
