"""What the API's own description lets one say, said by one tenant about another's things: nothing breaks, nothing of theirs is told, nothing of theirs changes.
`NOD_DEEP=100` tries so many of each; by itself it is a look at each."""

import os
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from core.kernel.settings import Settings
from storage import Storage
from tests.bots.api.test_rest import Connect, address, connect, world
from tests.runners.world import World
from tests.security.tenants import everything_of, poor, rich

__all__ = ["address", "connect", "world"]
EXAMPLES = int(os.environ.get("NOD_DEEP", "1"))


def test_no_request_of_another_tenant_breaks_tells_or_changes_anything(
    world: World, connect: Connect, address: str, storage: Storage, settings: Settings, owner_url: str, tmp_path: Path
) -> None:
    import schemathesis  # Here, for it takes a second that not every worker shall pay.

    ann = rich(world, connect)
    bob = poor(storage, settings, connect, tmp_path)
    before, reached = everything_of(owner_url, ann), 0
    api = schemathesis.openapi.from_url(f"{address}/openapi.json")
    api.config.base_url = address
    for operation in api.get_all_operations():
        reached += _try(operation.ok(), ann.ids, dict(bob.client.headers))
    assert reached > 60
    assert everything_of(owner_url, ann) == before


def _try(operation: object, theirs: list[str], headers: dict[str, str]) -> int:
    asked = 0

    @settings(
        max_examples=EXAMPLES,
        database=None,
        phases=[Phase.generate],
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(), ids=st.lists(st.sampled_from(theirs), min_size=3, max_size=3))  # type: ignore[attr-defined]
    def tried(case: object, ids: list[str]) -> None:
        nonlocal asked
        named = [name for name in case.path_parameters or {} if name.endswith("_id") and name != "template_id"]  # type: ignore[attr-defined]
        for name, id in zip(named, ids, strict=False):
            case.path_parameters[name] = id  # type: ignore[attr-defined,index]
        for name in list(case.query or {}):  # type: ignore[attr-defined]
            if name.endswith("_id"):
                case.query[name] = ids[0]  # type: ignore[attr-defined,index]
        answer = case.call(headers={"Authorization": headers["authorization"]})  # type: ignore[attr-defined]
        asked += 1
        assert answer.status_code < 500, answer.text
        assert not named or answer.status_code >= 400, "another tenant's id was taken for one's own"
        assert not [id for id in theirs if id in answer.text and id not in ids]

    tried()
    return asked
