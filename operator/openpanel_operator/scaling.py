"""How many workers a pool should have: one pure decision from what was just read and what was decided before.

    want   = ceil(waiting / target) + ceil(running / concurrency), one more than now if something waits too long
    change = none within the dead-band; up at once, down only below every wish of the last minutes; both by steps

`waiting` is the pool's depth, which has the events in hand in it, so a drain is no `running`: it gives its shard
back within seconds and would only count twice. `running` are orders that hold a worker until they are done, and
`busy` the workers that say that they have anything in hand: nobody wants more for them, and none of them is taken.

Knows no Redis and no Kubernetes. Whoever calls it keeps `Decision.history` for the next call; a history that got
lost costs nothing but time, because nothing shrinks before a whole window was seen.
"""

import math
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from openpanel.tenancy.fields import span
from openpanel.tenancy.workload import Workers

IDLE_POD_COST: Final = 0  # of the annotation controller.kubernetes.io/pod-deletion-cost: the lowest go first
BUSY_POD_COST: Final = 100


class Reason(StrEnum):
    """Why the number is what it is."""

    STEADY = "Steady"
    SCALED_UP = "ScaledUp"
    SCALED_DOWN = "ScaledDown"
    STABILIZING = "Stabilizing"  # fewer would do, but not for long enough
    STEPPING_DOWN = "SteppingDown"  # fewer would do, but some went just now
    BUSY = "Busy"  # fewer would do, but the others have work in hand
    AT_MAXIMUM = "AtMaximum"
    IDLE = "Idle"  # no worker, and no work
    QUEUE_UNREACHABLE = "QueueUnreachable"
    FALLBACK = "Fallback"  # unreachable for long, and the fallback is more than there were


@dataclass(frozen=True, slots=True)
class Settings:
    """The bounds of a pool and the pace of its changes. Times in seconds."""

    least: int
    most: int
    target: int
    """Waiting events that one worker is expected to handle."""
    to_zero: bool = False
    shards: int | None = None
    """A shard is drained by one worker: more workers than shards would find nothing to drain."""
    budget: int | None = None
    """Workers that tenant and cluster have left for this pool."""
    concurrency: int = 1
    """Orders that one worker carries out at once."""
    longest_wait: float | None = None
    """Age of the oldest waiting event past which one more worker is wanted than there is."""
    tolerance: float = 0.1
    """Part of the workers that a wish may differ before it is followed."""
    window: float = 300.0
    """Fewer workers must have been enough for that long."""
    cooldown: float = 300.0
    """The last worker goes after that long without work."""
    up_share: float = 1.0
    up_pods: int = 4
    up_period: float = 15.0
    down_share: float = 0.1
    down_pods: int = 1
    down_period: float = 60.0
    fallback: int | None = None
    """Workers to have when the queue stays unreadable."""
    failures_before_fallback: int = 3

    @property
    def ceiling(self) -> int:
        """The most workers that are ever asked for."""
        return min(limit for limit in (self.most, self.budget, self.useful) if limit is not None)

    @property
    def useful(self) -> int | None:
        """The most workers that find work; what the user wants at least counts as useful."""
        return None if self.shards is None else max(self.shards, self.least)

    @property
    def floor(self) -> int:
        """The fewest workers while there is work or may be."""
        return min(max(self.least, 1), self.ceiling)


def settings_of(workers: Workers, *, budget: int | None = None) -> Settings:
    """The settings of a pool whose workers are described so; a number that is named outright leaves no choice."""
    exact = workers.replicas
    return Settings(
        least=workers.min if exact is None else exact,
        most=workers.max if exact is None else exact,
        target=workers.target_depth,
        to_zero=workers.scale_to_zero and exact is None,
        shards=workers.streams,
        budget=budget,
        longest_wait=span(workers.max_latency).total_seconds(),
        window=span(workers.stabilization).total_seconds(),
        cooldown=span(workers.cooldown).total_seconds(),
        fallback=workers.fallback,
    )


@dataclass(frozen=True, slots=True)
class Observation:
    """What was read of a pool's queues."""

    waiting: int
    running: int = 0
    oldest_age: float | None = None
    busy: int = 0


@dataclass(frozen=True, slots=True)
class History:
    """What is remembered of a pool between two decisions. A new one begins now."""

    since: float
    wishes: tuple[tuple[float, int], ...] = ()
    """When how many were wanted; only those that are still the greatest of what followed."""
    changes: tuple[tuple[float, int], ...] = ()
    """When how many were added (or, below zero, taken away)."""
    idle_since: float | None = None
    failures: int = 0


@dataclass(frozen=True, slots=True)
class PoolState:
    """A pool as it is now."""

    replicas: int
    """What the Deployment asks for, from its scale subresource."""
    observation: Observation | None
    """None: it could not be read, or what was read is too old."""
    history: History


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do, why, and what to remember."""

    replicas: int
    want: int
    """What the queues alone would ask for."""
    reason: Reason
    history: History
    active: bool = True
    """False: the decision was made without knowing the queues."""


def decide(pool_state: PoolState, *, settings: Settings, now: float) -> Decision:
    """How many workers the pool should have from now on. `now` in seconds, of any clock that never goes back."""
    seen = pool_state.observation
    if seen is None or not _sensible(seen):
        return _decide_blindly(pool_state, settings, now)
    held = math.ceil(seen.running / settings.concurrency)
    want = _wish(seen, held, pool_state.replicas, settings)
    idle = not (seen.waiting or seen.running or seen.busy)
    history = _remember(pool_state.history, want, idle=idle, now=now, settings=settings)
    pool = _Pool(pool_state.replicas, max(held, seen.busy), history, settings, now)
    replicas, reason = _follow(pool, want)
    return _decision(pool_state.replicas, replicas, want=want, reason=reason, history=history, now=now)


def deletion_cost(*, busy: bool) -> int:
    """What the deletion of a worker's pod costs: busy ones are spared while there are idle ones."""
    return BUSY_POD_COST if busy else IDLE_POD_COST


def _sensible(seen: Observation) -> bool:
    ages = () if seen.oldest_age is None else (seen.oldest_age,)
    return all(
        math.isfinite(value) and value >= 0 for value in (seen.waiting, seen.running, seen.busy, *ages)
    )


def _decide_blindly(state: PoolState, settings: Settings, now: float) -> Decision:
    """Hold: what cannot be read is never taken for nothing. More may come, by bounds or fallback, none go."""
    failures = state.history.failures + 1
    at_zero = settings.to_zero and not state.replicas
    held = max(state.replicas, 0 if at_zero else settings.floor)
    replicas, reason = held, Reason.QUEUE_UNREACHABLE
    if settings.fallback is not None and failures >= settings.failures_before_fallback:
        replicas = max(held, min(settings.fallback, settings.ceiling))
        reason = Reason.FALLBACK if replicas > held else reason
    history = replace(
        _remember(state.history, replicas, idle=False, now=now, settings=settings), failures=failures
    )
    decision = _decision(state.replicas, replicas, want=replicas, reason=reason, history=history, now=now)
    return replace(decision, reason=reason, active=False)


def _wish(seen: Observation, held: int, replicas: int, settings: Settings) -> int:
    """What the queues ask for, before any bound but the dead-band."""
    load = seen.waiting / settings.target + seen.running / settings.concurrency
    want = math.ceil(seen.waiting / settings.target) + held
    if replicas and want and abs(load / replicas - 1) <= settings.tolerance:
        want = replicas
    late = settings.longest_wait is not None and (seen.oldest_age or 0) > settings.longest_wait
    return max(want, replicas + 1) if late and seen.waiting else want


def _remember(history: History, want: int, *, idle: bool, now: float, settings: Settings) -> History:
    """The history with this wish, without what no rule looks back to."""
    wishes = tuple((at, wish) for at, wish in history.wishes if at > now - settings.window and wish > want)
    horizon = now - max(settings.up_period, settings.down_period)
    return History(
        since=history.since,
        wishes=(*wishes, (now, want)),
        changes=tuple((at, change) for at, change in history.changes if at > horizon),
        idle_since=(history.idle_since if history.idle_since is not None else now) if idle else None,
    )


@dataclass(frozen=True, slots=True)
class _Pool:
    """What the rules look at."""

    replicas: int
    busy: int
    history: History
    settings: Settings
    now: float

    @property
    def floor(self) -> int:
        """The fewest workers now: none only where that is allowed and nothing was to do for the whole cooldown."""
        since = self.history.idle_since
        if not self.settings.to_zero or since is None:
            return self.settings.floor
        rested = self.now - since >= self.settings.cooldown
        return 0 if rested or not self.replicas else self.settings.floor

    def added(self, *, within: float) -> int:
        """Workers that came in the last seconds."""
        return sum(change for at, change in self.history.changes if at > self.now - within and change > 0)

    def gone(self, *, within: float) -> int:
        """Workers that went in the last seconds."""
        return -sum(change for at, change in self.history.changes if at > self.now - within and change < 0)


def _follow(pool: _Pool, want: int) -> tuple[int, Reason]:
    """From the wish to the number, within bounds and pace."""
    ceiling = pool.settings.ceiling
    bounded = min(max(want, pool.floor), ceiling)
    if pool.replicas > ceiling:  # somebody lowered a bound: that is followed at once, but for work in hand
        lowered = max(ceiling, min(pool.busy, pool.replicas))
        return lowered, Reason.SCALED_DOWN if lowered < pool.replicas else Reason.BUSY
    if bounded > pool.replicas:
        return _up(pool, bounded), Reason.SCALED_UP
    if bounded < pool.replicas:
        return _down(pool)
    if want > ceiling:
        return pool.replicas, Reason.AT_MAXIMUM
    return pool.replicas, Reason.STEADY if pool.replicas else Reason.IDLE


def _up(pool: _Pool, bounded: int) -> int:
    settings = pool.settings
    before = pool.replicas - pool.added(within=settings.up_period)
    limit = before + max(math.floor(before * settings.up_share), settings.up_pods)
    # What the user wants at least is not a matter of pace.
    return max(min(bounded, limit), min(settings.floor, bounded), pool.replicas)


def _down(pool: _Pool) -> tuple[int, Reason]:
    settings, replicas = pool.settings, pool.replicas
    if pool.now - pool.history.since < settings.window:
        return replicas, Reason.STABILIZING
    goal = max(pool.floor, *(wish for _, wish in pool.history.wishes))
    if goal >= replicas:
        return replicas, Reason.STABILIZING
    before = replicas + pool.gone(within=settings.down_period)
    limit = before - max(math.floor(before * settings.down_share), settings.down_pods)
    if limit >= replicas:
        return replicas, Reason.STEPPING_DOWN
    if pool.busy >= replicas:
        return replicas, Reason.BUSY
    return max(goal, limit, pool.busy), Reason.SCALED_DOWN


def _decision(
    before: int, replicas: int, *, want: int, reason: Reason, history: History, now: float
) -> Decision:
    if replicas == before:
        unchanged = Reason.STEADY if reason in (Reason.SCALED_UP, Reason.SCALED_DOWN) else reason
        return Decision(replicas, want, unchanged, history)
    changed = replace(history, changes=(*history.changes, (now, replicas - before)))
    return Decision(replicas, want, reason, changed)
