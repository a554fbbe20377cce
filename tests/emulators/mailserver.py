"""A real IMAP server on loopback: Dovecot where it is installed, else pymap. Run without privileges, stopped by its pid."""

import imaplib
import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.emulators.authority import Authority

USER, PASSWORD = "alex@example.org", "correct-horse-battery"

_CONFIG = """
protocols = imap
base_dir = {folder}/run
state_dir = {folder}/run
log_path = {folder}/log
listen = 127.0.0.1
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
ssl = yes
ssl_cert = <{certificate}
ssl_key = <{key}
disable_plaintext_auth = no
auth_mechanisms = plain login
mail_location = maildir:{folder}/mail/%u
mail_home = {folder}/home/%u
first_valid_uid = 1
maildir_stat_dirs = no
mail_fsync = never
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={user} gid={group}
}}
namespace inbox {{
  inbox = yes
  mailbox Gesendet {{
    special_use = \\Sent
    auto = create
  }}
}}
service imap-login {{
  chroot =
  process_min_avail = 1
  service_count = 0
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
service imap {{
  service_count = 0
}}
"""


@dataclass(frozen=True)
class MailServer:
    """A running server. `port` speaks plain text and STARTTLS, `tls_port` TLS; every user has PASSWORD. `sent` is the
    folder that the server calls \\Sent, `kind` which program it is."""

    kind: str
    port: int
    tls_port: int
    sent: str
    pid: int

    def client(self, user: str = USER) -> imaplib.IMAP4:
        """A second client, to look and to change things from outside."""
        client = imaplib.IMAP4("127.0.0.1", self.port)
        client.login(user, PASSWORD)
        return client


@contextmanager
def mail_server(authority: Authority) -> Iterator[MailServer]:
    """Starts one, and stops it in the end."""
    if shutil.which("dovecot", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"):
        with _dovecot(authority) as server:
            yield server
    else:
        with _pymap(authority) as server:
            yield server


def free_port() -> int:
    """A port on loopback that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def _dovecot(authority: Authority) -> Iterator[MailServer]:
    program = shutil.which("dovecot", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin") or ""
    # Not in pytest's folder: Dovecot's sockets need a short path, and its user a way to them.
    folder = Path(tempfile.mkdtemp(prefix="nod-dovecot-"))
    port, tls_port = free_port(), free_port()
    user = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    group = _group_name(user.pw_gid)
    key, certificate = folder / "key.pem", folder / "cert.pem"
    shutil.copy(authority.key, key)
    shutil.copy(authority.certificate, certificate)
    config = folder / "dovecot.conf"
    config.write_text(
        _CONFIG.format(
            folder=folder, user=user.pw_name, group=group, certificate=certificate, key=key, port=port, tls_port=tls_port,
            password=PASSWORD,
        )
    )
    (folder / "mail").mkdir()
    (folder / "home").mkdir()
    if os.geteuid() == 0:
        for path in (folder, *folder.iterdir()):
            os.chown(path, user.pw_uid, user.pw_gid)
    as_user = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if os.geteuid() == 0 else {}
    process = subprocess.Popen([program, "-F", "-c", str(config)], stderr=subprocess.PIPE, **as_user)
    try:
        _wait(process, port, folder / "log")
        yield MailServer("dovecot", port, tls_port, "Gesendet", process.pid)
    finally:
        _stop(process)
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _pymap(authority: Authority) -> Iterator[MailServer]:
    raise NotImplementedError
    yield


def _group_name(gid: int) -> str:
    import grp

    return grp.getgrgid(gid).gr_name


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        if process.poll() is not None:
            said = process.stderr.read().decode() if process.stderr else ""
            raise RuntimeError(f"the mail server ended: {said}{log.read_text() if log.exists() else ''}")
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1) as probe:
                if probe.recv(64).startswith(b"* OK"):
                    return
        except OSError:
            time.sleep(0.02)
    raise RuntimeError("the mail server does not answer")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stderr:
        process.stderr.close()
