"""Ten million made-up events in ClickHouse, made there by INSERT … SELECT and kept between runs.

One large project and a few small ones over 90 days; sessions of ten rows (a start row, eight events, an end row),
returning persons, some of them known, a long tail of pages. The views fill sessions and rollups as always.
"""

import hashlib
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
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
SMALL_EVENTS: Final = 50_000
ROWS_PER_SESSION: Final = 10
DAYS: Final = 90
LAST_DAY: Final = date(2026, 3, 29)  # a Sunday, so that weeks are whole
NOW: Final = datetime(2026, 3, 29, 23, 59, 59, tzinfo=UTC)
PERSONS: Final = 400_000
TIDY_SECONDS: Final = 300

_DAY: Final = """\
INSERT INTO events
    (project_id, day, name, device_id, created_at, event_id, session_id, session_started_at, person, profile_id, path,
    origin, referrer_name, duration, country, region, city, os, browser, device, properties, received_at)
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
    if(is_known, 'profile-' || toString(person_number), '') AS profile_id,
    '/page/' || toString(toUInt32(2000 * pow((sipHash64(luck, step) % 1000000) / 1000000, 3))) AS path,
    'https://shop.example' AS origin,
    ['', '', '', 'Google', 'Google', 'Bing', 'Naver', 'Reddit', 'newsletter', 'ChatGPT'][1 + bitShiftRight(luck, 24) % 10]
        AS referrer_name,
    toUInt64(if(step = 9, 7 * pace, 0)) AS duration,
    ['KR', 'KR', 'US', 'US', 'DE', 'JP', 'FR', 'BR', 'IN', 'GB', 'VN', ''][1 + bitShiftRight(machine, 4) % 12] AS country,
    'region-' || toString(bitShiftRight(machine, 4) % 120) AS region,
    'city-' || toString(bitShiftRight(machine, 4) % 900) AS city,
    ['iOS', 'Android', 'Windows', 'Mac OS', 'Linux'][1 + bitShiftRight(machine, 20) % 5] AS os,
    ['Chrome', 'Safari', 'Firefox', 'Edge', 'Samsung Internet'][1 + bitShiftRight(machine, 28) % 5] AS browser,
    ['mobile', 'desktop', 'desktop', 'tablet'][1 + bitShiftRight(machine, 36) % 4] AS device,
    if(step = 9,
        map('__bounce', if(views <= 1, 'true', 'false')),
        map('plan', ['free', 'pro'][1 + luck % 2], 'variant', toString(luck % 4))) AS properties,
    created_at AS received_at
FROM numbers({rows:UInt64})"""


@contextmanager
def warehouse() -> Iterator[Warehouse]:
    """The filled database on an engine of its own; the first call on a machine takes about a minute."""
    folder = CACHE / _version()
    for other in CACHE.glob("*"):
        if other != folder:  # of another schema; each takes half a gigabyte
            shutil.rmtree(other)
    folder.mkdir(parents=True, exist_ok=True)
    with (
        clickhouse.running(folder / "clickhouse") as engine,
        Warehouse(engine.url, database=DATABASE) as opened,
    ):
        if not (folder / "filled").exists():
            _fill(opened)
            (folder / "filled").touch()
        yield opened


def files() -> Iterator[Path]:
    """The files of the data set, for whoever wants them out of the page cache."""
    return (path for path in (CACHE / _version()).rglob("*") if path.is_file())


def _version() -> str:
    """Another schema or other traffic is another data set."""
    statements = [s for subject in (*tables.ALL, *views.ALL) for s in render(subject, form=Single())]
    text = "\n".join([_DAY, str((EVENTS, SMALL_EVENTS, DAYS, LAST_DAY, PERSONS)), *statements])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _fill(opened: Warehouse) -> None:
    opened.create_database()
    opened.command(f"DROP DATABASE IF EXISTS `{DATABASE}`")
    migrations.migrate(opened, form=Single())
    with ThreadPoolExecutor(2) as pool:
        for _ in pool.map(lambda number: _fill_day(opened, number), range(DAYS)):
            pass
    for table in tables.ALL:
        opened.command(f"OPTIMIZE TABLE `{table.name}` FINAL", settings={"max_execution_time": 0})
        opened.command(f"ALTER TABLE `{table.name}` MODIFY SETTING old_parts_lifetime = 1")
    _wait_until_tidy(opened)


def _fill_day(opened: Warehouse, number: int) -> None:
    for project, events, persons in ((LARGE, EVENTS, PERSONS), (SMALL, SMALL_EVENTS, 2_000)):
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


def _wait_until_tidy(opened: Warehouse) -> None:
    """Until the parts that were merged into others are gone from the disk: an engine that starts reads them too."""
    merged = (
        "SELECT count() FROM system.parts WHERE database = currentDatabase() AND NOT active"
        " AND table NOT IN {expiring:Array(String)}"
    )
    expiring = [
        table.name for table in tables.ALL if table.ttl
    ]  # old traffic has expired there: nothing is left
    deadline = time.monotonic() + TIDY_SECONDS
    while opened.query(merged, parameters={"expiring": expiring}) != [(0,)]:
        if time.monotonic() > deadline:
            raise RuntimeError("merged parts are still there")
        time.sleep(0.5)
