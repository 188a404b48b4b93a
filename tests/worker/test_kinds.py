"""Every kind of message besides events, from a frame to its row."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from openpanel.identity.ids import hash64, person_of_profile
from openpanel_worker.drain import Outcome
from tests.worker.builders import (
    ALICE,
    BOB,
    NOON,
    PROJECT,
    SERVER,
    Flag,
    Kind,
    World,
    message,
    to_hex,
    track,
)

PROFILE = "first_name, last_name, email, properties, groups"


def profile(world: World, name: str = "42", columns: str = PROFILE) -> tuple[object, ...]:
    [row] = world.rows(columns, table="profiles FINAL", where=f"profile_id = '{name}'", order="1")
    return row


async def test_identify_makes_a_profile_with_place_and_device(world: World) -> None:
    await world.send(
        message(
            "identify",
            profileId="42",
            firstName="Ada",
            email="ada@example.com",
            properties={"plan": {"name": "pro"}},
        )
    )

    world.drain()

    first, last, email, properties, groups = profile(world)
    assert (first, last, email, groups) == ("Ada", "", "ada@example.com", [])
    assert isinstance(properties, dict)
    assert properties["plan.name"] == "pro"
    assert (properties["country"], properties["browser"], properties["device"]) == ("US", "Chrome", "desktop")


async def test_last_word_wins_and_empty_words_do_not(world: World) -> None:
    await world.send(message("identify", profileId="42", firstName="Ada", properties={"a": 1, "b": 2}))
    world.drain()
    await world.send(
        message("identify", profileId="42", firstName="", lastName="Byron", properties={"b": 3, "a": ""}),
        minute=1,
    )
    await world.send(message("identify", profileId="42", lastName="Lovelace"), minute=2)

    world.drain()

    assert profile(world, columns="first_name, last_name, properties['a'], properties['b']") == (
        "Ada", "Lovelace", "1", "3",
    )  # fmt: skip
    assert profile(world, columns="toUnixTimestamp64Milli(created_at)") == (NOON,)


async def test_server_says_nothing_about_a_persons_device(world: World) -> None:
    await world.send(message("identify", profileId="42"))
    await world.send(
        message("identify", profileId="42", firstName="Ada"),
        device=0,
        agent=SERVER,
        flags=int(Flag.SERVER),
        mode=None,
    )

    world.drain()

    assert profile(world, columns="first_name, properties['device']") == ("Ada", "desktop")


async def test_identify_within_an_event_counts(world: World) -> None:
    await world.send(track(__path="/", __identify={"profileId": 42, "firstName": "Ada"}))

    world.drain()

    assert profile(world, columns="first_name") == ("Ada",)
    assert world.rows("profile_id, person", where="name = 'screen_view'") == [("42", person_of_profile("42"))]


async def test_numbers_count_up_and_down_from_nothing(world: World) -> None:
    for step in (
        message("increment", profileId="42", property="stats.logins"),
        message("increment", profileId="42", property="stats.logins", value=4),
        message("decrement", profileId="42", property="stats.logins", value=2),
        message("increment", profileId="42", property="credit", value=0.5),
    ):
        await world.send(step)

    world.drain()

    assert profile(world, columns="properties") == ({"stats.logins": "3", "credit": "0.5"},)


async def test_counting_what_is_no_number_is_a_dead_letter(world: World) -> None:
    await world.send(message("identify", profileId="42", properties={"plan": "pro"}))
    await world.send(message("increment", profileId="42", property="plan"))
    await world.send(message("increment", profileId="42", property="logins"))

    world.drain()

    [(reason, detail, body)] = world.letters()
    assert (reason, detail) == ("property is not a number", "the property holds 'pro'")
    assert json.loads(body)["payload"]["property"] == "plan"
    assert profile(world, columns="properties['plan'], properties['logins']") == ("pro", "1")


async def test_number_too_large_to_be_added_to_is_a_dead_letter_and_its_neighbours_go_on(
    world: World,
) -> None:
    await world.send(message("identify", profileId="42", properties={"n": "9" * 400}))
    await world.send(message("increment", profileId="42", property="n", value=1.5))
    await world.send(message("increment", profileId="42", property="logins"))
    await world.send(track("after"))

    assert world.drain() is Outcome.EMPTY

    assert [letter[0] for letter in world.letters()] == ["property is not a number"]
    assert profile(world, columns="properties['n'], properties['logins']") == ("9" * 400, "1")
    assert world.rows("count()", where="name = 'after'", order="1") == [(1,)]


async def test_change_that_fails_in_a_way_nobody_foresaw_is_a_dead_letter(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("nobody foresaw this")

    monkeypatch.setattr("openpanel_worker.people.changed", fail)
    monkeypatch.setattr("openpanel_worker.people.regrouped", fail)
    await world.send(message("identify", profileId="42", firstName="Ada"))
    await world.send(message("group", id="acme", type="company", name="Acme"))
    await world.send(track("after"))

    assert world.drain() is Outcome.EMPTY

    assert [letter[0] for letter in world.letters()] == ["message cannot be processed"] * 2
    assert world.rows("count()", where="name = 'after'", order="1") == [(1,)]


async def test_profile_that_is_full_keeps_what_it_knows_and_says_what_found_no_room(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("openpanel_worker.bounded.MAX_PROPERTIES", 3)
    server: Any = {"device": 0, "agent": SERVER, "flags": int(Flag.SERVER), "mode": None}
    for said in (
        message("identify", profileId="42", properties={"a": 1, "b": 1}),
        message("identify", profileId="42", properties={"b": 2, "c": 2, "d": 2}),
        message("increment", profileId="42", property="e"),
        message("increment", profileId="42", property="c"),
    ):
        await world.send(said, **server)

    world.drain()

    assert profile(world, columns="properties") == ({"a": "1", "b": "2", "c": "3"},)
    assert [letter[:2] for letter in world.letters()] == [
        ("profile or group is full", "no room beside 3 for 'd'"),
        ("profile or group is full", "no room beside 3 for 'e'"),
    ]


async def test_group_that_is_full_keeps_what_it_knows_and_says_what_found_no_room(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("openpanel_worker.bounded.MAX_PROPERTIES", 2)
    monkeypatch.setattr("openpanel_worker.groups.MAX_PROPERTIES", 2)
    await world.send(message("group", id="acme", type="company", name="Acme", properties={"a": 1, "b": 1}))
    await world.send(
        message("group", id="acme", type="company", name="Acme Inc", properties={"b": 2, "c": 2})
    )

    world.drain()

    assert world.rows("name, properties", table="groups FINAL", order="1") == [
        ("Acme Inc", {"a": "1", "b": "2"})
    ]
    assert [letter[:2] for letter in world.letters()] == [
        ("profile or group is full", "no room beside 2 for 'c'")
    ]


async def test_groups_are_described_and_joined(world: World) -> None:
    await world.send(message("group", id="acme", type="company", name="Acme", properties={"seats": 5}))
    await world.send(message("group", id="acme", type="company", name="Acme Inc", properties={"plan": "pro"}))
    await world.send(message("assign_group", profileId="42", groupIds=["acme"]))
    await world.send(message("assign_group", profileId="42", groupIds=["beta", "acme"]))

    world.drain()

    assert world.rows("group_id, type, name, properties", table="groups FINAL", order="1") == [
        ("acme", "company", "Acme Inc", {"seats": "5", "plan": "pro"})
    ]
    assert profile(world, columns="groups") == (["acme", "beta"],)


async def test_visitor_without_a_name_joins_a_group_as_its_device(world: World) -> None:
    await world.send(message("assign_group", groupIds=["acme"]))
    await world.send(message("assign_group", groupIds=["acme"]), device=0, agent=SERVER, mode=None)

    world.drain()

    assert profile(world, to_hex(ALICE), "groups") == (["acme"],)
    assert [letter[0] for letter in world.letters()] == ["no profile and no device"]


async def test_device_that_becomes_known_is_its_person(world: World) -> None:
    await world.send(track(__path="/"))
    await world.send(message("identify", profileId="42"), minute=1)
    await world.send(message("identify", profileId="43"), minute=2)
    await world.send(track(__path="/b", profile="44"), device=BOB)
    world.drain()
    world.transform = world.new_transform()
    await world.send(track(__path="/c", profile="45"), device=BOB, minute=3)

    world.drain()

    assert world.rows("person, into", table="person_overrides FINAL", order="person") == [
        (BOB, person_of_profile("44")),
        (ALICE, person_of_profile("42")),
    ]


async def test_alias_is_the_same_person(world: World) -> None:
    await world.send(message("alias", profileId="42", alias="ada"))
    await world.send(message("alias", profileId="42", alias="42"))

    world.drain()

    assert world.rows("person, into", table="person_overrides FINAL", order="1") == [
        (person_of_profile("ada"), person_of_profile("42"))
    ]


async def test_replay_chunks_go_to_their_session(world: World) -> None:
    chunk = {
        "chunk_index": 1, "events_count": 7, "is_full_snapshot": True, "payload": "[{}]",
        "started_at": "2099-01-01T12:00:00.000Z", "ended_at": "2099-01-01T12:00:05.000Z",
    }  # fmt: skip
    resolved = await world.send(track(__path="/"))
    assert resolved is not None
    await world.send(message("replay", **chunk, sessionId=to_hex(resolved.session)), device=BOB)
    await world.send(message("replay", **(chunk | {"chunk_index": 2})))
    await world.send(message("replay", **chunk), device=0, agent=SERVER, mode=None)

    world.drain()

    assert world.rows(
        "session_id, chunk_index, events_count, is_full_snapshot, payload",
        table="replay_chunks",
        order="chunk_index",
    ) == [(resolved.session, 1, 7, True, "[{}]"), (resolved.session, 2, 7, True, "[{}]")]
    assert [letter[0] for letter in world.letters()] == ["replay without a session"]


async def test_bots_are_kept_apart(world: World) -> None:
    await world.send_many(
        [(Kind.BOT, track(__path="https://shop.example/x?y=1"))],
        items={0: {"device_ref": "Googlebot|Search bot"}},
    )

    world.drain()

    assert world.rows("name, type, path", table="bots", order="1") == [("Googlebot", "Search bot", "/x")]
    assert world.rows("count()", order="1") == [(0,)]


async def test_imported_rows_keep_their_ids_and_sessions(world: World) -> None:
    first = {
        "name": "screen_view", "created_at": "2024-05-01 10:00:05.000", "device_id": "dev-1", "session_id": "s1",
        "profile_id": "dev-1", "path": "https://shop.example/a?utm_source=x", "referrer": "https://t.co/x",
        "os": "iOS", "country": "SE", "properties": {"a": {"b": 1}},
    }  # fmt: skip
    second = {
        "name": "revenue",
        "created_at": "2024-05-01T10:00:00Z",
        "device_id": "dev-1",
        "session_id": "s1",
        "profile_id": "42",
        "revenue": 5,
    }
    device = hash64("device", PROJECT, "dev-1")
    ten = 1_714_557_600_000
    await world.send_many(
        [(Kind.IMPORT, first), (Kind.IMPORT, second)],
        items={
            0: {"at_ms": ten + 5_000, "device": device, "device_ref": "dev-1"},
            1: {"at_ms": ten, "device": device, "device_ref": "dev-1"},
        },
    )

    world.drain()

    session = hash64("session", PROJECT, "s1")
    assert world.rows(
        "name, device_id, device_ref, session_id, toUnixTimestamp64Milli(session_started_at), profile_id, path,"
        " referrer_name, utm_source, os, country, revenue, properties, toString(day), imported_at != 0"
    ) == [
        ("revenue", device, "dev-1", session, ten, "42", "", "", "", "", "", 5, {}, "2024-05-01", 1),
        (
            *("screen_view", device, "dev-1", session, ten, "", "/a", "X", "x", "iOS", "SE", 0),
            *({"__query.utm_source": "x", "a.b": "1"}, "2024-05-01", 1),
        ),
    ]


@pytest.mark.parametrize(
    "steering",
    [
        {"__ip": "198.51.100.7", "__identify": {"profileId": "7", "email": "ada@example.com"}},
        {"__ip": "198.51.100.7", "__identify.profileId": "7", "__identify.email": "ada@example.com"},
    ],
    ids=["as they are sent", "as exports flatten them"],
)
async def test_imported_row_keeps_no_property_that_is_only_used(
    world: World, steering: dict[str, Any]
) -> None:
    used = steering | {
        "__timestamp": "2024-05-01",
        "__revenue": 5,
        "__path": "/x",
        "__referrer": "/",
        "__bounce": "true",
    }
    row = {"name": "buy", "created_at": "2024-05-01T10:00:00Z", "device_id": "dev-1"}
    await world.send_many([(Kind.IMPORT, {**row, "properties": used | {"plan": "pro", "path": "/own"}})])

    world.drain()

    assert world.rows("properties") == [({"plan": "pro", "path": "/own"},)]


async def test_imported_end_of_a_session_says_whether_it_bounced(world: World) -> None:
    row = {"name": "session_end", "created_at": "2024-05-01T10:00:00Z", "device_id": "dev-1"}
    await world.send_many(
        [(Kind.IMPORT, {**row, "properties": {"__bounce": "true", "__ip": "198.51.100.7"}})]
    )

    world.drain()

    assert world.rows("properties") == [({"__bounce": "true"},)]


async def test_imported_visitor_who_became_a_person_is_one_with_what_came_before(world: World) -> None:
    device = hash64("device", PROJECT, "dev-1")
    anonymous = {"name": "screen_view", "created_at": "2024-05-01T10:00:00Z", "device_id": "dev-1"}
    known = {**anonymous, "created_at": "2024-05-02T10:00:00Z", "profile_id": "42"}
    await world.send_many(
        [(Kind.IMPORT, anonymous), (Kind.IMPORT, known), (Kind.IMPORT, known)],
        items={place: {"device": device, "device_ref": "dev-1"} for place in range(3)},
    )

    world.drain()

    assert world.rows("project_id, person, into", table="person_overrides", order="1") == [
        (PROJECT, device, person_of_profile("42"))
    ]


async def test_nothing_of_an_erased_project_is_written(world: World) -> None:
    world.erased_at["erased"] = datetime(2025, 1, 1, tzinfo=UTC)  # whatever comes later, too
    await world.send(track(__path="/a"), project="erased")
    await world.send(message("identify", profileId="42", firstName="Ada"), project="erased")
    await world.send(track(__path="/b"))
    world.sweep(minute=100)

    world.drain()

    for table in ("events", "sessions", "profiles", "person_overrides", "dead_letters"):
        assert world.rows("count()", table=table, where="project_id = 'erased'", order="1") == [(0,)], table
    assert world.rows("count()", order="1") == [(3,)]
    assert world.stream.redis.xlen(world.stream.keys.stream) == 0


async def test_what_a_removed_project_was_sent_is_written_where_its_data_stay(world: World) -> None:
    world.projects[PROJECT] = replace(world.projects[PROJECT], deleted=True)
    await world.send(track(__path="/a"))

    world.drain()

    assert world.rows("count()", where="name = 'screen_view'", order="1") == [(1,)]


async def test_batch_is_split_into_its_messages(world: World) -> None:
    await world.send_many(
        [
            (Kind.TRACK, track("first")),
            (Kind.INCREMENT, message("increment", profileId="42", property="n")),
            (Kind.TRACK, track("second")),
        ]
    )

    world.drain()

    assert world.rows("name, session_id", order="name") == [("first", 0), ("second", 0)]
    assert profile(world, columns="properties") == ({"n": "1"},)
