"""The mark by which a start knows that there is nothing to migrate."""

from pathlib import Path

import pytest

from openpanel_local import installation, table_mark
from openpanel_local.installation import Installation, Wishes


@pytest.fixture
def room(tmp_path: Path) -> Path:
    folder = tmp_path / "room"
    (folder / "versions").mkdir(parents=True)
    (folder / "models.py").write_text("one = 1\n")
    (folder / "versions" / "0001.py").write_text("")
    return folder


def test_this_code_has_one_mark() -> None:
    assert table_mark.of_this_code() == table_mark.of_this_code()


@pytest.mark.parametrize("name", ["models.py", "versions/0001.py", "versions/0002.py", "views.sql"])
def test_any_change_of_a_source_makes_another_mark(room: Path, name: str) -> None:
    before = table_mark.of([room])

    (room / name).write_text("two = 2\n")

    assert table_mark.of([room]) != before


def test_moved_text_makes_another_mark(room: Path) -> None:
    before = table_mark.of([room])

    (room / "models.py").rename(room / "model.py")

    assert table_mark.of([room]) != before


def test_compiled_copies_make_no_other_mark(room: Path) -> None:
    before = table_mark.of([room])

    (room / "models.cpython-311.pyc").write_bytes(b"\0")

    assert table_mark.of([room]) == before


def test_mark_of_the_last_start_is_kept() -> None:
    known = Installation(furnished=True, tables="mark")

    assert installation.settled(known, Wishes()).tables == "mark"
