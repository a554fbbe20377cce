"""A consent that was taken back bites at once: in the middle of a reading."""

from pathlib import Path

import pytest

from core.approvals.revoke import take_back
from core.kernel.errors import Forbidden
from core.kernel.settings import Settings
from core.preferences.choose import consent
from runners import wiring
from runners.engine import tools
from storage import Storage
from tests.runners.world import World, make_world


@pytest.fixture
def world(storage: Storage, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(tools, "storage", lambda: storage)
    monkeypatch.setattr(wiring, "settings", lambda: settings)
    return make_world(storage, settings, tmp_path)


def test_a_reading_stops_at_the_next_page_and_goes_on_with_a_new_consent(world: World) -> None:
    with world.work() as work:
        given = tools.access(work, world.tools["mail"])
    with tools.opened(given) as client:
        assert client.read("mail", None, 1) is not None
        with world.work() as work:
            take_back(work, world.actor, "data:mail")
            work.commit()
        with pytest.raises(Forbidden) as refused:
            client.read("mail", None, 1)
        assert refused.value.code == "preferences.consent_missing"
        with world.work() as work:
            consent(work, world.actor, "data:mail")
            work.commit()
        assert client.read("mail", None, 1) is not None
