"""INSERT statements for a table as it is now: what the benchmark knows of a column it says, what it does not know gets the plainest value of its type."""

from collections.abc import Mapping

import psycopg

COLUMNS = """
SELECT a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull
FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attrelid = to_regclass(%s) AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' AND d.adbin IS NULL
ORDER BY a.attnum"""
EVERY = """
SELECT attname FROM pg_attribute
WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum"""
PLAIN = {
    "text": "''",
    "integer": "0",
    "smallint": "0",
    "bigint": "0",
    "boolean": "false",
    "jsonb": "'{}'",
    "bytea": "'\\x00'",
    "timestamp with time zone": "now()",
    "text[]": "'{}'",
    "uuid[]": "'{}'",
    "uuid": "uuidv7()",
    "date": "current_date",
}


def row(connection: psycopg.Connection, table: str, known: Mapping[str, str]) -> tuple[str, str]:
    """The columns of `nod.<table>` and an SQL expression for each, both joined by commas: `known` where there is such a column, a plain value where
    one is needed."""
    names, values = [], []
    for name, kind, needed in connection.execute(COLUMNS, [f"nod.{table}"]):
        if name in known or needed:
            names.append(f'"{name}"')
            values.append(known.get(name) or PLAIN.get(kind) or ("0" if kind.startswith("numeric") else "NULL"))
    if not names:
        raise LookupError(f"there is no table nod.{table}")
    return ", ".join(names), ", ".join(values)


def insert(connection: psycopg.Connection, table: str, known: Mapping[str, str], source: str = "") -> str:
    """INSERT … SELECT of such a row for each of `source` (a FROM clause), or one without."""
    names, values = row(connection, table, known)
    return f"INSERT INTO nod.{table} ({names}) SELECT {values} {source}"


def copies(connection: psycopg.Connection, table: str, changed: Mapping[str, str], source: str) -> str:
    """INSERT … SELECT of copies of rows of `nod.<table>`, called `o` in `source`, with what is `changed`."""
    names = [str(name) for name, *_ in connection.execute(EVERY, [f"nod.{table}"])]
    values = ", ".join(changed.get(name) or f'o."{name}"' for name in names)
    columns = ", ".join(f'"{name}"' for name in names)
    return f"INSERT INTO nod.{table} ({columns}) SELECT {values} {source}"


def exists(connection: psycopg.Connection, table: str) -> bool:
    """Whether there is such a table."""
    found = connection.execute("SELECT to_regclass(%s)", [f"nod.{table}"]).fetchone()
    return bool(found and found[0])
