"""The four roles of the database, made when they are missing: owner of the tables, app role, owner of the doors (docs/adr/0002), and owner of the two through which light runs of several workspaces are claimed and ended (0020)."""

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from storage.addresses import APP_ROLE

PEOPLE = {
    "nod_owner": "NOLOGIN",
    "nod_doors": "NOLOGIN",
    "nod_batches": "NOLOGIN",
    APP_ROLE: "LOGIN",
}
HARMLESS = "NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS NOREPLICATION"
APP_SETTINGS = {
    "search_path": "nod, pg_temp",
    "timezone": "UTC",
    "row_security": "on",
    "jit": "off",
    "statement_timeout": "30s",
    "lock_timeout": "10s",
    "idle_in_transaction_session_timeout": "60s",
}
TAKEN_BY_ANOTHER_START = (
    psycopg.errors.DuplicateObject,
    psycopg.errors.UniqueViolation,
    psycopg.errors.InternalError_,  # "tuple concurrently updated": roles belong to all databases of a server
    psycopg.errors.SerializationFailure,
)


def ensure_roles(connection: psycopg.Connection, password: str) -> None:
    """Makes the roles and the schema, and lets the app role in with `password`. `connection` is in autocommit mode."""
    for role, may in PEOPLE.items():
        if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchone():
            _quietly(connection, f"CREATE ROLE {role} {may} {HARMLESS}")
    superuser = connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone()
    if not (superuser and superuser[0]):
        _quietly(connection, "GRANT nod_owner, nod_doors, nod_batches TO CURRENT_USER")
    _quietly(connection, "GRANT nod_doors, nod_batches TO nod_owner WITH INHERIT FALSE")
    if not _app_role_is_ready(connection, password):
        _set_up_app_role(connection, password)
    database = sql.Identifier(connection.info.dbname)
    _quietly(connection, sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database))
    _quietly(connection, sql.SQL("GRANT CONNECT ON DATABASE {} TO nod_app").format(database))
    _quietly(connection, "REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    _quietly(connection, "CREATE SCHEMA IF NOT EXISTS nod AUTHORIZATION nod_owner")
    _quietly(connection, "GRANT USAGE ON SCHEMA nod TO nod_app, nod_doors, nod_batches")


def _app_role_is_ready(connection: psycopg.Connection, password: str) -> bool:
    """Whether the app role can log in, so that a start changes nothing that is right already."""
    address = make_conninfo(**connection.info.get_parameters() | {"user": APP_ROLE, "password": password})
    try:
        with psycopg.connect(address, autocommit=True) as app:
            known = app.execute("SELECT current_setting('search_path')").fetchone()
            return known is not None and known[0] == APP_SETTINGS["search_path"]
    except psycopg.OperationalError:
        return False


def _set_up_app_role(connection: psycopg.Connection, password: str) -> None:
    # Only the SCRAM verifier (RFC 5803) travels: the server's log may hold statements.
    verifier = connection.pgconn.encrypt_password(password.encode(), APP_ROLE.encode(), b"scram-sha-256").decode()
    _quietly(connection, sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(APP_ROLE), sql.Literal(verifier)))
    for name, setting in APP_SETTINGS.items():
        value = sql.SQL(", ").join(map(sql.Literal, setting.split(", ")))
        _quietly(connection, sql.SQL("ALTER ROLE {} SET {} = {}").format(
            sql.Identifier(APP_ROLE), sql.Identifier(name), value))  # fmt: skip


def _quietly(connection: psycopg.Connection, statement: str | sql.Composed) -> None:
    """Runs it; when another database of the same server does so at this moment, once more."""
    for last in (False, False, False, True):
        try:
            connection.execute(statement)  # pyright: ignore[reportArgumentType, reportCallIssue]
            return
        except TAKEN_BY_ANOTHER_START as clash:
            if isinstance(clash, psycopg.errors.DuplicateObject):
                return
            if last:
                raise
