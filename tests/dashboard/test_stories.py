"""Every part in every state, with hostile names, in both languages and all themes."""

import pytest

from tests.dashboard.browsers import Browser
from tests.dashboard.conftest import World
from tests.dashboard.markup import parse


@pytest.mark.parametrize("language", ["en", "ko"])
def test_every_part_is_drawn_and_hostile_names_stay_text(world: World, language: str) -> None:
    with Browser(world.app(show_stories=True)) as client:
        client.cookies.set("language", language)
        answer = client.get("/stories")
    page = parse(answer.text)

    assert answer.status_code == 200
    assert "<img src=x" not in answer.text
    assert [one["class"] for one in page.all("img") if "flag" not in one["class"]] == []
    assert len(page.all("chart-view")) == 5
    assert "49" not in [one.text for one in page.all(class_="rank-name")]


def test_stories_are_there_only_when_a_setting_says_so(client: Browser) -> None:
    assert client.get("/stories").status_code == 404
