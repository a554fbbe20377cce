"""What the runners' skills take and give, asked of their own process once (docs/adr/0007)."""

import logging
import subprocess
import sys
from functools import cache

from core.catalog.contracts import Contracts
from core.kernel.errors import Unavailable

PATIENCE = 60.0
log = logging.getLogger(__name__)


@cache
def contracts() -> Contracts:
    """The contracts of all platform skills. The first call takes half a second. Raises Unavailable `catalog.contracts_missing`, and asks anew next time."""
    try:
        asked = subprocess.run(
            [sys.executable, "-m", "runners", "skills"], capture_output=True, check=True, timeout=PATIENCE
        )
        return Contracts.from_json(asked.stdout)
    except (OSError, ValueError, subprocess.SubprocessError) as problem:
        log.exception("contracts.missing")
        raise Unavailable("catalog.contracts_missing") from problem
