"""`nod tier`: whoever runs the installation sees what a workspace may use, and changes it."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from core.billing.limits import TIERS
from core.kernel.actor import Actor
from core.kernel.settings import Settings
from storage import Storage
from tests.databases import somebody
from tests.storage.arrange import an_agent

Nod = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def mia(storage: Storage) -> Actor:
    return somebody(storage, "mia@example.org")


@pytest.fixture
def nod(settings: Settings, tmp_path: Path) -> Nod:
    """The command, in an installation with tiers unless told otherwise."""
    assert settings.database_url is not None and settings.redis_url is not None and settings.master_key is not None
    environment = {
        **os.environ, "NOD_DATABASE_URL": settings.database_url.get_secret_value(), "NOD_REDIS_URL": settings.redis_url.get_secret_value(),
        "NOD_MASTER_KEY": settings.master_key.get_secret_value(), "NOD_DATA_DIR": str(tmp_path), "NOD_LIMITS": "tiers",
    }  # fmt: skip

    def run(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", "from bots.cli import main; main()", *words]
        return subprocess.run(command, env=environment | more, capture_output=True, text=True, timeout=60, check=False)

    return run


def test_a_tier_is_seen_changed_and_seen_again(nod: Nod, storage: Storage, mia: Actor) -> None:
    an_agent(storage, mia)
    before = nod("tier", "show", "--email", "mia@example.org")
    assert before.returncode == 0 and before.stderr == ""
    assert before.stdout.startswith("mia@example.org: tier free since 20")
    assert "  runs today        0 of 200\n" in before.stdout and "  agents            1 of 5\n" in before.stdout
    assert before.stdout.endswith("  days of history   30\n")
    changed = nod("tier", "set", "family", "--email", "MIA@example.org", "--cycle", "annual")
    assert (changed.returncode, changed.stdout) == (0, "mia@example.org: free → family, annual, from now on.\n")
    after = nod("tier", "show", "--email", "mia@example.org").stdout
    assert "tier family since 20" in after and ", annual." in after and "0 of 4,000" in after
    again = nod("tier", "set", "family", "--email", "mia@example.org", "--cycle", "annual")
    assert again.stdout == "mia@example.org has the tier family (annual) already: nothing was changed.\n"
    with storage.work(mia.workspace_id, mia.user_id) as work:
        assert work.billing.tier() == "family"


def test_a_smaller_tier_says_what_it_takes_away_and_what_stays(nod: Nod, storage: Storage, mia: Actor) -> None:
    for _ in range(6):
        an_agent(storage, mia)
    nod("tier", "set", "creator", "--email", "mia@example.org")
    less = nod("tier", "set", "free", "--email", "mia@example.org").stdout
    assert "There are more agents than it has room for (6 of 5): they stay." in less
    assert "History older than 30 days is removed within a day; it was kept for 730." in less


def test_where_limits_are_the_owners_it_says_that_tiers_do_not_hold(nod: Nod, mia: Actor) -> None:
    for words in (("show",), ("set", "family")):
        told = nod("tier", *words, "--email", "mia@example.org", NOD_LIMITS="own")
        assert told.returncode == 0 and "NOD_LIMITS=tiers" in told.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("set", "gold"), ("There is no such tier.", *TIERS, "nod tier set personal_pro")),
        (("set", "free", "--cycle", "weekly"), ("monthly or annual", "--cycle annual")),
        (("show", "--email", "nobody@example.org"), ("Nobody has this address.", "nod user add")),
    ],
)
def test_a_mistake_is_said_in_words_and_changes_nothing(
    nod: Nod, mia: Actor, words: tuple[str, ...], said: tuple[str, ...]
) -> None:
    wrong = nod("tier", *words, *(() if "--email" in words else ("--email", "mia@example.org")))
    assert wrong.returncode == 1 and wrong.stdout == ""
    assert len(wrong.stderr.strip().splitlines()) == 3
    assert all(part in wrong.stderr for part in said)
    assert "tier free since" in nod("tier", "show", "--email", "mia@example.org").stdout


def test_help_names_the_commands_with_an_example(nod: Nod) -> None:
    assert "tier" in nod("--help").stdout
    for command in ("show", "set"):
        assert f"Example: nod tier {command}" in nod("tier", command, "--help").stdout
