"""A backup of a running system, put back into an empty one: everything is there, and nothing is done twice that happened between the backup and the loss."""

import io
import json
import shutil
import tarfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pydantic import SecretStr

from core.approvals.models import ActionExecution
from core.identity.prove import by_session, open_session
from core.identity.register import add_link
from core.kernel.errors import Failure
from core.kernel.ids import new_id
from core.kernel.settings import Settings
from core.messaging.models import Delivery
from core.workflows.models import Trigger
from storage import Storage, open_storage
from storage.archive import BackupProblem, verified
from storage.backup import take_backup
from storage.migrate import at_head
from storage.restore import restore_backup
from tests.databases import make_settings
from tests.runners.world import World, event, mail, make_world, process, task
from tests.storage.test_sealing import OTHER_KEY

UNDER_WAY = ("mail", "event", "task", "held", "claimed", "sending")


@pytest.fixture
def world(storage: Storage, settings: Settings, tmp_path: Path) -> World:
    return make_world(storage, settings, tmp_path)


@pytest.fixture
def empty(fresh_database: str, settings: Settings, tmp_path: Path) -> Settings:
    """Settings of a system that does not exist yet."""
    assert settings.redis_url is not None
    return make_settings(fresh_database, tmp_path / "restored", settings.redis_url.get_secret_value())


@pytest.fixture
def again(empty: Settings, world: World) -> Iterator[Callable[[], World]]:
    """The same world in the restored system, once there is one."""
    opened: list[Storage] = []

    def look() -> World:
        opened.append(open_storage(empty))
        return World(opened[0], empty, world.actor, world.agent_id, world.version_id, world.tools, world.maildir)

    yield look
    for storage in opened:
        storage.close()


def _fill(world: World) -> dict[str, Any]:
    """Everything that is under way at the moment of the backup."""
    made = {name: world.suggest(proposal) for name, proposal in (("mail", mail()), ("event", event()), ("task", task()), ("other", mail("Re: Later")))}  # fmt: skip
    for name in ("mail", "event", "task"):
        world.approve(made[name])
    for name, undo_seconds in (("held", 600), ("claimed", None), ("sending", None)):
        made[name] = world.suggest(mail(f"Re: {name}"))
        execution = world.approve(made[name], undo_seconds)
        if undo_seconds is None:
            _is_taken(world, execution, name)
    with world.work() as work:
        link = add_link(work, world.actor.user_id, "telegram", "4711", "4711")
        delivery = Delivery(new_id(), world.actor.workspace_id, world.actor.user_id, link.id, "telegram", "suggestion", made["other"].id, work.now, work.now)  # fmt: skip
        work.messages.deliver(delivery)
        trigger = Trigger(
            new_id(), world.actor.workspace_id, world.actor.user_id, "schedule", work.now, agent_id=world.agent_id, cron="0 8 * * *",
            next_fire_at=work.now - timedelta(hours=3),
        )  # fmt: skip
        work.triggers.add(trigger)
        secret = open_session(work, world.actor.user_id)
        work.commit()
    digest = world.storage.blobs(world.actor.workspace_id, world.actor.user_id).put(b"a body")
    inbound = world.storage.inbox.store("telegram", "17", {"update_id": 17})
    (world.settings.data_dir / "master.key").write_text("not for the backup")
    return {
        **made,
        "delivery": delivery.id,
        "trigger": trigger.id,
        "session": secret,
        "blob": digest,
        "inbound": inbound,
    }


def _is_taken(world: World, execution: ActionExecution, status: str) -> None:
    """A worker has it in hand, or is past its last gate."""
    with world.work() as work:
        taken = work.executions.claim(execution.id, 600)
        assert taken is not None
        if status == "sending":
            assert work.executions.move(taken.id, taken.fence, "claimed", "sending", lease_seconds=600)
        work.commit()


def _sent(world: World) -> list[Path]:
    return list((world.maildir / ".Sent").glob("*/*"))


def test_a_restored_system_has_everything_and_does_nothing_twice(
    world: World, empty: Settings, again: Callable[[], World], tmp_path: Path
) -> None:
    made = _fill(world)
    file = tmp_path / "backup.tar"
    taken = take_backup(world.settings, file)
    assert taken.files >= 1 and oct(file.stat().st_mode & 0o777) == "0o600"
    with process(world.settings):
        world.wait_until(lambda: world.execution(made["mail"]).status == "succeeded")
        world.wait_until(lambda: world.execution(made["task"]).status == "succeeded")
    assert len(_sent(world)) == 1, "it was done after the backup, and before the loss"

    restored = restore_backup(empty, file)
    aside = restored.aside
    assert (aside.executions, aside.events, aside.deliveries, aside.schedules, aside.sessions) == (6, 1, 1, 1, 1)
    assert at_head(empty)
    assert not (empty.data_dir / "master.key").exists()
    world = again()
    with world.work() as work:
        assert {work.executions.of(made[name].id).status for name in UNDER_WAY} == {"unknown"}
        assert work.suggestions.get(made["other"].id).status == "pending"
        assert work.triggers.get(made["trigger"]).next_fire_at > work.now
        assert work.connections.get(world.tools["mail"]).config["folder"] == str(world.maildir)
    assert world.storage.blobs(world.actor.workspace_id, world.actor.user_id).get(made["blob"]) == b"a body"
    assert world.storage.due.due("deliveries", 10, "telegram") == []
    assert world.storage.inbox.claim("telegram", 10, 10) == []
    with pytest.raises(Failure):
        by_session(world.storage.directory, made["session"])

    with process(empty):
        found: ActionExecution = world.wait_until(lambda: _ended(world, made["mail"]))
        assert found.status == "succeeded", found.error
        for name in ("event", "held", "claimed", "sending"):
            world.wait_until(lambda name=name: world.execution(made[name]).status == "withdrawn")
    assert len(_sent(world)) == 1, "the look-up found it, and it was not sent again; what is not there is asked anew"
    with world.work() as work:
        assert {work.suggestions.get(made[name].id).status for name in ("held", "claimed", "sending")} == {"pending"}
        assert work.executions.of(made["held"].id).error == {"code": "approvals.restored_absent", "data": {}}
    (aside_event,) = world.storage.inbox.set_aside(10)
    assert (aside_event.id, aside_event.error, aside_event.payload) == (
        made["inbound"],
        "messaging.restored",
        {"update_id": 17},
    )
    assert world.storage.inbox.try_again(aside_event.id) and not world.storage.inbox.try_again(aside_event.id)
    assert [each.id for each in world.storage.inbox.claim("telegram", 10, 10)] == [made["inbound"]]


def test_a_backup_goes_only_where_nothing_is(
    world: World, empty: Settings, again: Callable[[], World], tmp_path: Path
) -> None:
    world.suggest(mail())
    file = tmp_path / "backup.tar"
    take_backup(world.settings, file)
    with pytest.raises(BackupProblem, match="is there already"):
        take_backup(world.settings, file)
    with pytest.raises(BackupProblem, match=r"Nod runs on this database|is not empty"):
        restore_backup(world.settings, file)
    other = empty.model_copy(update={"master_key": SecretStr(OTHER_KEY)})
    with pytest.raises(BackupProblem, match="master key is another one"):
        restore_backup(other, file)
    with pytest.raises(BackupProblem, match="no master key"):
        restore_backup(empty.model_copy(update={"master_key": None}), file)
    restore_backup(empty, file)
    with pytest.raises(BackupProblem, match="is not empty"):
        restore_backup(empty, file)
    assert again().storage.due.due("executions", 10) == []


def test_a_restore_that_was_cut_off_starts_nothing_and_is_begun_anew(
    world: World, empty: Settings, again: Callable[[], World], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = _fill(world)
    file = tmp_path / "backup.tar"
    take_backup(world.settings, file)

    def die(connection: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("storage.restore.set_aside", die)
        with pytest.raises(KeyboardInterrupt):
            restore_backup(empty, file)
    assert not at_head(empty)
    assert restore_backup(empty, file).aside.executions == len(UNDER_WAY)
    with again().work() as work:
        assert work.executions.of(made["mail"].id).status == "unknown"


def test_a_backup_that_is_not_whole_is_refused_and_nothing_is_written(
    world: World, empty: Settings, tmp_path: Path
) -> None:
    world.storage.blobs(world.actor.workspace_id, world.actor.user_id).put(b"a body")
    file, broken = tmp_path / "backup.tar", tmp_path / "broken.tar"
    take_backup(world.settings, file)
    for how in ("cut", "changed", "lost", "outside", "link", "newer", "nothing"):
        shutil.copy(file, broken)
        _damage(broken, how)
        with pytest.raises(BackupProblem):
            restore_backup(empty, broken)
        assert not empty.data_dir.exists() or not list(empty.data_dir.rglob("*")), how
        assert empty.database_url is not None
        with psycopg.connect(empty.database_url.get_secret_value()) as owner:
            assert owner.execute("SELECT to_regclass('nod.users')").fetchone() == (None,), how


def _ended(world: World, suggestion: Any) -> ActionExecution | None:
    execution = world.execution(suggestion)
    return execution if execution.status in ("succeeded", "failed") else None


def _damage(file: Path, how: str) -> None:
    whole = bytearray(file.read_bytes())
    manifest = verified(file)
    if how == "cut":
        file.write_bytes(whole[: len(whole) // 2])
    elif how == "changed":
        whole[whole.index(b"PGDMP") + 2000] ^= 1
        file.write_bytes(whole)
    elif how == "nothing":
        file.write_bytes(b"")
    else:
        parts: list[tuple[tarfile.TarInfo, bytes]] = []
        with tarfile.open(file) as tar:
            for member in tar:
                read = tar.extractfile(member)
                assert read is not None
                parts.append((member, read.read()))
        with tarfile.open(file, "w") as tar:
            for member, content in parts:
                said = content
                if how == "lost" and member.name.startswith("files/"):
                    continue
                if member.name == "manifest.json" and how in ("outside", "link", "newer"):
                    said = _said(tar, manifest, how)
                    member.size = len(said)
                tar.addfile(member, io.BytesIO(said))


def _said(tar: tarfile.TarFile, manifest: dict[str, Any], how: str) -> bytes:
    """A manifest that vouches for what should not be there."""
    if how == "newer":
        manifest["revision"] = "9999"
    else:
        extra = tarfile.TarInfo("files/../../outside" if how == "outside" else "files/link")
        if how == "link":
            extra.type, extra.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(extra, io.BytesIO(b""))
        manifest["sha256"][extra.name] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    return json.dumps(manifest).encode()
