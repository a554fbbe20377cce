"""A new connector is a folder: nothing else is touched."""

from pathlib import Path

import pytest

from core.kernel.errors import Invalid
from core.kernel.registry import ManifestBroken
from runners.connectors import Connectors
from tests.contract.connectors.rigs import place

MANIFEST = """
name: Notice board
description: Notes on a board.
tool: notes
auth: none
config:
  type: object
  additionalProperties: false
  required: [board]
  properties:
    board: {type: string, title: Board}
    colour: {type: string, title: Colour, default: yellow}
operations:
  - name: note.pin
    access: write
    effect: keyed
    input_schema: {type: object, required: [text], properties: {text: {type: string}}}
"""

CLIENT = '''
"""Pins notes."""

from contextlib import contextmanager

from core.connectors.ports import Receipt, Report


class Board:
    def __init__(self, config, place):
        self.config, self.place = config, place

    def check(self):
        return Report(self.config["board"], ("write",))

    def perform(self, operation, key, input):
        self.place.folder.mkdir(exist_ok=True)
        (self.place.folder / key).write_text(f"{self.config['colour']}: {input['text']}")
        return Receipt(key)


@contextmanager
def connect(config, secrets, place):
    yield Board(config, place)
'''


def added(folder: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of connectors with one folder in it."""
    one = folder / name / "notice_board"
    one.mkdir(parents=True)
    (one / "manifest.yaml").write_text(MANIFEST)
    (one / "client.py").write_text(CLIENT)
    monkeypatch.syspath_prepend(str(folder))
    return one


def test_a_folder_is_a_connector(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    added(tmp_path, "more_connectors", monkeypatch)
    found = Connectors("more_connectors")
    assert [m.slug for m in found.manifests()] == ["notice_board"]
    assert found.manifest("notice_board").operation("note.pin").effect == "keyed"
    with found.connect("notice_board", {"board": "kitchen"}, {}, place(tmp_path / "own")) as client:
        assert client.check().account == "kitchen"
        client.perform("note.pin", "key-1", {"text": "milk"})
    assert (tmp_path / "own" / "key-1").read_text() == "yellow: milk"
    with pytest.raises(Invalid):
        found.connect("notice_board", {}, {}, place(tmp_path / "own"))


def test_its_code_is_not_loaded_before_it_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = added(tmp_path, "lazy_connectors", monkeypatch)
    (folder / "client.py").write_text("raise RuntimeError('loaded')")
    found = Connectors("lazy_connectors")
    assert len(found.manifests()) == 1
    with pytest.raises(RuntimeError):
        found.connect("notice_board", {"board": "kitchen"}, {}, place(tmp_path))


def test_a_broken_manifest_names_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = added(tmp_path, "broken_connectors", monkeypatch)
    (folder / "manifest.yaml").write_text("name: [")
    with pytest.raises(ManifestBroken, match=r"notice_board/manifest\.yaml"):
        Connectors("broken_connectors").manifests()
