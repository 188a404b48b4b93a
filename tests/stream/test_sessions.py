"""The rules of 30 minutes and of 24 hours as the commit script applies them."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from openpanel.identity.ids import session_id
from openpanel.stream.drain import Message
from openpanel.stream.frames import Resolved, RunMode
from tests.stream.builders import DEVICE, MINUTE, NOON, PROJECT, Stream, a_run, a_stream, an_append

YESTERDAYS = 0xBBBB_0000_0000_0002
DAY = 1_440  # minutes


def bucket_of(minute: float, device: int = DEVICE) -> int:
    return session_id(project=PROJECT, device=device, at_ms=NOON + int(minute * MINUTE))


async def sent_all_the_time(stream: Stream, *, until: int, **fields: Any) -> dict[int, Resolved]:
    """What a wall monitor gets that shows itself every 29 minutes: the answers by minute."""
    return {minute: await stream.visit(minute, **fields) for minute in range(0, until + 1, 29)}


async def test_first_event_opens_the_candidate_session(stream: Stream) -> None:
    answer = await stream.visit(3)

    assert answer.opened
    assert (answer.device, answer.session) == (DEVICE, bucket_of(3))
    assert answer.started_ms == NOON + 3 * MINUTE


async def test_event_within_30_minutes_extends(stream: Stream) -> None:
    first = await stream.visit(0)

    second = await stream.visit(29.99)
    third = await stream.visit(59.98)

    assert second.session == third.session == first.session
    assert not second.opened
    assert third.started_ms == NOON


async def test_event_after_exactly_30_minutes_opens_anew(stream: Stream) -> None:
    first = await stream.visit(0)

    second = await stream.visit(30)

    assert second.opened
    assert second.session != first.session
    assert second.started_ms == NOON + 30 * MINUTE


async def test_boundary_closes_the_old_session_on_the_new_ones_message(stream: Stream) -> None:
    first = await stream.visit(0, path="/in", profile="p1")
    await stream.visit(10, path="/out", views=0, events=3)
    await stream.visit(50)

    *_, last = stream.messages()

    assert last.opened
    assert last.closed is not None
    assert last.closed.session == first.session
    assert (last.closed.started_ms, last.closed.ended_ms) == (NOON, NOON + 10 * MINUTE)
    assert (last.closed.views, last.closed.events) == (1, 3)
    assert (last.closed.exit_path, last.closed.profile) == ("/out", "p1")
    assert last.closed.project == PROJECT


async def test_visit_that_never_falls_silent_ends_after_24_hours(stream: Stream) -> None:
    answers = await sent_all_the_time(stream, until=3 * DAY + 30)
    left = stream.sweep(4 * DAY)

    assert [minute for minute, answer in answers.items() if answer.opened] == [0, 1_450, 2_900, 4_350]
    sessions = [answer.session for answer in answers.values()]
    assert len(set(sessions)) == 4
    assert sessions == sorted(sessions, key=sessions.index)
    assert [ended.session for ended in left] == sessions[-1:]


async def test_visit_of_24_hours_ends_once_with_what_was_done_in_it(stream: Stream) -> None:
    answers = await sent_all_the_time(stream, until=DAY + 10)
    ends = [message.closed for message in stream.messages() if message.closed is not None]
    (left,) = stream.sweep(2 * DAY)

    (ended,) = ends
    assert (ended.session, ended.views) == (answers[0].session, 50)
    assert (ended.started_ms, ended.ended_ms) == (NOON, NOON + (DAY - 19) * MINUTE)
    assert (left.session, left.views) == (answers[1_450].session, 1)


async def test_last_moment_of_24_hours_is_part_of_the_visit(stream: Stream) -> None:
    answers = await sent_all_the_time(stream, until=DAY - 1)

    last = await stream.append(a_run(NOON + DAY * MINUTE - 1))
    next_one = await stream.append(a_run(NOON + DAY * MINUTE))

    assert last.session == answers[0].session
    assert next_one.opened


async def test_call_that_crosses_the_24_hours_begins_the_next_visit(stream: Stream) -> None:
    first = (await sent_all_the_time(stream, until=DAY - 1))[0]

    crossing = await stream.append(a_run(NOON + (DAY - 5) * MINUTE, last=NOON + (DAY + 5) * MINUTE))

    assert crossing.opened
    assert crossing.session != first.session
    assert crossing.started_ms == NOON + (DAY - 5) * MINUTE


async def test_next_visit_after_24_hours_has_todays_device(stream: Stream) -> None:
    for minute in range(0, DAY, 29):
        await stream.append(a_run(NOON + minute * MINUTE, device=YESTERDAYS))

    after = await stream.visit(DAY, previous_device=YESTERDAYS)

    assert after.opened
    assert after.device == DEVICE


async def test_late_events_find_both_visits_around_the_24_hours(stream: Stream) -> None:
    answers = await sent_all_the_time(stream, until=DAY + 10)

    before = await stream.visit(DAY - 1, mode=RunMode.LATE)
    between = await stream.visit(DAY + 1, mode=RunMode.LATE)

    assert before.session == answers[0].session
    assert between.session == answers[DAY + 10].session != before.session


async def test_late_event_of_a_visit_that_took_24_hours_and_has_no_next_one_belongs_to_none(
    stream: Stream,
) -> None:
    await sent_all_the_time(stream, until=DAY - 1)

    late = await stream.visit(DAY + 1, mode=RunMode.LATE)

    assert (late.session, late.opened) == (0, False)


async def test_earlier_event_that_would_make_a_visit_of_24_hours_has_one_of_its_own(stream: Stream) -> None:
    visit = (await sent_all_the_time(stream, until=DAY - 10))[0]

    near = await stream.visit(-5)
    far = await stream.visit(-25)

    assert near.session == visit.session
    assert far.opened
    assert far.session != visit.session


async def test_peek_after_24_hours_tells_the_id_of_the_next_visit(stream: Stream) -> None:
    visit = (await sent_all_the_time(stream, until=DAY - 1))[0]

    peeked = await stream.visit(DAY, mode=RunMode.PEEK)
    opened = await stream.visit(DAY + 1)

    assert peeked.session == opened.session != visit.session


async def test_server_event_joins_no_visit_of_24_hours_but_the_next(stream: Stream) -> None:
    await sent_all_the_time(stream, until=DAY - 1, profile="p1")

    too_late = await stream.visit(DAY, device=7, mode=RunMode.JOIN, profile="p1")
    visit = await stream.visit(DAY + 1, profile="p1")
    joined = await stream.visit(DAY + 2, device=7, mode=RunMode.JOIN, profile="p1")

    assert (too_late.device, too_late.session) == (0, 0)
    assert joined.session == visit.session


async def test_only_first_message_of_a_run_says_that_it_opened(stream: Stream) -> None:
    run = a_run(views=3)
    append = an_append(run)
    assert append.envelope is not None
    items = append.envelope.items * 3
    envelope = type(append.envelope)(PROJECT, "client", NOON, "", "", "", "", "", b"[]", items)
    await stream.committer.append(an_append(run, envelope=envelope))

    messages = stream.messages()

    assert [message.opened for message in messages] == [True, False, False]
    assert len({message.session for message in messages}) == 1


async def test_earlier_event_keeps_the_start_that_is_the_key(stream: Stream) -> None:
    first = await stream.visit(10)

    earlier = await stream.visit(2)

    assert earlier == type(earlier)(first.device, first.session, opened=False, started_ms=first.started_ms)


async def test_earlier_event_does_not_move_the_exit_page(stream: Stream) -> None:
    await stream.visit(10, path="/late")
    await stream.visit(2, path="/early")

    (ended,) = stream.sweep(60)

    assert (ended.exit_path, ended.ended_ms, ended.views) == ("/late", NOON + 10 * MINUTE, 2)


async def test_visit_keeps_yesterdays_device_over_midnight(stream: Stream) -> None:
    before = await stream.append(a_run(NOON, device=YESTERDAYS))

    after = await stream.visit(10, previous_device=YESTERDAYS)
    later = await stream.visit(35, previous_device=YESTERDAYS)

    assert (after.device, after.session) == (YESTERDAYS, before.session)
    assert later == after
    assert [message.device for message in stream.messages()] == [YESTERDAYS] * 3


async def test_new_visit_after_midnight_has_todays_device(stream: Stream) -> None:
    await stream.append(a_run(NOON, device=YESTERDAYS))

    after = await stream.visit(30, previous_device=YESTERDAYS)

    assert after.opened
    assert after.device == DEVICE


async def test_late_event_finds_the_session_before(stream: Stream) -> None:
    first = await stream.visit(0)
    await stream.visit(20)
    second = await stream.visit(60)

    inside = await stream.visit(10, mode=RunMode.LATE)
    after_its_end = await stream.visit(29, mode=RunMode.LATE)
    of_the_newest = await stream.visit(61, mode=RunMode.LATE)

    assert inside.session == after_its_end.session == first.session
    assert of_the_newest.session == second.session


@pytest.mark.parametrize("minute", [-40, 200], ids=["before any", "after the last"])
async def test_late_event_outside_any_session_has_none(stream: Stream, minute: int) -> None:
    await stream.visit(0)

    answer = await stream.visit(minute, mode=RunMode.LATE)

    assert (answer.device, answer.session, answer.opened, answer.started_ms) == (DEVICE, 0, False, 0)


async def test_late_event_of_an_unknown_device_opens_nothing(stream: Stream) -> None:
    answer = await stream.visit(0, mode=RunMode.LATE)

    assert answer.session == 0
    assert stream.sweep(600) == []


async def test_late_event_does_not_prolong_a_live_visit(stream: Stream) -> None:
    await stream.visit(0)
    stream.clock.now_ms = NOON + 20 * MINUTE
    await stream.visit(1, mode=RunMode.LATE)

    (ended,) = stream.sweep(30)

    assert (ended.ended_ms, ended.views) == (NOON + MINUTE, 2)


async def test_late_event_between_devices_prefers_the_visit_it_continues(stream: Stream) -> None:
    old = await stream.append(a_run(NOON, device=YESTERDAYS))
    await stream.visit(40, previous_device=YESTERDAYS)

    late = await stream.visit(25, previous_device=YESTERDAYS, mode=RunMode.LATE)

    assert (late.device, late.session) == (YESTERDAYS, old.session)


async def test_peek_reads_and_writes_nothing(stream: Stream) -> None:
    live = await stream.visit(0)

    seen = await stream.visit(20, mode=RunMode.PEEK, views=0)
    unseen = await stream.visit(45, mode=RunMode.PEEK, views=0)
    (ended,) = stream.sweep(60)

    assert (seen.session, seen.started_ms) == (live.session, NOON)
    assert (unseen.session, unseen.started_ms, unseen.opened) == (bucket_of(45), 0, False)
    assert ended.ended_ms == NOON


async def test_peek_is_told_the_id_that_the_next_event_opens(stream: Stream) -> None:
    peeked = await stream.visit(4, mode=RunMode.PEEK)

    opened = await stream.visit(5)

    assert opened.session == peeked.session


async def test_peek_without_envelope_appends_nothing(stream: Stream) -> None:
    answer = await stream.append(a_run(mode=RunMode.PEEK), envelope=None)

    assert answer.session == bucket_of(0)
    assert stream.drained() == []


async def test_server_event_joins_the_live_session_of_its_profile(stream: Stream) -> None:
    visit = await stream.visit(0, profile="p1")

    joined = await stream.visit(29, device=7, mode=RunMode.JOIN, profile="p1")
    (ended,) = stream.sweep(60)

    assert (joined.device, joined.session, joined.started_ms) == (DEVICE, visit.session, NOON)
    assert (ended.ended_ms, ended.views) == (NOON, 1)


@pytest.mark.parametrize(
    ("minute", "profile"),
    [(30, "p1"), (1, "p2"), (1, "")],
    ids=["idle for 30 minutes", "unknown profile", "no profile"],
)
async def test_server_event_without_live_session_has_no_ids(
    stream: Stream, minute: int, profile: str
) -> None:
    await stream.visit(0, profile="p1")

    joined = await stream.visit(minute, device=7, mode=RunMode.JOIN, profile=profile)

    assert (joined.device, joined.session, joined.started_ms) == (0, 0, 0)


async def test_server_event_joins_over_midnight(stream: Stream) -> None:
    before = await stream.append(a_run(NOON, device=YESTERDAYS))
    await stream.visit(5, previous_device=YESTERDAYS, profile="p1")

    joined = await stream.visit(6, device=7, mode=RunMode.JOIN, profile="p1")

    assert (joined.device, joined.session) == (YESTERDAYS, before.session)


async def test_identify_points_to_the_device_but_not_away_from_a_visit(stream: Stream) -> None:
    visit = await stream.visit(0)
    await stream.visit(1, mode=RunMode.PEEK, profile="p1")
    await stream.visit(2, device=99, mode=RunMode.PEEK, profile="p1")

    joined = await stream.visit(3, device=7, mode=RunMode.JOIN, profile="p1")

    assert joined.session == visit.session


async def test_two_committers_open_one_session(valkey_url: str, tmp_path: Path) -> None:
    async with (
        a_stream(valkey_url, tmp_path) as one,
        a_stream(valkey_url, tmp_path, pool=one.pool) as other,
    ):
        answers = await asyncio.gather(*(each.visit(minute) for minute in range(20) for each in (one, other)))

        assert len({answer.session for answer in answers}) == 1
        assert sum(answer.opened for answer in answers) == 1
        assert sum(message.opened for message in one.messages()) == 1


async def test_runs_of_one_append_are_resolved_in_order(stream: Stream) -> None:
    answers = await stream.committer.append(
        an_append(a_run(NOON), a_run(NOON + 40 * MINUTE), a_run(NOON + 60 * MINUTE))
    )

    assert [answer.opened for answer in answers] == [True, True, False]
    assert answers[1].session == answers[2].session != answers[0].session


async def test_late_run_belongs_to_the_session_that_a_later_run_of_its_append_opens(stream: Stream) -> None:
    answers = await stream.committer.append(
        an_append(a_run(NOON, mode=RunMode.LATE, path="/landing"), a_run(NOON + 20 * MINUTE, path="/pay"))
    )
    (ended,) = stream.sweep(100)

    assert [answer.opened for answer in answers] == [False, True]
    assert answers[0].session == answers[1].session
    assert (ended.views, ended.exit_path) == (2, "/pay")


async def test_late_run_goes_on_with_the_visit_before_it_and_so_does_what_follows(stream: Stream) -> None:
    visit = await stream.visit(0)

    answers = await stream.committer.append(
        an_append(a_run(NOON + 25 * MINUTE, mode=RunMode.LATE), a_run(NOON + 50 * MINUTE))
    )

    assert {answer.session for answer in answers} == {visit.session}


async def test_keyed_late_message_belongs_to_the_session_that_its_request_opens(stream: Stream) -> None:
    runs = (a_run(NOON, mode=RunMode.LATE), a_run(NOON + 20 * MINUTE))
    first = await stream.committer.append(an_append(*runs, idempotency=("a", "b")))
    again = await stream.committer.append(an_append(*runs, idempotency=("a", "b")))

    assert first[0].session == first[1].session != 0
    assert [answer.session for answer in again] == [answer.session for answer in first]


async def test_server_event_does_not_join_the_visit_of_another_profile(stream: Stream) -> None:
    await stream.visit(0, profile="ann")
    shared = await stream.visit(40, profile="bob")

    of_ann = await stream.visit(41, device=7, mode=RunMode.JOIN, profile="ann")
    of_bob = await stream.visit(41, device=7, mode=RunMode.JOIN, profile="bob")

    assert (of_ann.device, of_ann.session) == (0, 0)
    assert of_bob.session == shared.session


async def test_event_older_than_the_newest_session_gets_one_of_its_own(stream: Stream) -> None:
    fresh = await stream.visit(300)

    old = await stream.visit(0, path="/old")
    next_to_it = await stream.visit(20)
    still_fresh = await stream.visit(301)
    messages = [message for message in stream.messages() if message.session == old.session]

    assert old.opened
    assert next_to_it.session == old.session
    assert still_fresh.session == fresh.session
    assert messages[0].closed is not None
    assert (messages[0].closed.session, messages[0].closed.exit_path) == (old.session, "/old")
    assert [ended.session for ended in stream.sweep(400)] == [fresh.session]


async def test_event_older_than_all_known_sessions_opens_nothing_twice(stream: Stream) -> None:
    await stream.visit(300)
    await stream.visit(200)

    first, second = await stream.visit(0), await stream.visit(1)

    assert first.session == second.session == 0


async def test_session_row_facts_come_with_each_message(stream: Stream) -> None:
    await stream.visit(0)
    await stream.visit(5)

    records = stream.drained()

    assert all(isinstance(record, Message) for record in records)
    assert {record.session_started_ms for record in records if isinstance(record, Message)} == {NOON}
    assert len({record.event_id for record in records}) == 2
    assert [record.order for record in records] == sorted(record.order for record in records)
