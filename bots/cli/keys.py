"""`nod keys`: which keys seal, and changing them while everything runs."""

import os
from pathlib import Path

from bots import wiring
from bots.cli.told import key_in_variable, still_running
from core.kernel.settings import settings


def show() -> str:
    """Which master keys there are and which of them something in the database still needs."""
    with wiring.administration(), wiring.addressed() as given:
        lines = [f"Master keys, the current one first ({_where()}):"]
        lines += [
            f"  {id}  {'needed' if needed else 'not needed any more'}" for id, needed in wiring.keys_in_use(given)
        ]
    return "\n".join(lines)


def rotate(data_keys: bool) -> str:
    """Makes a new master key the current one and wraps everything with it; with `data_keys` each person gets a further data key instead. Processes that run take it up by
    themselves. Raises Told."""
    chosen = settings()
    with wiring.administration() as storage:
        if data_keys:
            return f"{storage.renew_data_keys()} people have a new data key. What the earlier ones sealed still opens."
        if chosen.master_key is not None:
            raise key_in_variable()
        wiring.put_key_in_front(chosen)
        changed = storage.rewrap()
    return (
        f"The new master key is current, and {changed} keys and secrets are sealed by it.\n"
        f"Back up {_where()} now: what is sealed from here on opens with it alone.\n"
        "The key before stays in the file: processes that run need it, and so does a backup from before.\n"
        "To take it out, stop Nod and run: nod keys retire"
    )


def rewrap() -> str:
    """Wraps with the current master key whatever an older one wrapped."""
    with wiring.administration() as storage:
        changed = storage.rewrap()
    return f"{changed} keys and secrets were sealed anew by the current master key."


def retire() -> str:
    """Takes out every master key but the current one. Raises Told."""
    chosen = settings()
    if chosen.master_key is not None:
        raise key_in_variable()
    if chosen.embedded and wiring.where_embedded(chosen) is not None:
        raise still_running()
    with wiring.administration() as storage:
        storage.rewrap()
    gone = wiring.keep_current_key(chosen)
    with wiring.administration():  # The roles' password and the key of the context hang on the key that is left.
        pass
    return f"{gone} older master keys were taken out of {_where()}. Cards that are open get new buttons with their next change."


def _where() -> Path | str:
    chosen = settings()
    if chosen.master_key is not None:
        return "NOD_MASTER_KEY"
    path = chosen.master_key_file or chosen.data_dir / "master.key"
    return Path(os.path.abspath(path))
