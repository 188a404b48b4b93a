"""What one decision does, and what any run of decisions promises."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openpanel.tenancy.workload import Workers
from openpanel_operator.scaling import (
    Decision,
    History,
    Observation,
    PoolState,
    Reason,
    Settings,
    decide,
    deletion_cost,
    settings_of,
)

PATIENT = settings(deadline=None, max_examples=60)  # promises are no matter of time
LONG_AGO = -1e9
TICK = 5.0  # seconds between two decisions
POOL = Settings(least=1, most=10, target=1_000)


def history(**known: object) -> History:
    """A history that goes back far enough for anything."""
    return replace(History(since=LONG_AGO), **known)  # type: ignore[arg-type]  # names are the fields'


def one(
    replicas: int, observation: Observation | None, *, pool: Settings = POOL, past: History | None = None
) -> Decision:
    """A single decision at the time 0."""
    return decide(PoolState(replicas, observation, past or history()), settings=pool, now=0.0)


def follow(
    observations: Sequence[Observation | None], *, pool: Settings, replicas: int, since: float = 0.0
) -> list[int]:
    """The numbers of workers when each decision is carried out before the next is made."""
    counts, past = [replicas], History(since=since)
    for tick, seen in enumerate(observations):
        decision = decide(PoolState(counts[-1], seen, past), settings=pool, now=tick * TICK)
        counts.append(decision.replicas)
        past = decision.history
    return counts


@pytest.mark.parametrize(
    ("replicas", "waiting", "running", "expected", "reason"),
    [
        pytest.param(1, 0, 0, 1, Reason.STEADY, id="nothing to do"),
        pytest.param(1, 3_000, 0, 3, Reason.SCALED_UP, id="up at once"),
        pytest.param(1, 3_000, 2, 5, Reason.SCALED_UP, id="orders in hand hold workers of their own"),
        pytest.param(1, 90_000, 0, 5, Reason.SCALED_UP, id="up by four pods"),
        pytest.param(5, 90_000, 0, 10, Reason.SCALED_UP, id="up by as many again, within the bound"),
        pytest.param(10, 90_000, 0, 10, Reason.AT_MAXIMUM, id="at the bound"),
        pytest.param(3, 3_200, 0, 3, Reason.STEADY, id="dead-band above"),
        pytest.param(10, 9_100, 0, 10, Reason.STEADY, id="dead-band below"),
        pytest.param(4, 1_000, 0, 3, Reason.SCALED_DOWN, id="down by one"),
        pytest.param(3, 0, 3, 3, Reason.STEADY, id="all busy"),
        pytest.param(0, 1, 0, 1, Reason.SCALED_UP, id="back from zero"),
        pytest.param(12, 0, 0, 10, Reason.SCALED_DOWN, id="a lowered bound is followed at once"),
        pytest.param(12, 0, 11, 11, Reason.SCALED_DOWN, id="but for work in hand"),
    ],
)
def test_decision(replicas: int, waiting: int, running: int, expected: int, reason: Reason) -> None:
    decision = one(replicas, Observation(waiting, running))

    assert (decision.replicas, decision.reason, decision.active) == (expected, reason, True)


def test_busy_workers_stay_and_want_no_others() -> None:
    assert one(4, Observation(0, busy=4)).reason is Reason.BUSY
    assert one(5, Observation(0, busy=4), past=history()).replicas == 4
    assert one(2, Observation(0, busy=2)).want == 0


def test_what_waits_too_long_gets_one_more_worker() -> None:
    pool = replace(POOL, longest_wait=60)

    assert one(2, Observation(10, oldest_age=61), pool=pool).replicas == 3
    assert one(2, Observation(10, oldest_age=59), pool=pool).replicas == 1


def test_more_workers_than_shards_are_never_asked_for() -> None:
    assert one(1, Observation(90_000), pool=replace(POOL, shards=2)).replicas == 2


def test_budget_bounds_what_the_queue_asks_for() -> None:
    assert one(1, Observation(90_000), pool=replace(POOL, budget=3)).replicas == 3


def test_recent_wishes_keep_workers() -> None:
    past = history(wishes=((-200.0, 4),))

    decision = one(4, Observation(0), past=past)

    assert (decision.replicas, decision.reason) == (4, Reason.STABILIZING)


def test_fresh_operator_takes_nothing_away_for_a_whole_window() -> None:
    assert one(4, Observation(0), past=History(since=-299.0)).reason is Reason.STABILIZING
    assert one(4, Observation(0), past=History(since=-300.0)).replicas == 3


def test_workers_go_one_a_minute() -> None:
    decision = one(4, Observation(0), past=history(changes=((-59.0, -1),)))

    assert (decision.replicas, decision.reason) == (4, Reason.STEPPING_DOWN)


def test_tenth_of_many_workers_goes_at_once() -> None:
    assert one(40, Observation(0), pool=replace(POOL, most=50)).replicas == 36


@pytest.mark.parametrize("seen", [None, Observation(-1), Observation(1, oldest_age=math.nan)])
def test_unreadable_queue_holds_what_there_is(seen: Observation | None) -> None:
    decision = one(4, seen)

    assert (decision.replicas, decision.reason, decision.active) == (4, Reason.QUEUE_UNREACHABLE, False)


def test_queue_that_stays_unreadable_gets_the_fallback() -> None:
    pool = replace(POOL, fallback=3)

    assert follow([None] * 5, pool=pool, replicas=1) == [1, 1, 1, 3, 3, 3]
    assert follow([None] * 5, pool=pool, replicas=6) == [6] * 6


def test_failure_postpones_going_down_by_a_window() -> None:
    failed = one(4, None).history

    later = decide(PoolState(4, Observation(0), failed), settings=POOL, now=299.0)

    assert later.reason is Reason.STABILIZING


def test_last_worker_goes_after_the_cooldown_and_comes_back_at_once() -> None:
    pool = Settings(least=0, most=4, target=1_000, to_zero=True, window=60, cooldown=300)
    idle, busy = Observation(0), Observation(1)

    counts = follow([busy] + [idle] * 70 + [busy], pool=pool, replicas=1)

    first_zero = counts.index(0)
    # Decided at the tick before, which is the first one 300 s after the first idle one.
    assert (first_zero - 2) * TICK == 300
    assert counts[-1] == 1


def test_worker_without_leave_to_go_stays() -> None:
    assert set(follow([Observation(0)] * 200, pool=POOL, replicas=1)) == {1}


def test_settings_come_from_the_spec() -> None:
    said = Workers(min=2, max=6, target_depth=500, max_latency="2m", stabilization="10m", cooldown="90s")

    chosen = settings_of(said, budget=4)

    assert (chosen.floor, chosen.ceiling, chosen.target) == (2, 4, 500)
    assert (chosen.longest_wait, chosen.window, chosen.cooldown) == (120.0, 600.0, 90.0)


def test_exact_number_leaves_no_choice() -> None:
    for exact in (0, 3):
        chosen = settings_of(Workers(max=6, scale_to_zero=True, min=0, replicas=exact))
        for waiting in (0, 1_000_000):
            assert one(exact, Observation(waiting), pool=chosen).replicas == exact
        assert one(5, Observation(0), pool=chosen).replicas == exact


def test_busy_pods_cost_more() -> None:
    assert deletion_cost(busy=True) > deletion_cost(busy=False)


@st.composite
def pools(draw: st.DrawFn) -> Settings:
    """Bounds and paces of all kinds."""
    to_zero = draw(st.booleans())
    least = draw(st.integers(0 if to_zero else 1, 5))
    return Settings(
        least=least,
        most=draw(st.integers(max(least, 1), 30)),
        target=draw(st.integers(1, 10_000)),
        to_zero=to_zero,
        shards=draw(st.none() | st.integers(1, 40)),
        budget=draw(st.none() | st.integers(0, 40)),
        concurrency=draw(st.integers(1, 4)),
        longest_wait=draw(st.none() | st.floats(1, 600)),
        window=draw(st.floats(0, 600)),
        cooldown=draw(st.floats(0, 600)),
        fallback=draw(st.none() | st.integers(1, 30)),
    )


seen_queues = st.builds(
    Observation,
    waiting=st.integers(0, 200_000),
    running=st.integers(0, 20),
    oldest_age=st.none() | st.floats(0, 10_000),
    busy=st.integers(0, 20),
)
runs = st.lists(st.none() | seen_queues, min_size=1, max_size=80)
start = st.integers(0, 40)


@PATIENT
@given(pool=pools(), observations=runs, replicas=start)
def test_never_grows_past_the_bounds(
    pool: Settings, observations: list[Observation | None], replicas: int
) -> None:
    counts = follow(observations, pool=pool, replicas=replicas)

    for before, after in itertools.pairwise(counts):
        assert after <= max(before, pool.ceiling)
        assert after <= pool.ceiling or after <= before


@PATIENT
@given(pool=pools(), observations=runs, replicas=start)
def test_never_goes_below_busy_nor_down_on_an_error(
    pool: Settings, observations: list[Observation | None], replicas: int
) -> None:
    counts = follow(observations, pool=pool, replicas=replicas, since=LONG_AGO)

    for seen, before, after in zip(observations, counts, counts[1:], strict=False):
        if seen is None:
            assert after >= before
        elif after < before:
            assert after >= min(before, math.ceil(seen.running / pool.concurrency))
            assert after >= min(before, seen.busy)


@PATIENT
@given(pool=pools(), seen=seen_queues, replicas=start, since=st.sampled_from([0.0, LONG_AGO]))
def test_steady_input_comes_to_rest(pool: Settings, seen: Observation, replicas: int, since: float) -> None:
    # Old events would ask for more all the time until the bound; that is growth, not rest.
    counts = follow([replace(seen, oldest_age=None)] * 800, pool=pool, replicas=replicas, since=since)

    directions = [after > before for before, after in itertools.pairwise(counts) if after != before]
    assert sum(first != second for first, second in itertools.pairwise(directions)) <= 1
    assert len(set(counts[-60:])) == 1 or directions == [False] * len(directions)


@PATIENT
@given(pool=pools(), observations=runs, replicas=start)
def test_zero_comes_only_after_rest(
    pool: Settings, observations: list[Observation | None], replicas: int
) -> None:
    counts = follow(observations, pool=pool, replicas=replicas, since=LONG_AGO)

    for tick, (before, after) in enumerate(itertools.pairwise(counts)):
        if before and not after and pool.ceiling:
            rest = [
                seen for at, seen in enumerate(observations[: tick + 1]) if (tick - at) * TICK < pool.cooldown
            ]
            assert pool.to_zero
            assert all(seen is not None and not (seen.waiting or seen.running or seen.busy) for seen in rest)


@PATIENT
@given(pool=pools(), waiting=st.integers(1, 10**9))
def test_back_from_zero_at_once(pool: Settings, waiting: int) -> None:
    decision = one(0, Observation(waiting), pool=pool, past=History(since=0.0))

    assert decision.replicas >= min(1, pool.ceiling)


@PATIENT
@given(pool=pools(), observations=runs, replicas=start)
def test_pace_of_a_minute_is_kept(
    pool: Settings, observations: list[Observation | None], replicas: int
) -> None:
    counts = follow(observations, pool=pool, replicas=min(replicas, pool.ceiling), since=LONG_AGO)

    span = int(pool.down_period / TICK)
    for first in range(len(counts)):
        highest = max(counts[first : first + span])
        for later in counts[first : first + span]:
            most_gone = max(math.floor(highest * pool.down_share), pool.down_pods)
            assert counts[first] - later <= max(most_gone, 0)


@PATIENT
@given(pool=pools(), observations=runs, replicas=start)
def test_memory_of_the_past_stays_small(
    pool: Settings, observations: list[Observation | None], replicas: int
) -> None:
    past, count = History(since=0.0), replicas
    for tick, seen in enumerate(observations):
        decision = decide(PoolState(count, seen, past), settings=pool, now=tick * TICK)
        past, count = decision.history, decision.replicas

    assert len(past.wishes) <= pool.window / TICK + 1
    assert [wish for _, wish in past.wishes] == sorted({wish for _, wish in past.wishes}, reverse=True)
