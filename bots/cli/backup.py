"""`nod backup` and `nod restore`: a file of everything but the master key, and back from it without doing anything twice."""

from pathlib import Path

from bots import wiring
from bots.cli.told import still_running
from core.kernel.settings import settings
from core.messaging.post import notify


def take(path: Path) -> str:
    """Writes a backup; says what is in it and what is not. Raises BackupProblem."""
    with wiring.addressed() as given:
        taken = wiring.take_backup(given, path.absolute())
    return (
        f"{taken.path}: {taken.bytes / 1_000_000:.1f} MB, the database and {taken.files} files, as of {taken.taken_at:%Y-%m-%d %H:%M:%S} UTC.\n"
        f"The master key is not in it: keep {_key()} in another place. Without it nothing in the backup opens.\n"
        "What stands in it in the clear is private all the same (docs/security.md): keep it where only you can read it."
    )


def put_back(path: Path) -> str:
    """Restores a backup into an empty system, and tells everybody; says what was set aside. Raises BackupProblem, Told."""
    chosen = settings()
    if chosen.embedded and wiring.where_embedded(chosen) is not None:
        raise still_running()
    with wiring.addressed() as given:
        restored = wiring.restore_backup(given, path.absolute())
        with wiring.administration() as storage:
            for known in wiring.everybody(given):
                with storage.work(known.workspace_id, known.user_id) as work:
                    notify(work, known.user_id, "restored.notice", {"at": restored.taken_at.isoformat()})
                    work.commit()
    aside = restored.aside
    return (
        f"Restored as of {restored.taken_at:%Y-%m-%d %H:%M:%S} UTC. Nothing that may have happened since is done again:\n"
        f"  {aside.executions} approved actions are looked up, and where that tells nothing the person is asked\n"
        f"  {aside.events} events from platforms are set aside: nod events list\n"
        f"  {aside.deliveries} messages that may have been sent are not sent\n"
        f"  {aside.schedules} schedules that were due go on at their next time\n"
        f"  {aside.sessions} sign-ins at the page have ended\n"
        "What was revoked, erased or paused after that moment is as it was before: API keys, connections, accounts. See docs/operations.md, Restore."
    )


def _key() -> str:
    chosen = settings()
    if chosen.master_key is not None:
        return "NOD_MASTER_KEY"
    return str((chosen.master_key_file or chosen.data_dir / "master.key").absolute())
