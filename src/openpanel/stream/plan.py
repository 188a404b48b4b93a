"""From waiting appends to script calls: which shard gets what, and in which words.

Pure: knows neither Redis nor the event loop. `routing` finds out beforehand what only pools with several
shards must ask for.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
from redis.exceptions import DataError

from openpanel.identity.ids import to_hex
from openpanel.stream import frames
from openpanel.stream.keys import Pool, ShardKeys
from openpanel.stream.messages import GUARD_MS, Append, Envelope, Run, RunMode
from openpanel.stream.outcomes import NO_ID_HEX, KeptAnswer, Outcome
from openpanel.stream.scripts import POINTER_MS

# What an append raises that cannot be written down: lone surrogates, numbers beyond 64 bits, keys that miss.
UNWRITABLE: Final = (ValueError, TypeError, OverflowError, DataError)

MAX_PATH: Final = 2_048  # characters of an exit page that the session's state keeps
FIXED: Final = 5  # mode of a run that was resolved in another shard; commit.lua only copies it

Row = tuple[str, str, str, int, int, int, int, str, int, str, str, int]
Request = tuple[int, int, list[tuple[str, int, KeptAnswer]], int, int]

_JOIN: Final = RunMode.JOIN  # a look-up less per event
_encoder: Final = msgspec.msgpack.Encoder()


class Call(msgspec.Struct, array_like=True, frozen=True):
    """One call of the commit script, in a form that can lie in a spool and be repeated."""

    shard: int
    seq: int
    now_ms: int
    messages: int
    frame: bytes
    runs: bytes
    requests: bytes
    guards: bytes


class Note(msgspec.Struct, array_like=True, frozen=True):
    """A value written beside the commit: where a profile was seen."""

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
    device_shard: int = 0
    """Where the sessions of the device lie that sent it."""


class Sheet:
    """What one shard gets of a group commit."""

    __slots__ = ("_guards", "_placed", "_pool", "_requests", "_runs", "members", "messages", "runs", "shard")

    def __init__(self, pool: Pool, shard: int) -> None:
        self.shard = shard
        self.members: list[int] = []
        self.messages = 0
        self.runs = 0
        self._pool = pool
        self._runs: list[str | int] = []  # one after another: a list each would cost the script twice as much
        self._requests: list[Request] = []
        self._guards: list[str | int] = []
        self._placed: list[tuple[int, int, Envelope]] = []

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
        return Call(
            self.shard,
            seq,
            now_ms,
            self.messages,
            frame,
            _encoder.encode(self._runs),
            _encoder.encode(self._requests) if self._requests else b"",
            _encoder.encode(self._guards) if self._guards else b"",
        )

    def _take(self, member: int, append: Append, rows: list[Row], known: Mapping[str, KeptAnswer]) -> None:
        envelope = append.envelope
        self.members.append(member)
        for row in rows:
            self._runs.extend(row)
        if envelope is not None:
            if append.idempotency:
                self._note_keys(append, envelope, known)
            self._placed.append((self.runs, self.messages, envelope))
            self.messages += len(envelope.items)
        self.runs += len(rows)

    def _note_keys(self, append: Append, envelope: Envelope, known: Mapping[str, KeptAnswer]) -> None:
        items = envelope.items
        if is_guarded(append):
            run = items[0].run
            self._guards += (
                append.idempotency[0],
                self.runs + run + 1 if run >= 0 else 0,
                self.messages,
                envelope.received_ms,
            )
            return
        keyed = [
            (key, item.run + 1, known.get(key, ""))
            for key, item in zip(append.idempotency, items, strict=True)
        ]
        self._requests.append(
            (self.runs + 1, len(append.runs), keyed, append.idempotency_ttl_ms, self.messages)
        )


def is_guarded(append: Append) -> bool:
    """Whether the append's key is no more than a guard."""
    keys = append.idempotency
    return append.idempotency_ttl_ms <= GUARD_MS and len(keys) == 1 and bool(keys[0])


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
    quiet = [value for row in rows for value in (*row[:-1], 0)]
    return Call(shard, 0, now_ms, 0, b"", _encoder.encode(quiet), b"", b"")


def fixed_row(run: Run, outcome: Outcome) -> Row:
    """A run that another shard has resolved already."""
    other, started = outcome.other_device, outcome.started_ms
    device, session = to_hex(run.device if other is None else other), to_hex(outcome.session)
    return (run.project, device, "", started, started, 0, 0, session, FIXED, "", "", 0)


def profile_shard(run: Run, *, pool: Pool) -> int:
    """The shard that knows where the run's profile was last seen."""
    return pool.shard_of(f"{run.project}|{run.profile}")


def device_shard(append: Append, *, pool: Pool) -> int:
    """The shard of the device that sent the append."""
    return pool.shard_of(append.shard_key)


def named_device(append: Append) -> tuple[str, int] | None:
    """Project and device, if the sender named the device by an id that was once made from an address.

    Its name then leads to another shard than the address did.
    """
    for run in append.runs:
        if run.mode <= RunMode.LATE and append.shard_key == f"{run.project}|{to_hex(run.device)}":
            return run.project, run.device
    return None


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


def is_writable(append: Append, *, pool: Pool) -> bool:
    """Whether the append can be written down at all."""
    try:
        single_sheet([append], pool=pool)[0].call(seq=1, now_ms=0)
    except UNWRITABLE:
        return False
    return True


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
            value = f"{device}{previous}{one.device_shard}".encode()
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
        10,
        keys.stream,
        keys.depth,
        keys.order,
        keys.projects,
        keys.commit(writer),
        keys.session_prefix,
        keys.live_prefix,
        keys.idempotency_prefix,
        keys.profile_prefix,
        keys.guard_prefix,
        call.seq,
        call.now_ms,
        high_water,
        call.messages,
        call.frame,
        call.runs,
        call.requests,
        call.guards,
        call.shard,
        after,
    )
