"""Every part in every state, on one page, for whoever changes one. Only there when a setting says so.

The names are hostile on purpose: markup, three hundred characters, right-to-left, emoji, nothing.
"""

from dataclasses import dataclass, replace
from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from openpanel_dashboard.components import (
    Change,
    Chart,
    ChartTable,
    Chip,
    Icon,
    Kpi,
    Link,
    Notice,
    Panel,
    PanelMenu,
    Ranking,
    Row,
)
from openpanel_dashboard.rendering import reader_of, templates_of
from openpanel_dashboard.services import Given

router = APIRouter(prefix="/stories")

HOSTILE: Final = (
    "/pricing",
    '<img src=x onerror="alert(1)">',
    "/" + "long-path-" * 30,
    "/blog/how-we-count-every-event-once-and-only-once",
    "שלום עולם",
    "مرحبا /path 🚀🎉",
    "👩‍👩‍👧‍👦",
    "",
    "'; DROP TABLE events; --",
    "{{ 7 * 7 }}",
)


@dataclass(frozen=True, slots=True)
class StoriesContext:
    """What `stories.html` shows."""

    kpis: tuple[Kpi, ...]
    changes: tuple[Change, ...]
    rankings: tuple[Ranking, ...]
    charts: tuple[tuple[str, Chart], ...]
    notices: tuple[Notice, ...]
    panels: tuple[Panel, ...]
    chips: tuple[Chip, ...]
    menu: PanelMenu


@router.get("")
def page(request: Request, services: Given) -> Response:
    """The stories."""
    return templates_of(request).answer(
        "pages/stories.html", reader=reader_of(request, services), title="Stories", stories=context()
    )


@router.get("/never")
def never() -> Response:
    """What the loading panels of the stories ask: it has no content, so they stay as they are."""
    return Response(status_code=204)


def context() -> StoriesContext:
    """All parts."""
    return StoriesContext(
        kpis=_kpis(),
        changes=_changes(),
        rankings=(
            _ranking("hostile", _rows()),
            _ranking("flags", _flags()),
            replace(
                _ranking("estimated", _rows()[:3]), estimate="Large project: people are counted by estimate."
            ),
            replace(_ranking("empty", ()), notice=_notices()[0]),
        ),
        charts=_charts(),
        notices=_notices(),
        panels=tuple(
            Panel(name=f"loading-{shape}", title=f"Loading {shape}", address="/stories/never", shape=shape)
            for shape in ("kpis", "chart", "list")
        ),
        chips=(
            Chip(text="Country is South Korea or Japan", remove="?", removal="Remove"),
            Chip(text=f"Page is {HOSTILE[1]}", remove="?", removal="Remove"),
            Chip(text=f"Page contains {HOSTILE[2]}", remove="?", removal="Remove"),
            Chip(
                text="Cohort is 7", remove="?", removal="Remove", unsupported="This page cannot filter by it."
            ),
        ),
        menu=_menu(),
    )


def _menu() -> PanelMenu:
    return PanelMenu(
        id="story-menu",
        label="Export: stories",
        files=(Link("Download CSV", "?"), Link("Download JSON", "?")),
        call=f"curl 'https://api.example.com/insights/{HOSTILE[2]}'",
        note="The API tells more.",
    )


def _changes() -> tuple[Change, ...]:
    return (
        Change(text="+12 %", tone="better", up=True, title="41,203, before 36,788"),
        Change(text="−8.1 %", tone="worse", up=False),
        Change(text="+1.4 pp", tone="worse", up=True),
        Change(text="0 %", tone="flat"),
        Change(text="new", tone="new"),
    )


def _kpis() -> tuple[Kpi, ...]:
    values = ("41.2K", "56.8K", "123K", "2.17", "48 %", "–")
    names = ("Unique visitors", "Sessions", "Pageviews", "Views per session", "Bounce rate", "Visit duration")
    changes = (*_changes(), None)
    return tuple(
        Kpi(
            key=f"k{index}",
            label=name,
            value=value,
            title=value,
            change=change,
            address="?",
            selected=index == 0,
        )
        for index, (name, value, change) in enumerate(zip(names, values, changes, strict=True))
    )


def _rows() -> tuple[Row, ...]:
    return tuple(
        Row(
            id=f"story-{index}",
            label=name or "Not set",
            value=f"{10_000 >> index:,}",
            title=name,
            share=f"{60 >> index} %",
            width=100 / (1 + index),
            toggle="?",
            active=index == 1,
            exclude="?",
            opens="https://example.com/" if index == 0 else "",
            nameless=not name,
        )
        for index, name in enumerate(HOSTILE)
    )


def _flags() -> tuple[Row, ...]:
    icons = (
        Icon("flag", "KR"),
        Icon("flag", "US"),
        Icon("flag", "CH"),
        Icon("mark", "googlechrome"),
        Icon("mark", "firefoxbrowser"),
        Icon("mark", "apple"),
        Icon("stroke", "globe"),
        Icon("stroke", "smartphone"),
        Icon("stroke", "map-pin"),
    )
    return tuple(replace(row, icon=icon) for row, icon in zip(_rows(), icons, strict=False))


def _ranking(name: str, rows: tuple[Row, ...]) -> Ranking:
    tabs = tuple(
        Link(label=label, address="?", selected=label == "Top") for label in ("Top", "Entry", "Exit")
    )
    return Ranking(
        panel=name,
        title=name.capitalize(),
        tabs=tabs,
        name_heading="Page",
        value_heading="Visitors",
        share_heading="Share",
        rows=rows,
        more=Link(label="Show all", address="?") if rows else None,
    )


def _notices() -> tuple[Notice, ...]:
    return (
        Notice(state="empty", text="Nothing was counted in this range.", action=Link("Show all time", "?")),
        Notice(
            state="filtered", text="Nothing in this range matches the filters.", action=Link("Clear", "?")
        ),
        Notice(state="error", text="The numbers cannot be read at the moment.", detail="Error 4f2a91c0"),
    )


def _charts() -> tuple[tuple[str, Chart], ...]:
    wave = [400 + 37 * (day % 7) + 11 * day - (160 if day % 7 > 4 else 0) for day in range(28)]
    gap: list[float | None] = [0.4, 0.42, None, None, 0.5, None, 0.47, 0.44, 0.43, 0.46]
    return (
        ("line", _chart([*wave[:27], 180], running=27)),
        ("compared", _chart(list(wave), previous=[value * 0.8 for value in wave])),
        ("gaps", _chart(gap, kind="share")),
        ("bars", _chart(list(wave[:7]), running=6, previous=[value * 0.9 for value in wave[:7]])),
        ("empty", _chart([0] * 14)),
        ("table", replace(_chart(list(wave)), as_table=True)),
    )


def _chart(
    values: list[float | None] | list[int] | list[float],
    *,
    kind: str = "count",
    running: int = -1,
    previous: list[float] | None = None,
) -> Chart:
    labels = [f"Nov {day + 1}" for day in range(len(values))]
    data: dict[str, object] = {
        "kind": kind,
        "bars": len(values) <= 7,
        "name": HOSTILE[1],
        "previousName": "Before",
        "labels": labels,
        "strong": [],
        "titles": labels,
        "previousTitles": labels,
        "current": values,
        "previous": previous or [],
        "running": running,
        "runningText": "until 14:05",
        "note": "",
        "zoom": None,
        "zoomText": "Show only this",
    }
    rows = tuple((label, str(value)) for label, value in zip(labels, values, strict=True))
    return Chart(
        caption="Unique visitors, highest on Wed, Nov 18 with 2,904",
        data=data,
        table=ChartTable(headings=("Day", "Unique visitors"), rows=rows),
        intervals=(Link("Day", "?", selected=True), Link("Week", "?")),
        as_table=False,
        form=Link("Show as table", "?", icon="table"),
        legend=("Unique visitors", "Before") if previous else (),
    )
