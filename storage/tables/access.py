"""Who may do what to a table, declared beside it: grants of the app role, row-level policies, and what the doors may look at."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql

WORKSPACE = "workspace_id = (SELECT nod.current_workspace())"
MINE = "user_id = (SELECT nod.current_user_id())"
# Cast within, so that it is read once a statement and not for each row; and without, where it changes nothing, or ANY would take the SELECT for rows.
HERE = "workspace_id = ANY ((SELECT current_setting('nod.places', true)::uuid[])::uuid[])"
AT_THE_DOOR = "(SELECT nod.at_the_door())"
# Scalar, so that it is looked up by the key of each row and never by a list of all runs.
RUN_IS_GONE = (
    "(SELECT r.id FROM nod.runs r WHERE r.workspace_id = {table}.workspace_id AND r.id = {table}.run_id) IS NULL"
)
FIXED = frozenset(("id", "workspace_id", "user_id", "created_at"))
declared: dict[str, "Access"] = {}
_quote = postgresql.dialect().identifier_preparer.quote


@dataclass(frozen=True)
class Batched:
    """What the doors of batches may do to a table, in the workspaces that they have verified: which rows, and which columns they may read, write in a new row, and change."""

    rows: str
    read: tuple[str, ...]
    made: tuple[str, ...]
    changed: tuple[str, ...]

    def statements(self, name: str) -> list[str]:
        """The SQL that puts it into force."""
        lines: list[str] = []
        if self.read:
            lines.append(f"CREATE POLICY batches_see ON {name} FOR SELECT TO nod_batches USING ({self.rows})")
        if self.made:
            lines.append(f"CREATE POLICY batches_make ON {name} FOR INSERT TO nod_batches WITH CHECK ({self.rows})")
        if self.changed:
            lines.append(
                f"CREATE POLICY batches_change ON {name} FOR UPDATE TO nod_batches USING ({self.rows}) WITH CHECK ({self.rows})"
            )
        for what, columns in (("SELECT", self.read), ("INSERT", self.made), ("UPDATE", self.changed)):
            if columns:
                lines.append(f"GRANT {what} ({', '.join(map(_quote, columns))}) ON {name} TO nod_batches")
        return lines


@dataclass(frozen=True)
class Access:
    """One table's rules. `seen` and `made` are the conditions of USING and of inserting; `update` lists the columns that may change, `delete` is the condition of
    deleting."""

    table: str
    seen: str
    made: str
    changed: str
    update: tuple[str, ...]
    delete: str | None
    door_columns: tuple[str, ...]
    door_rows: str
    forgets: bool = False
    batched: Batched | None = None

    def statements(self) -> list[str]:
        """The SQL that puts the rules into force on a fresh table."""
        name = f"nod.{self.table}"
        lines = [
            f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY",
            f"ALTER TABLE {name} FORCE ROW LEVEL SECURITY",
            f"GRANT SELECT, INSERT ON {name} TO nod_app",
            f"CREATE POLICY seen ON {name} FOR SELECT TO nod_app USING ({self.seen})",
            f"CREATE POLICY made ON {name} FOR INSERT TO nod_app WITH CHECK ({self.made})",
        ]
        if self.update:
            lines += [
                f"GRANT UPDATE ({', '.join(map(_quote, self.update))}) ON {name} TO nod_app",
                f"CREATE POLICY changed ON {name} FOR UPDATE TO nod_app USING ({self.changed}) WITH CHECK ({self.changed})",
            ]
        if self.delete is not None:
            lines += [
                f"GRANT DELETE ON {name} TO nod_app",
                f"CREATE POLICY ended ON {name} FOR DELETE TO nod_app USING ({self.delete})",
            ]
        if self.door_columns:
            lines += [
                f"GRANT SELECT ({', '.join(map(_quote, self.door_columns))}) ON {name} TO nod_doors",
                f"CREATE POLICY doors ON {name} FOR SELECT TO nod_doors USING ({self.door_rows})",
            ]
        if self.batched is not None:
            lines += self.batched.statements(name)
        if self.forgets:
            lines.append(f"CREATE POLICY forgets ON {name} TO nod_owner USING (true)")
        return lines


def access(
    table: Table,
    *,
    seen: str = WORKSPACE,
    made: str = WORKSPACE,
    changed: str | None = None,
    append_only: bool = False,
    fixed: Sequence[str] = (),
    delete: bool | str = False,
    doors: Sequence[str] = (),
    door_rows: str = "true",
) -> Access:
    """Declares a table's rules. By default: the rows of the current workspace, everything but ids and `created_at` may change, nothing is deleted, and the
    doors see nothing. `delete` may be a further condition of rows that are deleted."""
    update = () if append_only else tuple(c.name for c in table.columns if c.name not in FIXED | set(fixed))
    gone = None if delete is False else (changed or seen) + ("" if delete is True else f" AND {delete}")
    rules = Access(table.name, seen, made, changed or seen, update, gone, tuple(doors), door_rows)
    declared[table.name] = rules
    return rules


def forgets(*tables: str) -> None:
    """Declares tables that `nod.erase_me()`, which runs as the owner, empties of somebody who is forgotten. Nobody else is the owner, and nobody can log in as it."""
    for table in tables:
        declared[table] = replace(declared[table], forgets=True)


def batched(table: str, read: str, *, made: str = "", changed: str = "", rows: str = HERE) -> None:
    """Declares what the doors of batches may do to a table; columns with spaces between."""
    rules = Batched(rows, tuple(read.split()), tuple(made.split()), tuple(changed.split()))
    declared[table] = replace(declared[table], batched=rules)
