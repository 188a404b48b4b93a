"""The marks beside values."""

import pytest

from openpanel_dashboard import assets
from openpanel_dashboard.pages.overview import icons


@pytest.mark.parametrize("name", ["Edge", "Samsung Internet", "Chrome", "Mobile Safari", "Firefox"])
def test_common_browsers_have_marks_that_the_sprite_holds(name: str, built: None) -> None:
    found = icons.icon("browser", name, assets=assets.load(assets.FOLDER))

    assert found is not None
    assert found.kind == "mark"
    (sprite,) = assets.FOLDER.glob("icons-*.svg")
    assert f'id="mark-{found.name}"' in sprite.read_text()
