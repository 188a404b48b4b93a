"""After a change of the time zone no number of the dashboard is read by the days of the former one."""

from dataclasses import replace
from typing import Any

import pytest

from openpanel.analytics.asking import Question, choose
from openpanel.analytics.former_days import FormerDays
from openpanel.analytics.routing import Choice
from openpanel.metadata import projects
from openpanel.warehouse import Warehouse
from openpanel_dashboard.pages.overview.routes import PANELS
from tests.dashboard.browsers import Browser
from tests.dashboard.conftest import World, add_project


@pytest.mark.parametrize("has_moved", [False, True])
def test_what_is_asked_says_which_days_are_of_the_former_zone(
    world: World, monkeypatch: pytest.MonkeyPatch, *, has_moved: bool
) -> None:
    project = add_project(
        world.database, name=f"zone-{has_moved}", organization="acme", timezone="Asia/Seoul"
    )
    if has_moved:
        projects.put(world.database, wanted=replace(project, timezone="Europe/Berlin"))
    said: list[bool] = []

    def watched(warehouse: Warehouse, question: Question[Any], *, former: FormerDays | None = None) -> Choice:
        said.append(former is not None)
        return choose(warehouse, question, former=former)

    monkeypatch.setattr("openpanel.analytics.cache.choose", watched)
    with Browser(world.app()) as client:
        client.cookies.set("openpanel-session", world.session)
        for rest in ("/figures", *(f"/overview/panel/{name}" for name in sorted(PANELS))):
            assert client.get(world.address(rest, project)).status_code == 200

    assert said == [has_moved] * (len(PANELS) + 1)
