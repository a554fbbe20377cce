"""Taking everything along and leaving, over HTTP."""

import io
import json
import threading
import zipfile

import pytest

from core.kernel.settings import Settings
from runners import leaving, wiring
from storage import Storage
from tests.bots.api.test_rest import Connect, _problem, address, connect, world
from tests.databases import somebody
from tests.runners.world import World, mail

__all__ = ["address", "connect", "world"]


def test_an_export_is_asked_for_made_and_fetched_by_its_person_alone(
    connect: Connect, world: World, storage: Storage, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leaving, "storage", lambda: storage)
    monkeypatch.setattr(wiring, "settings", lambda: settings)
    world.suggest(mail())
    client = connect("read")
    asked = client.post("/v1/exports")
    assert asked.status_code == 202 and asked.json()["status"] == "asked"
    export = f"/v1/exports/{asked.json()['id']}"
    assert client.post("/v1/exports").json()["id"] == asked.json()["id"]
    _problem(client.get(f"{export}/file"), 404, "privacy.request_unknown")
    leaving.attend(threading.Event())
    assert client.get(export).json()["status"] == "done"
    file = client.get(f"{export}/file")
    assert file.headers["content-type"] == "application/zip" and file.headers["content-disposition"].startswith(
        "attachment"
    )
    with zipfile.ZipFile(io.BytesIO(file.content)) as archive:
        rows = json.loads(archive.read(f"{world.actor.workspace_id}/suggestions.json"))
    assert len(rows) == 1
    other = connect(of=World(storage, settings, somebody(storage), world.agent_id, world.version_id, {}, world.maildir))
    _problem(other.get(export), 404, "privacy.request_unknown")
    _problem(other.get(f"{export}/file"), 404, "privacy.request_unknown")


def test_an_account_is_deleted_with_its_address_and_its_key_works_no_more(
    connect: Connect, world: World, storage: Storage
) -> None:
    client = connect()
    _problem(client.post("/v1/account/deletion", json={"account": "yes"}), 422, "privacy.confirmation_wrong")
    _problem(
        connect("read", "write").post("/v1/account/deletion", json={"account": "x"}), 403, "identity.scope_missing"
    )
    with world.work() as work:
        account = work.people.user(world.actor.user_id).email
    left = client.post("/v1/account/deletion", json={"account": account}, headers={"Idempotency-Key": "once"})
    assert left.status_code == 200 and len(left.json()["code"]) == 9
    _problem(client.get("/v1/agents"), 401, "identity.key_refused")
    assert storage.directory.by_email(account) is None
