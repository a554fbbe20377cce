"""Every dialog, written once for every door. Importing this registers them all."""

from bots.dialogs import (  # noqa: F401
    agents,
    card,
    catalog,
    connections,
    consents,
    help,
    inbox,
    keys,
    notices,
    questions,
    run_steps,
    runs,
    settings,
    start,
    stop,
    timezone,
    triggers,
    uploads,
    usage,
)
