"""The commit script against the same rule in plain Python, for any order of events, sweeps and modes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha1
from pathlib import Path

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openpanel.identity.ids import LONGEST_SESSION_MS, SESSION_TIMEOUT_MS, from_hex, to_hex
from openpanel.stream import scripts
from openpanel.stream.drain import EndedSession, Message, Record, Shard, sweep_sessions
from openpanel.stream.frames import Append, Run, RunMode
from openpanel.stream.keys import Pool, keys_of
from openpanel.stream.outcomes import decode_outcomes, resolved
from openpanel.stream.plan import call_arguments, single_sheet
from openpanel.stream.replay import DONE, DONE_BEFORE
from tests.stream.builders import MINUTE, NOON, a_pool, a_run, an_append, run_commit

TODAY, YESTERDAY = 0xA, 0xB
Answer = tuple[int, int, bool, int]
"""Device, session, opened, started."""


@dataclass
class Session:
    session: int
    started: int
    ended: int
    views: int = 0
    closed: bool = False

    def follows(self, first: int, last: int) -> bool:
        is_near = first >= self.started and first - self.ended < SESSION_TIMEOUT_MS
        return is_near and last - self.started < LONGEST_SESSION_MS

    def preceded_by(self, first: int, last: int) -> bool:
        is_near = first < self.started and self.started - last < SESSION_TIMEOUT_MS
        return is_near and max(self.ended, last) - first < LONGEST_SESSION_MS


@dataclass
class Device:
    device: int
    newest: Session | None = None
    before: Session | None = None
    active_ms: int | None = None


@dataclass
class Model:
    """Sessions of two devices of one visitor, as the documentation tells them."""

    devices: dict[int, Device] = field(default_factory=lambda: {d: Device(d) for d in (TODAY, YESTERDAY)})
    opened: list[int] = field(default_factory=list)
    ends: list[tuple[int, int, int]] = field(default_factory=list)

    def commit_all(self, runs: Sequence[Run], now: int) -> list[Answer]:
        """One commit: a late run that finds nothing is asked again once later ones have opened sessions."""
        answers, missed = [], []
        for place, run in enumerate(runs):
            known = len(self.opened)
            answers.append(self.commit(run, now))
            if run.mode == RunMode.LATE and not answers[-1][1]:
                missed.append((place, known))
        for place, known in missed:
            if len(self.opened) > known:
                answers[place] = self.commit(runs[place], now)
        return answers

    def commit(self, run: Run, now: int) -> Answer:
        own = self.devices[run.device]
        known = [own] + ([self.devices[run.previous_device]] if run.previous_device else [])
        found = self._find(known, run)
        if found is None:
            return self._unknown(own, run, now)
        device, session = found
        if run.mode != RunMode.PEEK:
            if not session.closed:
                session.views += run.views
            session.ended = max(session.ended, run.last_ms)
        if run.mode == RunMode.OPEN and not session.closed:
            device.active_ms = max(now, device.active_ms or 0)
        return device.device, session.session, False, session.started

    def sweep(self, now: int) -> None:
        for device in self.devices.values():
            if device.active_ms is None or device.active_ms > now - SESSION_TIMEOUT_MS:
                continue
            device.active_ms = None
            if device.newest and not device.newest.closed:
                self._close(device.newest)

    def _find(self, known: list[Device], run: Run) -> tuple[Device, Session] | None:
        first, last = run.first_ms, run.last_ms

        def follows(session: Session) -> bool:
            return session.follows(first, last)

        def precedes(session: Session) -> bool:
            return session.preceded_by(first, last)

        for near in (follows, precedes):
            for device in known:
                newest, before = device.newest, device.before
                if newest and near(newest) and self._admits(newest, run):
                    return device, newest
                if before and near(before) and run.mode in (RunMode.OPEN, RunMode.LATE):
                    return device, before
        return None

    def _admits(self, session: Session, run: Run) -> bool:
        if not session.closed or run.mode == RunMode.LATE:
            return True
        return run.mode == RunMode.OPEN and run.first_ms <= session.ended

    def _unknown(self, own: Device, run: Run, now: int) -> Answer:
        if run.mode == RunMode.LATE:
            return own.device, 0, False, 0
        session = Session(self._free_id(own, run.candidate), run.first_ms, run.last_ms, run.views)
        if run.mode == RunMode.PEEK:
            return own.device, session.session, False, 0
        if own.newest and run.first_ms < own.newest.started:
            if own.before and run.first_ms < own.before.started:
                return own.device, 0, False, 0
            own.before = session
            self._close(session)
        else:
            if own.newest and not own.newest.closed:
                self._close(own.newest)
            own.before, own.newest = own.newest, session
            own.active_ms = max(now, own.active_ms or 0)
        self.opened.append(session.session)
        return own.device, session.session, True, session.started

    def _free_id(self, own: Device, candidate: int) -> int:
        taken = {session.session for session in (own.newest, own.before) if session}
        while candidate in taken:
            successor = from_hex(sha1(to_hex(candidate).encode()).hexdigest()[:16])
            assert successor is not None
            candidate = successor
        return candidate

    def _close(self, session: Session) -> None:
        session.closed = True
        self.ends.append((session.session, session.ended, session.views))


runs = st.builds(
    lambda minute, length, mode, device, previous: a_run(
        NOON + minute * MINUTE,
        last=NOON + (minute + length) * MINUTE,
        mode=mode,
        device=device,
        previous_device=previous if previous != device else None,
    ),
    minute=st.integers(0, 200) | st.integers(0, 200) | st.integers(1_380, 1_500),
    length=st.sampled_from([0, 0, 0, 5, 29, 45, 690, 1_400, 1_445]),
    mode=st.sampled_from([RunMode.OPEN, RunMode.OPEN, RunMode.LATE, RunMode.PEEK]),
    device=st.just(TODAY) | st.sampled_from([TODAY, YESTERDAY]),
    previous=st.sampled_from([None, YESTERDAY]),
)
steps = st.lists(
    st.lists(runs, min_size=1, max_size=4) | st.integers(0, 300) | st.integers(1_400, 1_700), max_size=25
)


@pytest.fixture(scope="module")
def client(valkey_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(valkey_url) as opened:
        yield opened


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=steps)
def test_script_and_model_agree(client: redis.Redis, steps: list[list[Run] | int]) -> None:
    """Each step goes in two calls, of which the second is sent ahead of the first one's answer; both are repeated."""
    pool, model = a_pool(), Model()
    now = NOON

    for number, step in enumerate(steps):
        if isinstance(step, int):
            now = max(now, NOON + step * MINUTE)
            sweep_sessions(client, pool=pool, now_ms=now, limit=10)
            model.sweep(now)
            continue
        appends = [an_append(run) for run in step]
        middle, first, second = (len(step) + 1) // 2, 2 * number + 1, 2 * number + 2
        expected = model.commit_all(step[:middle], now) + model.commit_all(step[middle:], now)
        for _ in range(2):
            assert commit(client, pool, appends[:middle], seq=first, now=now) == expected[:middle]
            if appends[middle:]:
                assert commit(client, pool, appends[middle:], seq=second, now=now) == expected[middle:]

    records = all_records(client, pool)
    opened = [record.session for record in records if isinstance(record, Message) and record.opened]
    assert sorted(opened) == sorted(model.opened)
    ends = [end for record in records if (end := end_of(record)) is not None]
    assert sorted((end.session, end.ended_ms, end.views) for end in ends) == sorted(model.ends)


def commit(client: redis.Redis, pool: Pool, appends: list[Append], *, seq: int, now: int) -> list[Answer]:
    (keys,) = keys_of(pool)
    call = single_sheet(appends, pool=pool)[0].call(seq=seq, now_ms=now)
    arguments = call_arguments(
        call, keys=keys, writer="model", high_water=1_000_000, after=seq - 1 if seq % 2 == 0 else 0
    )
    state, packed, _ = run_commit(client, arguments)
    assert state in (DONE, DONE_BEFORE)
    answers = []
    for outcome, append in zip(decode_outcomes(packed), appends, strict=True):
        one = resolved(outcome, append.runs[0])
        answers.append((one.device, one.session, one.opened, one.started_ms))
    return answers


def all_records(client: redis.Redis, pool: Pool) -> list[Record]:
    shard = Shard(client, pool=pool, index=0, owner="model", clock=lambda: NOON)
    assert shard.acquire()
    block = shard.next_block(max_events=1_000_000)
    return [] if block is None else block.records


def end_of(record: Record) -> EndedSession | None:
    return record if isinstance(record, EndedSession) else record.closed


def test_every_script_says_what_it_takes(tmp_path: Path) -> None:
    names = {path.stem for path in Path(scripts.__file__).with_name("lua").glob("*.lua")}

    for name in names - {"sessions", "rules"}:
        assert "-- KEYS" in scripts.text(name)
        assert "-- Returns" in scripts.text(name)
