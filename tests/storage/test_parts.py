"""Large tables are kept in one part a month; parts are made ahead, once, by anybody, and rows find theirs by the time in their id."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg

from storage import Storage
from storage.tables import metadata
from tests.databases import somebody
from tests.storage.arrange import a_run

BIG = sorted(t.name for t in metadata.tables.values() if t.dialect_options["postgresql"]["partition_by"])


def test_history_is_what_is_kept_in_parts() -> None:
    assert BIG == ["events", "messages", "run_steps", "runs", "usage_ledger"]


def test_parts_of_coming_months_are_made_once_however_many_ask(storage: Storage, owner_url: str) -> None:
    before = _parts(owner_url)
    with ThreadPoolExecutor(6) as several:
        made = list(several.map(lambda _: storage.make_parts(4), range(6)))
    assert sorted(made)[:-1] == [0] * 5
    assert max(made) == len(_parts(owner_url)) - len(before)
    assert storage.make_parts(4) == 0
    now = datetime.now(UTC)
    last = now.year * 12 + now.month - 1 + 4
    for table in BIG:
        assert f"{table}_{last // 12:04}_{last % 12 + 1:02}" in _parts(owner_url)


def test_a_row_lies_in_the_month_of_its_id_and_nothing_in_the_rest(storage: Storage, owner_url: str) -> None:
    run = a_run(storage, somebody(storage))
    with psycopg.connect(owner_url) as owner:
        where = owner.execute("SELECT tableoid::regclass::text FROM nod.runs WHERE id = %s", (run.id,)).fetchone()
        assert where == (f"nod.runs_{_month(run.id)}",)
        for table in BIG:
            assert owner.execute(f"SELECT count(*) FROM nod.{table}_rest").fetchone() == (0,)  # type: ignore[arg-type]


def test_looking_a_run_up_by_its_id_reads_one_part(storage: Storage, owner_url: str) -> None:
    run = a_run(storage, somebody(storage))
    with psycopg.connect(owner_url) as owner:
        plan: Any = owner.execute(f"EXPLAIN (FORMAT JSON) SELECT * FROM nod.runs WHERE id = '{run.id}'").fetchone()  # type: ignore[arg-type]
    assert "Append" not in str(plan)
    assert _month(run.id) in str(plan)


def _month(id: UUID) -> str:
    return datetime.fromtimestamp((id.int >> 80) / 1000, UTC).strftime("%Y_%m")


def _parts(owner_url: str) -> set[str]:
    with psycopg.connect(owner_url) as owner:
        return {
            name for (name,) in owner.execute("SELECT relname FROM pg_class WHERE relispartition AND relkind = 'r'")
        }
