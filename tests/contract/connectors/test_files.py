"""Files that appear whole or not at all, and once."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from runners.connectors.files import read_file, replace, write_new


def test_a_file_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    target = tmp_path / "one"
    assert write_new(target, b"first")
    assert not write_new(target, b"second")
    assert target.read_bytes() == b"first"
    assert [p.name for p in tmp_path.iterdir()] == ["one"]


def test_of_many_writers_one_succeeds(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as workers:
        made = list(workers.map(lambda n: write_new(tmp_path / "one", b"%d" % n), range(64)))
    assert sum(made) == 1
    assert (tmp_path / "one").read_bytes() == b"%d" % made.index(True)


def test_a_file_is_replaced_and_leaves_no_draft(tmp_path: Path) -> None:
    replace(tmp_path / "one", b"first")
    replace(tmp_path / "one", b"second")
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("one", b"second")]


def test_a_folder_that_is_missing_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    for write in (write_new, replace):
        with pytest.raises(OSError):
            write(tmp_path / "nowhere" / "one", b"x")
    assert list(tmp_path.iterdir()) == []


def test_a_link_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/etc/passwd")
    with pytest.raises(OSError):
        read_file(tmp_path / "link", 10)
