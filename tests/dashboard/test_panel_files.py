"""Files of panels: what is shown with all its rows, where it comes from, and no cell that is a formula."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from openpanel.metadata import ProjectRecord
from openpanel.warehouse import Unavailable, Warehouse
from openpanel_dashboard.address import View
from openpanel_dashboard.pages.overview.files import file_name, guarded
from openpanel_dashboard.pages.overview.rankings import MOST_ROWS
from openpanel_dashboard.pages.overview.scope import scope
from openpanel_dashboard.pages.overview.tables import Table
from tests.dashboard import traffic
from tests.dashboard.browsers import Browser
from tests.dashboard.conftest import NOW, World, add_project
from tests.dashboard.markup import Element, parse

Rows = list[dict[str, str]]


def file(
    client: Browser, world: World, name: str, query: str = "", project: ProjectRecord | None = None
) -> httpx.Response:
    return client.get(world.address(f"/overview/file/{name}{query}", project))


def table(answer: httpx.Response) -> tuple[dict[str, str], Rows]:
    """The head lines by their label, and the rows by their headings."""
    assert answer.status_code == 200, answer.text
    lines = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))
    head = {line[0]: line[1] for line in lines if line[0].startswith("# ")}
    headings, *rows = lines[sum(line[0].startswith("# ") for line in lines) :]
    return head, [dict(zip(headings, row, strict=True)) for row in rows]


def panel(client: Browser, world: World, name: str, query: str = "") -> Element:
    return parse(client.get(world.address(f"/overview/panel/{name}{query}")).text)


def visited(world: World, name: str, *, paths: tuple[str, ...]) -> ProjectRecord:
    """A project with one visit per path, today."""
    project = add_project(world.database, name=name, organization="acme")
    rows = [
        traffic.view(project=name, at=NOW - timedelta(hours=1), device=number + 1, path=path)
        for number, path in enumerate(paths)
    ]
    traffic.insert(world.warehouse, rows, token=name)
    return project


def test_file_says_where_it_comes_from(world: World, client: Browser) -> None:
    head, _ = table(file(client, world, "places.csv", "?range=7d&f=browser:is:Chrome"))

    assert head == {
        "# Project": "Shop (shop)",
        "# Panel": "Places · Country",
        "# Range": "Nov 12 – 18",
        "# Start": "2026-11-12T00:00:00+09:00",
        "# End": "2026-11-18T19:05:00+09:00",
        "# Filter": "Browser is Chrome",
        "# Time zone": "Asia/Seoul (UTC+9)",
        "# Made": "2026-11-18T19:05:00+09:00",
        "# Address": f"http://testserver{world.address('/overview?range=7d&f=browser:is:Chrome')}",
    }


def test_address_in_a_file_opens_what_it_shows(world: World, client: Browser) -> None:
    head, _ = table(file(client, world, "pages.csv", "?range=7d&tab.pages=exit"))

    path = head["# Address"].removeprefix("http://testserver")
    page = parse(client.get(path).text)

    assert page.one("section", id="panel-pages")["hx-get"] == world.address(
        "/overview/panel/pages?range=7d&tab.pages=exit"
    )


def test_list_has_all_rows_and_not_the_first_ones(world: World, client: Browser) -> None:
    project = visited(world, "wordy", paths=tuple(f"/page-{number}" for number in range(1_200)))

    _, rows = table(file(client, world, "pages.csv", "?range=today", project))

    assert len(rows) == 1_200
    assert rows[0] == {
        "Page": "/page-0",
        "Value": "/page-0",
        "Visitors": "1",
        "Sessions": "1",
        "Pageviews": "1",
        "Share": str(1 / 1_200),
    }


def test_list_that_is_too_long_is_refused_and_not_cut(world: World, client: Browser) -> None:
    paths = tuple(f"/page-{number}" for number in range(MOST_ROWS + 1))
    project = visited(world, "endless", paths=paths)

    answer = file(client, world, "pages.csv", "?range=today", project)

    assert answer.status_code == 422
    page = parse(answer.text)
    assert page.one("h1").text == "This list is too long for a file"
    assert "It has more than 20,000 rows." in page.one("main").text
    assert page.one("a", class_="button")["href"] == world.address("/overview?range=today", project)


def test_list_says_what_the_panel_says(world: World, client: Browser) -> None:
    query = "?range=7d&f=device:is:desktop"
    shown = panel(client, world, "places", query).all("li", class_="rank-row")

    _, rows = table(file(client, world, "places.csv", query))

    assert [row["Country"] for row in rows][: len(shown)] == [
        one.one(class_="rank-name").text for one in shown
    ]
    assert [row["Visitors"] for row in rows][: len(shown)] == [
        one.one(class_="rank-value").text for one in shown
    ]
    assert {row["Country"]: row["Value"] for row in rows}["South Korea"] == "KR"


@pytest.mark.parametrize("name", ["sources", "pages", "places", "devices"])
@pytest.mark.parametrize("tab", ["", "channel", "entry", "city", "os"])
def test_every_list_can_be_taken(world: World, client: Browser, name: str, tab: str) -> None:
    shown = panel(client, world, name, f"?tab.{name}={tab}" if tab else "")

    _, rows = table(file(client, world, f"{name}.csv", f"?tab.{name}={tab}" if tab else ""))

    assert len(rows) >= len(shown.all("li", class_="rank-row")) >= 1


def test_figures_have_a_row_for_the_range_and_one_for_the_compared_one(world: World, client: Browser) -> None:
    head, rows = table(file(client, world, "kpis.csv", "?range=7d"))
    strip = panel(client, world, "kpis", "?range=7d")

    assert head["# Compared period"] == "Nov 5 – 11, until 19:05"
    assert [row["Period"] for row in rows] == ["This range", "Compared period"]
    assert rows[1]["End"] == "2026-11-11T19:05:00+09:00"
    shown = strip.one("a", id="kpi-visitors")
    assert rows[0]["Unique visitors"] == shown.one(class_="kpi-value").text
    assert f"before {rows[1]['Unique visitors']} " in shown.one(class_="change")["title"]
    assert 0 < float(rows[0]["Bounce rate"]) < 1


def test_figures_are_compared_only_with_what_could_be_counted(world: World, client: Browser) -> None:
    project = visited(world, "brand-new", paths=("/",))

    head, rows = table(file(client, world, "kpis.csv", "?range=7d", project))

    assert "# Compared period" not in head
    assert [row["Unique visitors"] for row in rows] == ["1"]


def test_chart_has_a_row_for_each_bucket_and_leaves_out_what_was_not_counted(
    world: World, client: Browser
) -> None:
    project = visited(world, "sprouting", paths=("/", "/docs"))

    _, rows = table(file(client, world, "chart.csv", "?range=7d&cmp=prev", project))

    assert len(rows) == 7
    assert rows[5]["Unique visitors"] == ""
    assert rows[6] == {
        "Start": "2026-11-18T00:00:00+00:00",
        "End": "2026-11-18T10:05:00+00:00",
        "Unique visitors": "2",
        "Still running": "true",
        "Compared period": "2026-11-11T00:00:00+00:00",
        "Before": "0",
    }


def test_chart_is_the_one_that_is_shown(world: World, client: Browser) -> None:
    answer = file(client, world, "chart.json", "?range=today&by=hour&m=duration")
    body = answer.json()

    assert body["panel"] == "Over time · Visit duration"
    assert body["columns"]["duration_s"] == "Visit duration in seconds"
    assert body["compared"] is None
    assert len(body["rows"]) == 20  # 19:05 in Seoul
    assert "attachment; filename" in answer.headers["content-disposition"]


def test_json_keeps_values_as_they_are(world: World, client: Browser) -> None:
    project = visited(world, "formulaic", paths=("=1+1",))

    body: dict[str, Any] = json.loads(file(client, world, "pages.json", "?range=today", project).content)

    assert body["range"] == {
        "text": "Wed, Nov 18",
        "from": "2026-11-18T00:00:00+00:00",
        "until": "2026-11-18T10:05:00+00:00",
    }
    assert (body["timezone"], body["made"]) == ("UTC", "2026-11-18T10:05:00+00:00")
    assert body["project"] == {"id": "formulaic", "name": "Formulaic"}
    assert body["rows"] == [
        {"name": "=1+1", "value": "=1+1", "visitors": 1, "sessions": 1, "pageviews": 1, "share": 1.0}
    ]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_cell_that_begins_like_a_formula_is_guarded(start: str) -> None:
    assert guarded(f"{start}1+cmd|' /C calc'!A0") == f"'{start}1+cmd|' /C calc'!A0"


@pytest.mark.parametrize("value", ["/docs", "", "a=b", -0.5, 7, None])
def test_other_cells_are_left_alone(value: str | float | None) -> None:
    assert guarded(value) == value


def test_hostile_names_reach_no_spreadsheet_as_formulas(world: World, client: Browser) -> None:
    paths = ('=HYPERLINK("http://evil.example";"x")', "@SUM(1)", "-2", 'a,"b"\r\nc')
    project = visited(world, "sheets", paths=paths)

    _, rows = table(file(client, world, "pages.csv", "?range=today", project))

    assert {row["Value"] for row in rows} == {f"'{path}" for path in paths[:3]} | {paths[3]}


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ("pages.csv?range=7d&tab.pages=exit", "shop_pages-exit_2026-11-12_2026-11-18.csv"),
        ("chart.json?range=today&m=views", "shop_over-time-views_2026-11-18_2026-11-18.json"),
        ("kpis.csv?range=1h", "shop_key-figures_2026-11-18T1806_2026-11-18T1905.csv"),
    ],
)
def test_name_of_a_file_tells_project_panel_and_range(
    world: World, client: Browser, asked: str, name: str
) -> None:
    panel, _, query = asked.partition("?")

    answer = file(client, world, panel, f"?{query}")

    assert answer.headers["content-disposition"] == f'attachment; filename="{name}"'


def test_name_of_a_file_tells_hours_apart_that_the_clock_shows_twice() -> None:
    project = ProjectRecord(id="berlin", name="Berlin", organization="acme", timezone="Europe/Berlin")
    now = datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    asked = scope(View(range="1h"), project=project, now=now, earliest=None)

    name = file_name(Table("", "pages-top", (), ()), asked, "csv")

    assert name == "berlin_pages-top_2026-10-25T023100+0200_2026-10-25T023100+0100.csv"


def test_file_is_korean_for_korean_readers_and_its_keys_are_not(world: World, client: Browser) -> None:
    client.cookies.set("language", "ko")

    head, rows = table(file(client, world, "places.csv", "?range=7d"))
    body = file(client, world, "places.json", "?range=7d").json()

    assert (head["# 프로젝트"], head["# 기간"]) == ("Shop (shop)", "11월 12일 – 18일")
    assert "대한민국" in {row["국가"] for row in rows}
    assert list(body["rows"][0]) == ["name", "value", "visitors", "sessions", "pageviews", "share"]


def test_filter_that_cannot_be_used_is_said_on_a_page(world: World, client: Browser) -> None:
    answer = file(client, world, "pages.csv", "?f=path:re:%5B")

    assert answer.status_code == 422
    assert parse(answer.text).one("h1").text == "This panel cannot use a filter."


def test_store_that_is_away_is_said_on_a_page(world: World) -> None:
    class Away(Warehouse):
        def __init__(self, inner: Warehouse) -> None:
            self.database = inner.database

        def query(self, *_: object, **__: object) -> list[tuple[Any, ...]]:
            raise Unavailable("away", code=0)

    with Browser(world.app(warehouse=Away(world.warehouse))) as client:
        client.cookies.set("openpanel-session", world.session)

        answer = file(client, world, "kpis.csv", "?range=2026-10-01..2026-10-02")

    assert answer.status_code == 503
    assert parse(answer.text).one("h1").text == "The numbers cannot be read at the moment."


@pytest.mark.parametrize("name", ["nothing.csv", "pages.xml", "pages"])
def test_unknown_file_is_not_found(world: World, client: Browser, name: str) -> None:
    assert file(client, world, name).status_code == 404


def test_files_are_for_members_only(world: World, client: Browser, stranger: Browser) -> None:
    assert file(client, world, "kpis.csv", project=world.foreign).status_code == 403
    assert file(stranger, world, "kpis.csv").headers["location"].startswith("/sign-in?next=")


def test_every_panel_has_a_menu_with_its_files(world: World, client: Browser) -> None:
    query = "?range=7d&f=country:is:KR"

    for name in ("kpis", "chart", "sources", "pages", "places", "devices"):
        menu = panel(client, world, name, query).one("details", id=f"menu-{name}")
        addresses = [one["href"] for one in menu.all("a", class_="menu-item")]
        assert addresses == [
            world.address(f"/overview/file/{name}.{form}{query}") for form in ("csv", "json")
        ]
        assert menu.one("summary")["aria-label"].startswith("Export: ")


def test_menu_of_an_opened_card_is_another_one(world: World, client: Browser) -> None:
    menu = panel(client, world, "pages", "?show=pages").one("details", class_="panel-menu")

    assert menu["id"] == "menu-drawer-pages"
    assert menu.all("a", class_="menu-item")[0]["href"] == world.address("/overview/file/pages.csv")
