"""From waiting appends to script calls: which shard gets what, and in which words.

Pure: knows neither Redis nor the event loop. `routing` finds out beforehand what only pools with several
shards must ask for.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from openpanel.identity.ids import to_hex
from openpanel.stream import frames
from openpanel.stream.keys import Pool, ShardKeys
from openpanel.stream.messages import Append, Envelope, Run, RunMode
from openpanel.stream.outcomes import NO_ID_HEX, KeptAnswer, Outcome
from openpanel.stream.scripts import POINTER_MS

MAX_PATH: Final = 2_048  # characters of an exit page that the session's state keeps
FIXED: Final = 5  # mode of a run that was resolved in another shard; commit.lua only copies it

Row = tuple[str, str, str, int, int, int, int, str, int, str, str, int]
Element = Row | tuple[list[Row], list[tuple[str, int, KeptAnswer | str]], int, int]

_JOIN: Final = RunMode.JOIN  # a look-up less per event
_encoder: Final = msgspec.msgpack.Encoder()


class Call(msgspec.Struct, array_like=True, frozen=True):
    """One call of the commit script, in a form that can lie in a spool and be repeated."""

    shard: int
    seq: int
    now_ms: int
    messages: int
    frame: bytes
    plan: bytes


class Note(msgspec.Struct, array_like=True, frozen=True):
    """A value written beside the commit: where a profile was seen, or what a keyed message was answered."""

    key: str
    value: bytes
    ttl_ms: int
    absent_only: bool

    def command(self) -> tuple[str | bytes | int, ...]:
        """The Redis command for it."""
        command = ("SET", self.key, self.value, "PX", self.ttl_ms)
        return (*command, "NX") if self.absent_only else command


class Routed(msgspec.Struct, frozen=True):
    """An append with its shard and with what was found out about it in other shards."""

    append: Append
    shard: int
    found: Mapping[int, Row] = {}
    """Rows for runs that take another form than their own, by index."""
    known: Mapping[str, KeptAnswer] = {}
    """Answers that idempotency keys got before, from their home shards."""


class Sheet:
    """What one shard gets of a group commit."""

    __slots__ = ("_elements", "_placed", "_pool", "_runs", "members", "messages", "shard")

    def __init__(self, pool: Pool, shard: int) -> None:
        self.shard = shard
        self.members: list[int] = []
        self.messages = 0
        self._pool = pool
        self._elements: list[Element] = []
        self._placed: list[tuple[int, int, Envelope]] = []
        self._runs = 0

    def add(self, member: int, routed: Routed) -> None:
        """Take in an append whose place among the waiting is `member`."""
        append = routed.append
        rows = [
            routed.found.get(index) or run_row(run, pool=self._pool, shard=self.shard)
            for index, run in enumerate(append.runs)
        ]
        self._take(member, append, rows, routed.known)

    def add_plain(self, member: int, append: Append) -> None:
        """`add` for a pool of one shard, where nothing is found anywhere else."""
        rows = [run_row(run, pool=self._pool, shard=0) for run in append.runs]
        self._take(member, append, rows, {})

    def call(self, *, seq: int, now_ms: int) -> Call:
        """The script call for everything taken in."""
        frame = frames.encode(self._placed, messages=self.messages) if self._placed else b""
        # Without messages nothing is appended, and reading twice needs no memory of the first time.
        seq = seq if self._placed else 0
        return Call(self.shard, seq, now_ms, self.messages, frame, _encoder.encode(self._elements))

    def _take(self, member: int, append: Append, rows: list[Row], known: Mapping[str, KeptAnswer]) -> None:
        envelope = append.envelope
        self.members.append(member)
        if append.idempotency and envelope is not None:
            keyed = [
                (key, item.run, known.get(key, ""))
                for key, item in zip(append.idempotency, envelope.items, strict=True)
            ]
            self._elements.append((rows, keyed, append.idempotency_ttl_ms, self.messages))
        else:
            self._elements.extend(rows)
        if envelope is not None:
            self._placed.append((self._runs, self.messages, envelope))
            self.messages += len(envelope.items)
        self._runs += len(rows)


def run_row(run: Run, *, pool: Pool, shard: int) -> Row:
    """A run as the script takes it. Once per event: half of `to_hex`'s time is worth spelling it out."""
    previous = run.previous_device
    mode = run.mode
    profile = run.profile
    return (
        run.project,
        run.device.to_bytes(8, "big").hex() if mode != _JOIN else "",
        previous.to_bytes(8, "big").hex() if previous is not None else "",
        run.first_ms,
        run.last_ms,
        run.views,
        run.events,
        run.candidate.to_bytes(8, "big").hex(),
        mode,
        profile,
        run.path[:MAX_PATH],
        1 if profile and profile_shard(run, pool=pool) == shard else 0,
    )


def reading_call(shard: int, rows: Sequence[Row], *, now_ms: int) -> Call:
    """A call that only tells which sessions these runs (PEEK or JOIN) would see; it writes no pointers."""
    quiet = [(*row[:-1], 0) for row in rows]
    return Call(shard, 0, now_ms, 0, b"", _encoder.encode(quiet))


def fixed_row(run: Run, outcome: Outcome) -> Row:
    """A run that another shard has resolved already."""
    device = outcome.device or to_hex(run.device)
    started = outcome.started_ms
    return (run.project, device, "", started, started, 0, 0, outcome.session, FIXED, "", "", 0)


def profile_shard(run: Run, *, pool: Pool) -> int:
    """The shard that knows where the run's profile was last seen."""
    return pool.shard_of(f"{run.project}|{run.profile}")


def device_shard(append: Append, *, pool: Pool) -> int:
    """The shard of the device that sent the append."""
    return pool.shard_of(append.shard_key)


def frame_shard(append: Append, *, pool: Pool) -> int:
    """The shard that keeps the envelope, as far as the append alone tells.

    Runs that write must be resolved where their device's state is, so they go before the profile.
    """
    if append.profile_key and not any(run.mode <= RunMode.LATE for run in append.runs):
        return pool.shard_of(append.profile_key)
    return device_shard(append, pool=pool)


def sheets_of(routed: Sequence[Routed], *, pool: Pool) -> list[Sheet]:
    """The appends by shard, each shard's in the order in which they came."""
    sheets: dict[int, Sheet] = {}
    for member, one in enumerate(routed):
        sheet = sheets.get(one.shard)
        if sheet is None:
            sheet = sheets[one.shard] = Sheet(pool, one.shard)
        sheet.add(member, one)
    return list(sheets.values())


def single_sheet(appends: Sequence[Append], *, pool: Pool) -> list[Sheet]:
    """All appends for the only shard of the pool."""
    sheet = Sheet(pool, 0)
    for member, append in enumerate(appends):
        sheet.add_plain(member, append)
    return [sheet]


def pointer_notes(routed: Sequence[Routed], *, pool: Pool, keys: Sequence[ShardKeys]) -> list[Note]:
    """Where profiles were seen, for those whose pointer the commit script cannot write itself."""
    notes: list[Note] = []
    for one in routed:
        for index, run in enumerate(one.append.runs):
            if not run.profile or run.mode not in (RunMode.OPEN, RunMode.PEEK):
                continue
            home = profile_shard(run, pool=pool)
            if home == one.shard and index not in one.found:
                continue
            device = to_hex(run.device)
            previous = NO_ID_HEX if run.previous_device is None else to_hex(run.previous_device)
            value = f"{device}{previous}{device_shard(one.append, pool=pool)}".encode()
            key = keys[home].profile(project=run.project, profile=run.profile)
            notes.append(Note(key, value, POINTER_MS, absent_only=run.mode == RunMode.PEEK))
    return notes


def call_arguments(
    call: Call, *, keys: ShardKeys, writer: str, high_water: int, after: int = 0
) -> tuple[str | bytes | int, ...]:
    """Keys and arguments of the commit script, the number of keys first.

    `after`: the writer's commit that must be in already, for calls sent before the answer to that one.
    """
    return (
        9,
        keys.stream,
        keys.depth,
        keys.order,
        keys.projects,
        keys.commit(writer),
        keys.session_prefix,
        keys.live_prefix,
        keys.idempotency_prefix,
        keys.profile_prefix,
        call.seq,
        call.now_ms,
        high_water,
        call.messages,
        call.frame,
        call.plan,
        call.shard,
        after,
    )
