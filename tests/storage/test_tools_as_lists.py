"""What people typed one name a line before v0023 is a list of ticks afterwards."""

from typing import Any

import psycopg
import pytest

from core.connectors.models import Connection
from core.kernel.ids import new_id
from storage import Storage
from storage.migrations.versions.v0023_tools import LISTED
from tests.databases import somebody


@pytest.mark.parametrize(
    ("before", "after"),
    [("look\r\n  find it \n\nlook\n", ["find it", "look"]), ("", []), (["kept"], ["kept"]), (None, None)],
)
def test_names_one_a_line_become_a_list(storage: Storage, owner_url: str, before: Any, after: Any) -> None:
    actor = somebody(storage)
    config = {"url": "https://notes.example/mcp"} | ({} if before is None else {"read_tools": before})
    with storage.work(actor.workspace_id, actor.user_id) as work:
        made = Connection(new_id(), actor.workspace_id, actor.user_id, "mcp", "Notes", config, work.now)
        work.connections.add(made)
        work.commit()
    with psycopg.connect(owner_url) as owner:
        owner.execute("ALTER TABLE nod.connections NO FORCE ROW LEVEL SECURITY")
        owner.execute(LISTED)
        owner.execute("ALTER TABLE nod.connections FORCE ROW LEVEL SECURITY")
    with storage.work(actor.workspace_id, actor.user_id) as work:
        assert work.connections.get(made.id).config.get("read_tools") == after
