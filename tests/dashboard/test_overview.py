"""The overview as HTML: its numbers, its filters, its states, in both languages."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest

from openpanel.metadata import ProjectRecord
from openpanel.stream import Pool
from openpanel.stream.keys import keys_of
from openpanel_dashboard.pages.stories import HOSTILE
from tests.dashboard import traffic
from tests.dashboard.browsers import Browser
from tests.dashboard.conftest import NOW, World, add_project
from tests.dashboard.markup import Element, parse

LIVELY = NOW - timedelta(hours=2)


def panel(
    client: Browser, world: World, name: str, query: str = "", project: ProjectRecord | None = None
) -> Element:
    answer = client.get(world.address(f"/overview/panel/{name}{query}", project))
    assert answer.status_code == 200, answer.text
    return parse(answer.text)


def filled(world: World, name: str, *, paths: tuple[str, ...], **more: Any) -> ProjectRecord:
    """A project with one visit per path, today."""
    project = add_project(world.database, name=name, organization="acme")
    rows = [
        traffic.view(project=name, at=LIVELY - timedelta(minutes=index), device=index + 1, path=path, **more)
        for index, path in enumerate(paths)
    ]
    traffic.insert(world.warehouse, rows, token=name)
    return project


def test_page_has_every_panel_with_an_address_of_its_own(world: World, client: Browser) -> None:
    page = parse(client.get(world.address("/overview?range=7d&f=country:is:KR")).text)

    panels = {one["id"]: one["hx-get"] for one in page.all("section", class_="panel")}
    assert panels == {
        f"panel-{name}": world.address(f"/overview/panel/{name}?range=7d&f=country:is:KR")
        for name in ("kpis", "chart", "sources", "pages", "places", "devices")
    }


def test_panel_address_holds_only_what_changes_the_panel(world: World, client: Browser) -> None:
    page = parse(
        client.get(world.address("/overview?cmp=year&by=week&m=views&tab.pages=exit&view=table")).text
    )

    found = {one["id"]: one["hx-get"].partition("?")[2] for one in page.all("section", class_="panel")}
    assert found == {
        "panel-kpis": "cmp=year&m=views",
        "panel-chart": "cmp=year&by=week&m=views&view=table",
        "panel-sources": "",
        "panel-pages": "tab.pages=exit",
        "panel-places": "",
        "panel-devices": "",
    }


def test_numbers_are_compared_with_the_same_part_of_yesterday(world: World, client: Browser) -> None:
    project = add_project(world.database, name="partly", organization="acme")
    day = timedelta(days=1)
    rows = [
        traffic.view(project="partly", at=NOW - timedelta(hours=1), device=1),
        traffic.view(project="partly", at=NOW - timedelta(hours=1), device=2),
        traffic.view(project="partly", at=NOW - day - timedelta(hours=1), device=3),
        traffic.view(project="partly", at=NOW - day + timedelta(hours=1), device=4),
    ]
    traffic.insert(world.warehouse, rows, token="partly")

    kpi = panel(client, world, "kpis", "?range=today", project).one("a", id="kpi-visitors")

    assert kpi.one(class_="kpi-value").text == "2"
    assert kpi.one(class_="change").text == "+100 %"
    assert kpi.one(class_="change")["title"] == "2, before 1 (Tue, Nov 17, until 10:05)"


@pytest.mark.parametrize(
    ("name", "query", "told"),
    [
        ("week", "?range=7d", False),
        ("two-days", "?range=2026-11-17..2026-11-18", True),
        ("year", "?range=7d&cmp=year", False),
        ("chosen", "?range=7d&cmp=2026-11-15..2026-11-18", True),
    ],
)
def test_change_is_only_told_against_what_could_be_counted(
    world: World, client: Browser, name: str, query: str, told: bool
) -> None:
    project = add_project(world.database, name=name, organization="acme")
    days = [traffic.view(project=name, at=NOW - timedelta(days=back), device=back) for back in (3, 1, 0)]
    traffic.insert(world.warehouse, days, token=name)

    visitors = panel(client, world, "kpis", query, project).one("a", id="kpi-visitors")

    change = visitors.one("span", class_="change").text
    assert (change != "since Nov 15") is told


def test_year_is_told_where_counting_began_in_another_one(world: World, client: Browser) -> None:
    project = add_project(world.database, name="elder", organization="acme")
    first = traffic.view(project="elder", at=NOW - timedelta(days=400), device=1)
    traffic.insert(world.warehouse, [first], token="elder")

    visitors = panel(client, world, "kpis", "?range=12m", project).one("a", id="kpi-visitors")

    assert visitors.one("span", class_="change").text == "since Oct 14, 2025"


def test_korean_reader_is_told_since_when_is_counted(world: World, client: Browser) -> None:
    project = add_project(world.database, name="jung", organization="acme")
    first = traffic.view(project="jung", at=NOW - timedelta(days=3), device=1)
    traffic.insert(world.warehouse, [first], token="jung")
    client.cookies.set("language", "ko")

    visitors = panel(client, world, "kpis", "?range=7d", project).one("a", id="kpi-visitors")

    assert visitors.one("span", class_="change").text == "11월 15일부터"


@pytest.mark.parametrize(("first", "shown"), [(timedelta(days=3), True), (timedelta(hours=3), False)])
def test_project_of_the_list_tells_no_change_since_before_its_first_event(
    world: World, client: Browser, first: timedelta, shown: bool
) -> None:
    name = f"listed-{shown}".lower()
    project = add_project(world.database, name=name, organization="acme")
    visits = [traffic.view(project=name, at=NOW - back, device=1) for back in (first, timedelta())]
    traffic.insert(world.warehouse, visits, token=name)

    figures = parse(client.get(world.address("/figures", project)).text)

    assert bool(figures.all(class_="change")) is shown


def test_nothing_to_divide_is_a_dash(world: World, client: Browser) -> None:
    strip = panel(client, world, "kpis", "?range=2026-01-01..2026-01-02")

    values = [one.text for one in strip.all(class_="kpi-value")]
    assert values == ["0", "0", "0", "–", "–", "–"]


def test_click_on_a_number_makes_it_the_chart(world: World, client: Browser) -> None:
    strip = panel(client, world, "kpis")
    bounce = strip.one("a", id="kpi-bounce")

    chart = panel(client, world, "chart", "?" + bounce["href"].partition("?")[2])

    assert chart.one(class_="chart-caption").text.startswith("Bounce rate, highest on")


def test_chart_says_what_runs_and_what_it_is_compared_with(world: World, client: Browser) -> None:
    chart = panel(client, world, "chart", "?range=7d&cmp=prev").one("chart-view")

    data = chart["data-chart"]
    assert '"running": 6' in data
    assert '"runningText": "until 19:05"' in data
    assert '"titles": ["Thu, Nov 12",' in data
    assert '"previousTitles": ["Thu, Nov 5",' in data


def test_before_the_first_event_there_is_a_gap_and_not_zero(world: World, client: Browser) -> None:
    project = add_project(world.database, name="young", organization="acme")
    days = [traffic.view(project="young", at=NOW - timedelta(days=back), device=back) for back in (3, 1)]
    traffic.insert(world.warehouse, days, token="young")

    chart = panel(client, world, "chart", "?range=7d", project).one("chart-view")

    assert '"current": [null, null, null, 1, 0, 1, 0]' in chart["data-chart"]


@pytest.mark.parametrize(
    ("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-11-01", 24)], ids=str
)
def test_day_has_as_many_hours_as_the_clock_gives_it(
    world: World, client: Browser, day: str, hours: int
) -> None:
    project = add_project(world.database, name=f"berlin-{day}", organization="acme", timezone="Europe/Berlin")

    chart = panel(client, world, "chart", f"?range={day}..{day}&by=hour&view=table", project)

    assert len(chart.all("tr")) == hours + 1


def test_chart_as_table_says_the_same(world: World, client: Browser) -> None:
    table = panel(client, world, "chart", "?range=7d&cmp=prev&view=table").one("table")

    assert [one.text for one in table.all("th", scope="col")] == [
        "Day",
        "Unique visitors",
        "Compared period",
        "Before",
        "Change",
    ]
    assert table.all("th", scope="row")[0].text == "Thu, Nov 12"
    assert len(table.all("tr")) == 8


def test_row_switches_its_filter_and_excludes_itself(world: World, client: Browser) -> None:
    row = panel(client, world, "places", "?f=country:is:JP").one("li", class_="rank-row")
    on = panel(client, world, "places").all("li", class_="rank-row")[0]

    assert on.one("a", class_="rank-name")["href"].endswith("?f=country:is:US")
    assert on.one("a", class_="rank-tool")["href"].endswith("?f=country:not:US")
    assert row.one("a", class_="rank-name")["aria-current"] == "true"
    assert row.one("a", class_="rank-name")["href"] == world.address()


def test_filter_reaches_every_panel(world: World, client: Browser) -> None:
    query = "?range=28d&f=country:is:KR"
    visitors = (
        panel(client, world, "kpis", query).one("a", id="kpi-visitors").one(class_="kpi-value")["title"]
    )

    places = panel(client, world, "places", query).all("li", class_="rank-row")

    assert [one.one(class_="rank-name").text for one in places] == ["South Korea"]
    assert places[0].one(class_="rank-value").text == visitors
    assert places[0].one(class_="rank-share").text == "100 %"


@pytest.mark.parametrize(
    ("card", "tab"),
    [
        *(("sources", tab) for tab in ("channel", "campaign", "source", "medium")),
        *(("pages", tab) for tab in ("entry", "exit")),
        *(("places", tab) for tab in ("region", "city")),
        *(("devices", tab) for tab in ("os", "type")),
        ("pages", "unknown-tab"),
    ],
)
def test_every_tab_has_a_list(world: World, client: Browser, card: str, tab: str) -> None:
    answer = panel(client, world, card, f"?tab.{card}={tab}")

    assert len(answer.all("li", class_="rank-row")) >= 1
    assert len(answer.all("a", class_="tab", aria_current="true")) == 1


def test_page_opens_on_the_site_of_the_project(world: World, client: Browser) -> None:
    rows = panel(client, world, "pages").all("li", class_="rank-row")

    addresses = [one.all("a", class_="rank-tool")[1]["href"] for one in rows]
    assert "https://shop.example.com/pricing" in addresses


def test_drawer_shows_more_rows(world: World, client: Browser) -> None:
    page = parse(client.get(world.address("/overview?show=pages")).text)
    drawer = page.one("dialog", id="drawer")

    address = drawer.one("section", id="panel-drawer-pages")["hx-get"]
    opened = parse(client.get(address).text)

    assert len(panel(client, world, "pages").all("li", class_="rank-row")) == 10
    assert len(opened.all("li", class_="rank-row")) == 12
    assert opened.one("input", type="search")["data-filters"] == "#rank-pages"
    assert drawer.one("a", class_="drawer-close")["href"] == world.address()


def test_hostile_names_stay_text(world: World, client: Browser) -> None:
    project = filled(world, "hostile", paths=tuple(name for name in HOSTILE if name))

    rows = panel(client, world, "pages", "?range=today", project).all("li", class_="rank-row")

    shown = {one.one(class_="rank-name").text.replace(" ", "") for one in rows}
    assert {name.replace(" ", "") for name in HOSTILE if name} <= shown
    assert not any(one.all("img") for one in rows)


def test_filter_by_a_hostile_name_finds_exactly_it(world: World, client: Browser) -> None:
    project = filled(world, "hostile-filters", paths=tuple(name for name in HOSTILE if name))
    rows = panel(client, world, "pages", "?range=today", project).all("li", class_="rank-row")

    for row in rows:
        address = row.one("a", class_="rank-name")["href"]
        only = panel(client, world, "pages", "?" + address.partition("?")[2], project)

        assert client.get(address).status_code == 200
        assert [one.one(class_="rank-name").text for one in only.all("li", class_="rank-row")] == [
            row.one(class_="rank-name").text
        ]


def test_empty_value_has_a_word_and_can_be_filtered_by(world: World, client: Browser) -> None:
    row = panel(client, world, "sources").all("li", class_="rank-row")[0]

    assert row.one(class_="rank-name").text == "Direct"
    assert row.one("a", class_="rank-name")["href"].endswith("?f=referrer:is:")
    page = parse(client.get(row.one("a", class_="rank-name")["href"]).text)
    assert page.one("li", class_="chip").text == "Referrer is Direct"


def test_chips_are_sentences_that_can_be_taken_away(world: World, client: Browser) -> None:
    page = parse(client.get(world.address("/overview?f=country:is:JP,KR&f=path:not:/admin")).text)

    chips = page.all("li", class_="chip")
    assert [one.text for one in chips] == ["Country is Japan or South Korea", "Page is not /admin"]
    assert chips[0].one("a")["href"] == world.address("/overview?f=path:not:/admin")
    assert page.one("a", class_="chips-clear")["href"] == world.address()


def test_filter_this_page_cannot_use_is_grey_and_says_so(world: World, client: Browser) -> None:
    page = parse(client.get(world.address("/overview?f=cohort:is:7")).text)

    assert "chip-off" in page.one("li", class_="chip")["class"]
    assert "no effect" in page.one("li", class_="chip")["title"]


def test_what_is_not_understood_is_told_and_the_page_goes_on(world: World, client: Browser) -> None:
    answer = client.get(world.address("/overview?range=7d&colour=red&f=foo:bar:baz&f=%3Cb%3E"))

    assert answer.status_code == 200
    banner = parse(answer.text).one(class_="banner")
    assert banner.text == "Ignored in this address: colour=red, f=foo:bar:baz, f=<b>"


@pytest.mark.parametrize(
    ("asked", "canonical"),
    [
        ("?range=28d", ""),
        ("?view=table&range=7d", "?range=7d&view=table"),
        ("?f=os:is:iOS&f=country:is:KR", "?f=country:is:KR&f=os:is:iOS"),
        ("?from=2026-11-01&to=2026-11-07", "?range=2026-11-01..2026-11-07"),
        ("?from=2026-11-07&to=2026-11-01", "?range=2026-11-01..2026-11-07"),
        ("?dimension=country&operator=is&value=kr", "?f=country:is:KR"),
        ("?f=country:is:KR&dimension=country&operator=is&value=KR", "?f=country:is:KR"),
        ("?dimension=path&operator=has&value=a%2Cb", "?f=path:has:a%252Cb"),
        ("?dimension=referrer&operator=set&value=", "?f=referrer:set"),
        ("?dimension=path&operator=is&value=", ""),
    ],
)
def test_addresses_have_one_form(world: World, client: Browser, asked: str, canonical: str) -> None:
    answer = client.get(world.address(f"/overview{asked}"))
    fragment = client.get(world.address(f"/overview/main{asked}"))

    assert (answer.status_code, answer.headers["location"]) == (303, world.address(f"/overview{canonical}"))
    assert fragment.headers["hx-push-url"] == world.address(f"/overview{canonical}")


@pytest.mark.parametrize(
    "query", ["", "?f=path:is:/it%27s", "?f=path:is:/%C3%A9%20%22x%22", "?f=path:is:/a(b)"]
)
def test_canonical_address_is_answered_and_not_sent_round(world: World, client: Browser, query: str) -> None:
    assert client.get(world.address(f"/overview{query}")).status_code == 200
    assert "hx-push-url" not in client.get(world.address(f"/overview/main{query}")).headers


@pytest.mark.parametrize(
    ("language", "said", "filter_"),
    [
        ("en", ("country", "South Korea"), "country:is:KR"),
        ("ko", ("country", "대한민국"), "country:is:KR"),
        ("ko", ("country", "south korea"), "country:is:KR"),
        ("en", ("country", "kr"), "country:is:KR"),
        ("en", ("country", "Atlantis"), "country:is:Atlantis"),
        ("en", ("country", "Unknown place"), "country:is:"),
        ("ko", ("device", "태블릿"), "device:is:tablet"),
        ("en", ("device", "Mobile"), "device:is:mobile,smartphone"),
        ("en", ("device", "mobile"), "device:is:mobile"),
        ("en", ("channel", "Mail"), "channel:is:email"),
        ("en", ("referrer", "direct"), "referrer:is:"),
        ("en", ("browser", "Not set"), "browser:is:"),
        ("en", ("browser", "Chrome"), "browser:is:Chrome"),
    ],
)
def test_filter_form_takes_the_words_of_the_page(
    world: World, client: Browser, language: str, said: tuple[str, str], filter_: str
) -> None:
    dimension, word = said
    client.cookies.set("language", language)

    answer = client.get(
        world.address("/overview"), params={"dimension": dimension, "operator": "is", "value": word}
    )

    assert answer.headers["location"] == world.address(f"/overview?f={filter_}")


def test_word_that_stands_for_several_values_is_said_once(world: World, client: Browser) -> None:
    page = parse(client.get(world.address("/overview?f=device:is:mobile,smartphone")).text)

    assert page.one("li", class_="chip").text == "Device is Mobile"


def test_range_in_the_future_is_ignored_by_name(world: World, client: Browser) -> None:
    page = parse(client.get(world.address("/overview?range=2027-01-01..2027-01-02")).text)

    assert "range=2027-01-01..2027-01-02" in page.one(class_="banner").text


def test_value_this_page_does_not_have_is_told_and_the_default_taken(world: World, client: Browser) -> None:
    unusable = "by=month&cmp=2027-01-01..2027-01-02&m=zzz&tab.pages=qq&show=hh"

    page = parse(client.get(world.address(f"/overview?range=today&{unusable}")).text)

    told = page.one(class_="banner").text.removeprefix("Ignored in this address: ").split(", ")
    assert sorted(told) == sorted(unusable.split("&"))
    assert page.one("section", id="panel-chart")["hx-get"] == world.address(
        "/overview/panel/chart?range=today"
    )
    assert page.one("a", id="compare-toggle")["href"] == world.address("/overview?range=today&cmp=prev")


def test_range_is_the_projects_day(world: World, client: Browser) -> None:
    page = parse(client.get(world.address("/overview?range=today")).text)

    assert "Wed, Nov 18 · Asia/Seoul (UTC+9)" in page.one("footer").text


def test_range_goes_back_and_forward(world: World, client: Browser) -> None:
    page = parse(client.get(world.address("/overview?range=2026-11-01..2026-11-07")).text)
    today = parse(client.get(world.address("/overview?range=today")).text)

    assert page.one("a", id="earlier")["href"] == world.address("/overview?range=2026-10-25..2026-10-31")
    assert page.one("a", id="later")["href"] == world.address("/overview?range=2026-11-08..2026-11-14")
    assert today.all("a", id="later") == []


@pytest.mark.parametrize(
    ("timezone", "day", "beside"),
    [
        ("America/New_York", "2026-10-31", ("2026-10-30", "2026-11-01")),
        ("America/New_York", "2026-11-01", ("2026-10-31", "2026-11-02")),
        ("America/New_York", "2026-11-02", ("2026-11-01", "2026-11-03")),
        ("America/Santiago", "2026-09-05", ("2026-09-04", "2026-09-06")),
        ("America/Santiago", "2026-09-06", ("2026-09-05", "2026-09-07")),
        ("America/Santiago", "2026-09-07", ("2026-09-06", "2026-09-08")),
    ],
)
def test_range_goes_by_whole_days_over_a_change_of_the_clock(
    world: World, client: Browser, timezone: str, day: str, beside: tuple[str, str]
) -> None:
    project = add_project(
        world.database, name=f"{timezone[8:11].lower()}-{day}", organization="acme", timezone=timezone
    )
    event = traffic.view(project=project.id, at=NOW, device=1)
    traffic.insert(world.warehouse, [event], token=project.id)

    page = parse(client.get(world.address(f"/overview?range={day}..{day}", project)).text)

    for name, neighbour in zip(("earlier", "later"), beside, strict=True):
        target = world.address(f"/overview?range={neighbour}..{neighbour}", project)
        assert page.one("a", id=name)["href"] == target


def test_month_goes_forward_to_a_whole_month(world: World, client: Browser) -> None:
    page = parse(client.get(world.address("/overview?range=last-month")).text)

    assert page.one("a", id="earlier")["href"] == world.address("/overview?range=2026-09-01..2026-09-30")
    assert page.one("a", id="later")["href"] == world.address("/overview?range=2026-11-01..2026-11-30")


def test_part_of_a_month_goes_back_to_the_same_part(world: World, client: Browser) -> None:
    page = parse(client.get(world.address("/overview?range=mtd")).text)

    assert page.one("a", id="earlier")["href"] == world.address("/overview?range=2026-10-01..2026-10-18")
    assert page.all("a", id="later") == []


def test_hour_that_is_there_twice_has_no_zoom(world: World, client: Browser) -> None:
    project = add_project(world.database, name="twice", organization="acme", timezone="America/New_York")

    chart = panel(client, world, "chart", "?range=2026-11-01..2026-11-01&by=hour", project)

    data = json.loads(chart.one("chart-view")["data-chart"])
    ends = zip(data["zoom"]["starts"], data["zoom"]["ends"], strict=True)
    assert [index for index, both in enumerate(ends) if not all(both)] == [1, 2]
    assert data["note"] == "America/New_York (UTC−4/−5)"


def test_nothing_matches_the_filters_offers_to_clear_them(world: World, client: Browser) -> None:
    notice = panel(client, world, "places", "?f=country:is:AQ").one(class_="notice")

    assert notice.text == "Nothing in this range matches the filters. Clear filters"
    assert notice.one("a")["href"] == world.address()


def test_bad_expression_greys_its_panels_and_not_the_page(world: World, client: Browser) -> None:
    query = "?f=path:re:%5B"

    assert client.get(world.address(f"/overview{query}")).status_code == 200
    assert (
        panel(client, world, "kpis", query)
        .one(class_="notice")
        .text.startswith("This panel cannot use a filter.")
    )


def test_project_without_events_says_what_to_do(world: World, client: Browser) -> None:
    page = parse(client.get(world.address(project=world.fresh)).text)

    waiting = page.one("section", class_="waiting")
    snippet = waiting.one("pre", id="snippet").text
    assert 'apiUrl: "http://ingest.example:3000"' in snippet
    assert re.search(r'clientId: "[0-9a-f-]{36}"', snippet)
    assert "http://ingest.example:3000/op1.js" in snippet
    assert page.all("section", class_="panel") == []


def test_events_that_wait_to_be_counted_are_told(world: World, client: Browser) -> None:
    crowded = Pool("crowded", 1)
    project = add_project(world.database, name="crowded", organization="acme", pool="crowded")
    (keys, *_) = keys_of(crowded)
    world.redis.set(keys.depth, 12_300)

    page = parse(client.get(world.address(project=project)).text)

    assert page.one("p", class_="banner").text == "12.3K events were received and are still being counted."


def test_page_is_korean_for_korean_readers(world: World, client: Browser) -> None:
    client.cookies.set("language", "ko")

    page = parse(client.get(world.address("/overview?range=7d&f=country:is:KR")).text)
    strip = panel(client, world, "kpis", "?range=7d&f=country:is:KR")

    assert page.one("html")["lang"] == "ko"
    assert page.one("h1").text == "개요"
    assert page.one("li", class_="chip").text == "국가: 대한민국"
    assert strip.all(class_="kpi-label")[0].text == "순 방문자"


@pytest.mark.parametrize("theme", ["light", "dark", "system"])
def test_theme_is_right_from_the_first_byte(world: World, client: Browser, theme: str) -> None:
    client.cookies.set("theme", theme)

    assert parse(client.get("/").text).one("html")["data-theme"] == theme


def test_document_stays_within_its_budget(world: World, client: Browser) -> None:
    answer = client.get(world.address("/overview?f=country:is:KR"), headers={"accept-encoding": "gzip"})

    assert answer.headers["content-encoding"] == "gzip"
    assert int(answer.headers["content-length"]) < 25_000


def test_unknown_panel_is_not_found(world: World, client: Browser) -> None:
    assert client.get(world.address("/overview/panel/nothing")).status_code == 404
