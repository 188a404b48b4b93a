"""Believable visits as rows of the events table: weekday and hour rhythm, sources, pages, places, devices.

The same seed gives the same visits. Used by tests that look at whole pages.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from openpanel.identity.ids import hash64
from openpanel.warehouse import Warehouse, tables
from openpanel.warehouse.native import Column, encode_block, string_fragment

Row = Mapping[str, object]

SOURCES: Final = (
    ("", "", 34),
    ("Google", "search", 30),
    ("Naver", "search", 9),
    ("X", "social", 6),
    ("Hacker News", "social", 5),
    ("GitHub", "tech", 5),
    ("Reddit", "social", 4),
    ("DuckDuckGo", "search", 3),
    ("YouTube", "social", 2),
    ("news.example.org", "unknown", 1),
    ("Bing", "search", 1),
)
PAGES: Final = (
    ("/", 30),
    ("/pricing", 14),
    ("/docs", 12),
    ("/docs/getting-started", 10),
    ("/blog/how-we-count-every-event-once-and-only-once", 9),
    ("/changelog", 6),
    ("/docs/reference/javascript/track-events-and-properties", 5),
    ("/about", 4),
    ("/blog", 4),
    ("/signup", 4),
    ("/contact", 1),
    ("/docs/self-hosting", 1),
)
COUNTRIES: Final = (
    ("US", 28), ("KR", 18), ("DE", 11), ("JP", 9), ("GB", 8), ("FR", 6), ("IN", 5),
    ("BR", 4), ("SE", 3), ("NL", 3), ("", 2), ("CH", 1), ("AU", 1), ("CA", 1),
)  # fmt: skip
DEVICES: Final = (
    ("desktop", "Chrome", "Windows", 30),
    ("desktop", "Chrome", "Mac OS", 16),
    ("desktop", "Safari", "Mac OS", 10),
    ("desktop", "Firefox", "Linux", 7),
    ("desktop", "Edge", "Windows", 7),
    ("mobile", "Mobile Safari", "iOS", 16),
    ("mobile", "Chrome Mobile", "Android", 9),
    ("mobile", "Samsung Internet", "Android", 3),
    ("tablet", "Mobile Safari", "iPadOS", 2),
)
CAMPAIGNS: Final = (("", 90), ("autumn-launch", 6), ("newsletter-47", 4))
HOURS: Final = (2, 1, 1, 1, 1, 2, 4, 7, 11, 14, 15, 14, 12, 13, 15, 14, 13, 12, 10, 9, 8, 7, 5, 3)


@dataclass(frozen=True, slots=True)
class Visitor:
    """What stays the same between the visits of one device."""

    device: int
    country: str
    agent: tuple[str, str, str, int]


def visits(
    *, project: str, timezone: str, until: datetime, days: int, a_day: int, seed: int = 7
) -> Iterator[Row]:
    """Rows of all events of `days` days up to `until`, about `a_day` visits each."""
    draw = random.Random(seed)
    zone = ZoneInfo(timezone)
    today = until.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    people = [_visitor(draw, project, number) for number in range(a_day * max(3, days // 3))]
    for back in range(days - 1, -1, -1):
        day = today - timedelta(days=back)
        growth = 1 + 0.35 * (days - back) / days
        weekend = 0.55 if day.weekday() >= 5 else 1.0
        for _ in range(int(a_day * growth * weekend * draw.uniform(0.85, 1.15))):
            start = day + timedelta(hours=_pick(draw, HOURS), seconds=draw.randrange(3600))
            if start < until:
                yield from _visit(draw, project, who=draw.choice(people), start=start, until=until)


def insert(warehouse: Warehouse, rows: Sequence[Row], *, token: str) -> None:
    """Put rows into the events table as a worker does; the views fill what is behind it."""
    data = {column.name: [_value(column, row) for row in rows] for column in tables.EVENTS.columns}
    warehouse.insert_native(
        tables.EVENTS.name,
        columns=[column.name for column in tables.EVENTS.columns],
        block=encode_block(tables.EVENTS.columns, data),
        token=token,
    )


def view(
    *, project: str, at: datetime, device: int, path: str = "/", session: int | None = None, **more: object
) -> Row:
    """One screen view that opens a session of its own unless one is named."""
    ms = _ms(at)
    return {
        "project_id": project,
        "day": (at.date() - date(1970, 1, 1)).days,
        "name": "screen_view",
        "device_id": device,
        "created_at": ms,
        "event_id": hash64(project, str(device), str(ms), path),
        "session_id": session or hash64(project, str(device), str(ms)),
        "session_started_at": ms,
        "person": device,
        "path": path,
        "received_at": ms,
        **more,
    }


def _visitor(draw: random.Random, project: str, number: int) -> Visitor:
    country = draw.choices([name for name, _ in COUNTRIES], [weight for _, weight in COUNTRIES])[0]
    agent = draw.choices(DEVICES, [device[3] for device in DEVICES])[0]
    return Visitor(hash64(project, "visitor", str(number)), country, agent)


def _visit(
    draw: random.Random, project: str, *, who: Visitor, start: datetime, until: datetime
) -> Iterator[Row]:
    source = draw.choices(SOURCES, [weight for *_, weight in SOURCES])[0]
    campaign = draw.choices([name for name, _ in CAMPAIGNS], [weight for _, weight in CAMPAIGNS])[0]
    session, first = hash64(project, str(who.device), str(_ms(start))), _ms(start)
    at = start
    for step in range(1 if draw.random() < 0.42 else 2 + min(8, int(draw.expovariate(0.45)))):
        at += timedelta(seconds=draw.randrange(8, 140)) if step else timedelta()
        if at >= until:
            return
        yield view(
            project=project,
            at=at,
            device=who.device,
            path=draw.choices([path for path, _ in PAGES], [weight for _, weight in PAGES])[0],
            session=session,
            session_started_at=first,
            country=who.country,
            device_kind=who.agent[0],
            browser=who.agent[1],
            os=who.agent[2],
            referrer_name=source[0],
            referrer_type=source[1],
            utm_campaign=campaign,
            utm_source="newsletter" if campaign else "",
        )


def _pick(draw: random.Random, weights: Sequence[int]) -> int:
    return draw.choices(range(len(weights)), weights)[0]


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _value(column: Column, row: Row) -> object:
    value = row.get("device_kind" if column.name == "device" else column.name)
    if column.type == "String":
        return string_fragment(str(value or ""))
    if column.type == "LowCardinality(String)":
        return value or ""
    if column.type == "Array(String)":
        return ()
    if column.type.startswith("Map"):
        return (), ()
    return value or 0
