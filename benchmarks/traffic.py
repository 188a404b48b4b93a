"""Millions of made-up events in ClickHouse, made there by INSERT … SELECT and kept between runs.

One large project and a small one over 90 days; sessions of ten rows (a start row, eight events, an end row), returning
persons, some of them known by a profile, a long tail of pages, some payments. A profile's id is the outside form of its
person: the store cannot compute the hash that other ids of profiles have. The views fill sessions and rollups as always.
A data set is made anew when the schema or what is made here is another one.
"""

import hashlib
import os
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final

from openpanel.warehouse import Warehouse, migrations, tables, views
from openpanel.warehouse.schema import Single, render
from openpanel_local.engines import clickhouse

CACHE: Final = Path.home() / ".cache" / "openpanel-bench"
DATABASE: Final = "bench"
LARGE: Final = "large"
SMALL: Final = "small"
EVENTS: Final = 10_000_000
SIZES: Final = "OPENPANEL_BENCH_EVENTS"  # how many events, several data sets with commas between
SMALL_EVENTS: Final = 50_000
ROWS_PER_SESSION: Final = 10
DAYS: Final = 90
LAST_DAY: Final = date(2026, 3, 29)  # a Sunday, so that weeks are whole
NOW: Final = datetime(2026, 3, 29, 23, 59, 59, tzinfo=UTC)
EVENTS_OF_PERSON: Final = 25  # on average
TIDY_SECONDS: Final = 300

# Parts that were merged into others leave the disk soon.
_TIDY: Final = "old_parts_lifetime = 1, max_cleanup_delay_period = 10, cleanup_delay_period = 5"
_DAY: Final = """\
INSERT INTO events
    (project_id, day, name, device_id, created_at, event_id, session_id, session_started_at, person, profile_id, path,
    origin, title, referrer_name, revenue, duration, country, region, city, longitude, latitude, os, browser, device,
    properties, received_at)
WITH
    intDiv(number, 10) + {day:UInt32} * 1000000 AS visit,
    number % 10 AS step,
    sipHash64(visit, {project:String}) AS luck,
    bitShiftRight(luck, 8) % {persons:UInt64} AS person_number,
    person_number % 5 = 0 AS is_known,
    sipHash64(person_number, {project:String}) AS machine,
    if(luck % 10 < 4, 1, 2 + luck % 7) AS views,
    toDateTime64({date:Date}, 3, 'UTC') + toIntervalMillisecond(luck % 80000000) AS started,
    [4000, 3700, 3000, 2200, 1500, 1100, 800, 500][1 + bitShiftRight(luck, 16) % 8] AS pace
SELECT
    {project:String} AS project_id,
    {date:Date} AS day,
    multiIf(
        step = 0, 'session_start',
        step = 9, 'session_end',
        step <= views, 'screen_view',
        step = 8 AND luck % 20 = 0, 'revenue',
        ['click', 'link_out', 'add_to_cart', 'signup', 'search'][1 + (luck + step) % 5]) AS name,
    machine AS device_id,
    multiIf(
        step = 0, started - toIntervalMillisecond(100),
        step = 9, started + toIntervalMillisecond(7 * pace + 1000),
        started + toIntervalMillisecond((step - 1) * pace)) AS created_at,
    sipHash64(number, {day:UInt32}, {project:String}) AS event_id,
    sipHash64(visit, {project:String}, 's') AS session_id,
    started AS session_started_at,
    if(is_known, sipHash64(machine), machine) AS person,
    if(is_known, leftPad(lower(hex(person)), 16, '0'), '') AS profile_id,
    '/page/' || toString(toUInt32(2000 * pow((sipHash64(luck, step) % 1000000) / 1000000, 3))) AS path,
    'https://shop.example' AS origin,
    if(name = 'screen_view', 'Title of ' || path, '') AS title,
    ['', '', '', 'Google', 'Google', 'Bing', 'Naver', 'Reddit', 'newsletter', 'ChatGPT'][1 + bitShiftRight(luck, 24) % 10]
        AS referrer_name,
    if(name = 'revenue', 500 + toInt64(luck % 9500), 0) AS revenue,
    toUInt64(if(step = 9, 7 * pace, 0)) AS duration,
    ['KR', 'KR', 'US', 'US', 'DE', 'JP', 'FR', 'BR', 'IN', 'GB', 'VN', ''][1 + bitShiftRight(machine, 4) % 12] AS country,
    'region-' || toString(bitShiftRight(machine, 4) % 120) AS region,
    'city-' || toString(bitShiftRight(machine, 4) % 900) AS city,
    toFloat32(bitShiftRight(machine, 4) % 900) / 2.5 - 180 AS longitude,
    toFloat32(bitShiftRight(machine, 4) % 120) - 60 AS latitude,
    ['iOS', 'Android', 'Windows', 'Mac OS', 'Linux'][1 + bitShiftRight(machine, 20) % 5] AS os,
    ['Chrome', 'Safari', 'Firefox', 'Edge', 'Samsung Internet'][1 + bitShiftRight(machine, 28) % 5] AS browser,
    ['mobile', 'desktop', 'desktop', 'tablet'][1 + bitShiftRight(machine, 36) % 4] AS device,
    multiIf(
        step = 9,
        map('__bounce', if(views <= 1, 'true', 'false')),
        name = 'link_out',
        map('href', 'https://partner-' || toString(luck % 40) || '.example/', 'text', 'Partner'),
        map('plan', ['free', 'pro'][1 + luck % 2], 'variant', toString(luck % 4))) AS properties,
    created_at AS received_at
FROM numbers({rows:UInt64})"""


_PROFILES: Final = """\
INSERT INTO profiles (project_id, profile_id, first_name, email, properties, created_at, version, person)
WITH number * 5 AS person_number
SELECT
    {project:String} AS project_id,
    leftPad(lower(hex(person)), 16, '0') AS profile_id,
    'Person ' || toString(person_number) AS first_name,
    'person-' || toString(person_number) || '@shop.example' AS email,
    map('plan', ['free', 'pro'][1 + person_number % 2]) AS properties,
    toDateTime64({date:Date}, 3, 'UTC') AS created_at,
    1 AS version,
    sipHash64(sipHash64(person_number, {project:String})) AS person
FROM numbers(intDiv({persons:UInt64} + 4, 5))"""


@dataclass(frozen=True, slots=True)
class Running:
    """A data set on an engine of its own."""

    warehouse: Warehouse
    url: str


@dataclass(frozen=True, slots=True)
class DataSet:
    """So many events of the large project."""

    events: int = EVENTS

    @property
    def persons(self) -> int:
        """How many people made them."""
        return max(1, self.events // EVENTS_OF_PERSON)

    @property
    def folder(self) -> Path:
        """Where it is kept."""
        return CACHE / f"{_version()}-{self.events}"

    @contextmanager
    def running(self) -> Iterator[Running]:
        """The filled database; the first call on a machine takes about a minute for ten million events."""
        _forget_other_versions()
        self.folder.mkdir(parents=True, exist_ok=True)
        with (
            clickhouse.running(self.folder / "clickhouse") as engine,
            Warehouse(engine.url, database=DATABASE) as opened,
        ):
            if not (self.folder / "filled").exists():
                _fill(opened, self)
                (self.folder / "filled").touch()
            yield Running(opened, engine.url)

    def leave_page_cache(self) -> None:
        """Its files lie on the disk only, for whoever asks next. No engine may run on it."""
        for path in self.folder.rglob("*"):
            if path.is_file():
                _leave_page_cache(path)


def data_sets() -> tuple[DataSet, ...]:
    """Those that the environment asks for, else one of ten and one of fifty million events."""
    asked = os.environ.get(SIZES)
    return (
        tuple(DataSet(int(text)) for text in asked.split(","))
        if asked
        else (DataSet(EVENTS), DataSet(5 * EVENTS))
    )


def _leave_page_cache(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)


def _forget_other_versions() -> None:
    """Each takes half a gigabyte and more."""
    for other in CACHE.glob("*"):
        if not other.name.startswith(f"{_version()}-"):
            shutil.rmtree(other)


def _version() -> str:
    """Another schema or other traffic is another data set."""
    statements = [s for subject in (*tables.ALL, *views.ALL) for s in render(subject, form=Single())]
    numbers = (SMALL_EVENTS, DAYS, LAST_DAY, EVENTS_OF_PERSON)
    text = "\n".join([_DAY, _PROFILES, str(numbers), *statements])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _fill(opened: Warehouse, data: DataSet) -> None:
    opened.create_database()
    opened.command(f"DROP DATABASE IF EXISTS `{DATABASE}`")
    migrations.migrate(opened, form=Single())
    for table in tables.ALL:
        opened.command(f"ALTER TABLE `{table.name}` MODIFY SETTING {_TIDY}")
        if table.ttl:  # the traffic is of a fixed year: nothing would be left to ask for
            opened.command(f"ALTER TABLE `{table.name}` REMOVE TTL")
    sizes = {LARGE: (data.events, data.persons), SMALL: (SMALL_EVENTS, SMALL_EVENTS // EVENTS_OF_PERSON)}
    for project, (events, persons) in sizes.items():
        with ThreadPoolExecutor(2) as pool:
            fill_day = partial(_fill_day, opened, project, events=events, persons=persons)
            for _ in pool.map(fill_day, range(DAYS)):
                pass
        parameters = {"project": project, "persons": persons, "date": LAST_DAY - timedelta(days=DAYS)}
        opened.command(_PROFILES, parameters=parameters)
    for table in tables.ALL:
        _merge(opened, table.name)
    _wait_until_tidy(opened)


def _fill_day(opened: Warehouse, project: str, number: int, *, events: int, persons: int) -> None:
    opened.command(
        _DAY,
        parameters={
            "project": project,
            "day": number,
            "date": LAST_DAY - timedelta(days=DAYS - 1 - number),
            "rows": events // DAYS // ROWS_PER_SESSION * ROWS_PER_SESSION,
            "persons": persons,
        },
        settings={"max_insert_threads": 1, "max_memory_usage": 0},
    )


def _merge(opened: Warehouse, table: str) -> None:
    """One part for each month, one after the other: a large table at once takes longer than an answer may."""
    partitions = opened.query(
        "SELECT DISTINCT partition_id FROM system.parts WHERE database = currentDatabase() AND active"
        " AND table = {table:String}",
        parameters={"table": table},
    )
    for (partition,) in partitions:
        sql = f"OPTIMIZE TABLE `{table}` PARTITION ID '{partition}' FINAL"
        opened.command(sql, settings={"max_execution_time": 0})


def _wait_until_tidy(opened: Warehouse) -> None:
    """Until the parts that were merged into others are gone from the disk: an engine that starts reads them too."""
    merged = "SELECT count() FROM system.parts WHERE database = currentDatabase() AND NOT active"
    deadline = time.monotonic() + TIDY_SECONDS
    while opened.query(merged) != [(0,)]:
        if time.monotonic() > deadline:
            raise RuntimeError("merged parts are still there")
        time.sleep(0.5)
