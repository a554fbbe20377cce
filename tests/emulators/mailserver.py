"""A real IMAP server on loopback: Dovecot where it is installed, else pymap. Run without privileges, stopped by its pid."""

import grp
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
from typing import Literal

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
    """A running server. `port` speaks STARTTLS, `tls_port` (where there is one) TLS; every user has PASSWORD. `sent` is the
    folder for sent mail, `kind` which program it is; `users` whether any name is a user, with a mailbox of its own;
    `files` where its mails are."""

    kind: Literal["dovecot", "pymap"]
    port: int
    tls_port: int | None
    sent: str
    users: bool
    pid: int
    authority: Authority
    files: Path

    def client(self, user: str) -> imaplib.IMAP4:
        """A second client, to look and to change things from outside."""
        client = imaplib.IMAP4("localhost", self.port)
        client.starttls(self.authority.client_context())
        client.login(user, PASSWORD)
        return client


def dovecot() -> str | None:
    """Where Dovecot is, if it is installed."""
    return shutil.which("dovecot", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


@contextmanager
def mail_server(authority: Authority) -> Iterator[MailServer]:
    """Starts one, and stops it in the end."""
    program = dovecot()
    with _dovecot(program, authority) if program else _pymap(authority) as server:
        yield server


def free_port() -> int:
    """A port on loopback that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def _dovecot(program: str, authority: Authority) -> Iterator[MailServer]:
    # Not in pytest's folder: Dovecot's sockets need a short path, and its user a way to them.
    folder = Path(tempfile.mkdtemp(prefix="nod-dovecot-"))
    port, tls_port = free_port(), free_port()
    root = os.geteuid() == 0
    user = pwd.getpwnam("nobody") if root else pwd.getpwuid(os.geteuid())
    group = grp.getgrgid(user.pw_gid).gr_name
    key, certificate = folder / "key.pem", folder / "cert.pem"
    shutil.copy(authority.key, key)
    shutil.copy(authority.certificate, certificate)
    config = folder / "dovecot.conf"
    config.write_text(
        _CONFIG.format(
            folder=folder,
            user=user.pw_name,
            group=group,
            certificate=certificate,
            key=key,
            port=port,
            tls_port=tls_port,
            password=PASSWORD,
        )
    )
    (folder / "mail").mkdir()
    (folder / "home").mkdir()
    if root:
        for path in (folder, *folder.iterdir()):
            os.chown(path, user.pw_uid, user.pw_gid)
    process = subprocess.Popen(
        [program, "-F", "-c", str(config)],
        stderr=subprocess.PIPE,
        user=user.pw_uid if root else None,
        group=user.pw_gid if root else None,
        extra_groups=[] if root else None,
    )
    try:
        _wait(process, port, folder / "log")
        yield MailServer("dovecot", port, tls_port, "Gesendet", True, process.pid, authority, folder / "mail")
    finally:
        _stop(process)
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _pymap(authority: Authority) -> Iterator[MailServer]:
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="nod-pymap-") as folder:
        log = Path(folder) / "log"
        tls = ["--cert", str(authority.certificate), "--key", str(authority.key)]
        listen = ["--host", "127.0.0.1", "--port", str(port), "--no-service", "admin", "--no-service", "managesieve"]
        user = ["dict", "--demo-user", USER, "--demo-password", PASSWORD]
        process = subprocess.Popen(
            [str(Path(sys.executable).with_name("pymap")), *tls, *listen, *user],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        try:
            _wait(process, port, log)
            server = MailServer("pymap", port, None, "Sent", False, process.pid, authority, Path(folder))
            client = server.client(USER)
            client.create("Sent")
            client.logout()
            yield server
        finally:
            _stop(process)


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
