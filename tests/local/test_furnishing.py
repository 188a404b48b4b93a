"""The heavy part of a start, in its own process: what comes back when it cannot be done."""

from pathlib import Path

import pytest

from openpanel_local import installation
from openpanel_local.exits import CommandError, ExitCode
from openpanel_local.furnishing import furnished
from openpanel_local.installation import Installation
from openpanel_local.layout import Layout
from openpanel_local.supervise.child import Executed


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path / "data")
    layout.create()
    return layout


async def test_child_that_dies_is_told_with_the_end_of_its_log(layout: Layout) -> None:
    layout.installation.write_text("{")

    with pytest.raises(CommandError, match="setting up ended with exit code 1") as failed:
        await furnished(layout, (), birth=Executed())

    assert failed.value.code is ExitCode.NOT_STARTED
    assert "installation.json is damaged" in failed.value.lines[-1]
    assert list(layout.run.iterdir()) == []


async def test_refused_manifest_is_told_as_such(layout: Layout) -> None:
    installation.save(layout, Installation())

    with pytest.raises(CommandError, match="kind") as failed:
        await furnished(layout, (("first.yaml", "kind: Nothing\n"),), birth=Executed())

    assert failed.value.code is ExitCode.REFUSED
    assert list(layout.run.iterdir()) == []
