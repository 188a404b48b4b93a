"""From a frame to the rows of `events`: enrichment, sessions, campaigns, amounts."""

from dataclasses import replace
from typing import Any

import pytest

from openpanel.identity.ids import person_of_profile
from openpanel.metadata import Condition, Filter, ProjectRecord
from openpanel.wire.decode import decode
from openpanel_worker.visits import visit_key
from tests.worker.builders import (
    ALICE,
    BOB,
    NOON,
    PROJECT,
    SERVER,
    Flag,
    Kind,
    RunMode,
    World,
    session_id,
    track,
)

HOME = "https://shop.example/?utm_source=newsletter&utm_medium=email&q=1#top"
CREATED = "toUnixTimestamp64Milli(created_at)"
MINUTE_MS = 60_000


async def test_page_view_gets_everything_that_enrichment_adds(world: World) -> None:
    await world.send(track(__path=HOME, __title="Home", __referrer="https://www.google.com/", plan="pro"))

    world.drain()

    session = session_id(project=PROJECT, device=ALICE, at_ms=NOON)
    [start, view] = world.rows(
        f"name, {CREATED}, session_id, device_id, person, path, origin, title, referrer,"
        " referrer_name, referrer_type, utm_source, utm_medium, country, os, browser, device, properties"
    )
    shared = (
        *(session, ALICE, ALICE, "/", "https://shop.example", "Home", "https://www.google.com"),
        *("newsletter", "search", "newsletter", "email", "US", "Windows", "Chrome", "desktop"),
        {
            "__query.utm_source": "newsletter",
            "__query.utm_medium": "email",
            "__query.q": "1",
            "__hash": "#top",
            "__title": "Home",
            "plan": "pro",
        },
    )
    assert start == ("session_start", NOON - 100, *shared)
    assert view == ("screen_view", NOON, *shared)


async def test_days_are_those_of_the_project(world: World) -> None:
    await world.send(track(__path="/"), minute=-1)
    await world.send(track(__path="/late"), minute=181)  # 00:01 of the next day in Seoul

    world.drain()

    days = world.rows("path, toString(day)", where="name = 'screen_view'")
    assert days == [("/", "2026-01-01"), ("/late", "2026-01-02")]


async def test_later_events_of_a_session_inherit_what_the_first_one_said(world: World) -> None:
    await world.send(track(__path=HOME, __referrer="https://www.bing.com/"))
    await world.send(
        track(__path="https://shop.example/cart", __referrer="https://shop.example/"), minute=5, ip="1.1.1.1"
    )
    await world.send(track("add_to_cart", sku="1"), minute=6, agent="Mozilla/5.0 (X11; Linux) Firefox/126.0")

    world.drain()

    rows = world.rows("referrer, referrer_name, utm_source, country, browser")
    assert len(rows) == 4
    assert set(rows) == {("https://www.bing.com", "newsletter", "newsletter", "US", "Chrome")}


async def test_session_goes_on_with_another_worker(world: World) -> None:
    await world.send(track(__path=HOME, __referrer="https://www.bing.com/"))
    world.drain()
    world.transform = world.new_transform()

    await world.send(track(__path="/cart"), minute=5, ip="1.1.1.1")
    world.drain()

    assert world.rows("name, referrer_name, country", where="path = '/cart'") == [
        ("screen_view", "newsletter", "US")
    ]


async def test_session_whose_beginning_is_forgotten_gets_no_second_start(world: World) -> None:
    resolved = await world.send(track(__path=HOME))
    world.drain()
    world.transform = world.new_transform()
    assert resolved is not None
    world.stream.redis.delete(visit_key(world.stream.pool, 0, resolved.session))

    await world.send(track(__path="/cart", __referrer="https://t.co/x"), minute=5)
    await world.send(track(__path="/pay"), minute=6)
    world.drain()

    assert world.rows("count()", where="name = 'session_start'", order="1") == [(1,)]
    assert world.rows("path, referrer_name", where="path != '/'") == [("/cart", "X"), ("/pay", "X")]


async def test_silence_ends_a_session_once(world: World) -> None:
    await world.send(track(__path="https://shop.example/"))
    await world.send(track(__path="https://shop.example/cart"), minute=10)
    await world.send(track(__path="https://shop.example/again"), minute=60)
    world.sweep(minute=200)
    world.sweep(minute=201)

    world.drain()

    rows = world.rows(f"name, {CREATED}, path, duration, properties['__bounce'], referrer_type")
    ends = [row for row in rows if row[0] == "session_end"]
    assert [row[0] for row in rows].count("session_start") == 2
    assert ends == [
        ("session_end", NOON + 10 * MINUTE_MS + 1_000, "/cart", 10 * MINUTE_MS, "false", ""),
        ("session_end", NOON + 60 * MINUTE_MS + 1_000, "/again", 0, "true", ""),
    ]


async def test_rows_of_a_session_share_its_start(world: World) -> None:
    await world.send(track(__path="/"))
    await world.send(track(__path="/b"), minute=3)
    world.sweep(minute=200)

    world.drain()

    assert world.rows("DISTINCT toUnixTimestamp64Milli(session_started_at)", order="1") == [(NOON,)]
    assert world.rows(
        "views, events, duration_ms, entry_path, exit_path, referrer_type", table="sessions FINAL", order="1"
    ) == [(2, 0, 3 * MINUTE_MS, "/", "/b", "")]


async def test_amount_stands_on_the_revenue_event_only(world: World) -> None:
    await world.send(track("revenue", __revenue=4_200, __path="/paid"))
    await world.send(track("other", __revenue=100), minute=1)

    world.drain()

    assert world.rows("name, revenue") == [("session_start", 0), ("revenue", 4_200), ("other", 0)]
    assert world.rows("mapKeys(properties)", where="name = 'revenue'") == [([],)]


@pytest.mark.parametrize("written", ["4900.0", "4.9e3"])
async def test_amount_that_is_written_as_a_float_counts(world: World, written: str) -> None:
    call = b'{"type":"track","payload":{"name":"revenue","properties":{"__revenue":%s}}}' % written.encode()
    _, kept = decode(call)

    await world.send_many([(Kind.TRACK, None)], body=b"[%s]" % kept)
    world.drain()

    assert world.rows("name, revenue") == [("revenue", 4_900)]
    assert not world.letters()


async def test_known_person_stands_behind_events(world: World) -> None:
    await world.send(track(__path="/", profile="42", groups=["acme", "beta"]))
    world.sweep(minute=200)

    world.drain()

    assert world.rows("name, profile_id, person, groups") == [
        ("session_start", "42", person_of_profile("42"), ["acme", "beta"]),
        ("screen_view", "42", person_of_profile("42"), ["acme", "beta"]),
        ("session_end", "42", person_of_profile("42"), []),
    ]


async def test_late_event_belongs_to_its_session_or_to_none(world: World) -> None:
    await world.send(track(__path="/"), minute=60)
    await world.send(track("late"), minute=50, flags=int(Flag.LATE), mode=RunMode.LATE)
    await world.send(track("lost"), minute=-600, flags=int(Flag.LATE), mode=RunMode.LATE)
    await world.send(track("other"), minute=50, flags=int(Flag.LATE), mode=RunMode.LATE, device=BOB)

    world.drain()

    found = dict(world.rows("name, (session_id != 0, device_id, country)", where="name IN ('lost', 'other')"))
    assert found == {"lost": (False, ALICE, "US"), "other": (False, BOB, "US")}
    assert world.rows("count()", where="name = 'session_start'", order="1") == [(1,)]


async def test_server_event_of_a_person_joins_the_visit(world: World) -> None:
    await world.send(track(__path="https://shop.example/pay", __referrer="https://t.co/x", profile="42"))
    await world.send(
        track("revenue", profile="42", __revenue=100),
        minute=1,
        device=0,
        agent=SERVER,
        ip="1.1.1.1",
        flags=int(Flag.SERVER),
        mode=RunMode.JOIN,
    )

    world.drain()

    assert world.rows(
        "device_id, country, browser, device, referrer_name, path", where="name = 'revenue'"
    ) == [(ALICE, "US", "Chrome", "desktop", "X", "/pay")]


async def test_server_event_without_a_visit_is_a_servers(world: World) -> None:
    await world.send(
        track("renewed", profile="42"), device=0, agent=SERVER, flags=int(Flag.SERVER), mode=RunMode.JOIN
    )

    world.drain()

    assert world.rows("name, session_id, device_id, profile_id, browser, device") == [
        ("renewed", 0, 0, "42", "", "server")
    ]
    assert world.rows("count()", table="person_overrides", order="1") == [(0,)]


async def test_soft_signals_are_told_but_prove_nothing_alone(world: World) -> None:
    flags = int(Flag.SIGNAL_SEC_CH_UA | Flag.SIGNAL_SEC_FETCH)
    await world.send(track(__path="/"), flags=flags)
    await world.send(track(__path="/b"), flags=flags | int(Flag.SERVER), minute=1)

    world.drain()

    assert world.rows(
        "path, properties['__bot_reasons'], properties['__bot']", where="name = 'screen_view'"
    ) == [
        ("/", "missing_sec_ch_ua,missing_sec_fetch", ""),
        ("/b", "", ""),
    ]


async def test_client_cannot_write_reserved_properties(world: World) -> None:
    await world.send(
        track(
            __path="/",
            __ip="1.1.1.1",
            __bot="1",
            __bounce="true",
            __os="Haiku",
            __identify={"profileId": "7", "email": "a@example.com"},
        )
    )

    world.drain()

    [(properties, os, country, profile)] = world.rows(
        "properties, os, country, profile_id", where="name = 'screen_view'"
    )
    assert properties == {"__os": "Haiku"}
    assert (os, country, profile) == ("Haiku", "US", "7")


async def test_truncated_addresses_still_have_a_country(world: World) -> None:
    world.projects[PROJECT] = _with(world, truncate_ip=True)
    await world.send(track(__path="/"))

    world.drain()

    assert world.rows("DISTINCT country", order="1") == [("US",)]


async def test_filtered_event_takes_its_session_start_with_it(world: World) -> None:
    world.projects[PROJECT] = _with(
        world,
        filters=(
            Filter("event", "ping"),
            Filter("event", "*", (Condition("path", "startsWith", ("/admin",)),)),
        ),
    )
    await world.send(track("ping"))
    await world.send(track(__path="/admin/users"), minute=1)
    await world.send(track(__path="/shop", __referrer="https://t.co/x"), minute=2)
    await world.send(track("ping"), device=BOB)
    world.sweep(minute=200)

    world.drain()

    assert world.rows("name, device_id, path, referrer_name") == [
        ("session_start", ALICE, "/shop", "X"),
        ("screen_view", ALICE, "/shop", "X"),
        ("session_end", ALICE, "/shop", "X"),
    ]


@pytest.mark.parametrize(
    ("field", "value"),
    [("referrerName", "X"), ("properties.price", "12"), ("country", "US"), ("properties.__query.q", "1")],
)
async def test_filters_see_columns_and_properties(world: World, field: str, value: str) -> None:
    world.projects[PROJECT] = _with(
        world, filters=(Filter("event", "*", (Condition(field, "is", (value,)),)),)
    )
    await world.send(track(__path="/?q=1", __referrer="https://t.co/x", price=12))

    world.drain()

    assert world.rows("count()", order="1") == [(0,)]


def _with(world: World, **changes: Any) -> ProjectRecord:
    return replace(world.projects[PROJECT], **changes)
