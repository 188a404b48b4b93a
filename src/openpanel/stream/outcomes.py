"""What the commit script says of each run: in its reply to the API and, the same bytes, in the stream entry.

`lua/commit.lua` writes it: 24 bytes a run, three big-endian numbers. Sessions that ended are rows beside them.
Knows no Redis.
"""

from collections.abc import Iterable
from struct import Struct
from typing import Final, NamedTuple

import msgspec

from openpanel.identity.ids import NO_ID, to_hex
from openpanel.stream.messages import Resolved, Run, RunMode

NO_ID_HEX: Final = to_hex(NO_ID)

OPENED, NAMED, FLAG_BITS = 1, 2, 2  # of the third number, the word; above them the session's start

_FORM: Final = Struct(">QQQ")


class EndedRow(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A session that was closed."""

    project: str
    device: str
    session: str
    started_ms: int
    ended_ms: int
    views: int
    events: int
    exit_path: str
    profile: str


class Outcome(NamedTuple):
    """What became of one run."""

    device: int
    """Only if `word` says that it is not the one that the run named."""
    session: int
    word: int
    """Its start in ms, and two flags."""

    @property
    def started_ms(self) -> int:
        return self.word >> FLAG_BITS

    @property
    def opened(self) -> bool:
        return bool(self.word & OPENED)

    @property
    def other_device(self) -> int | None:
        """The device, if it is not the one that the run named."""
        return self.device if self.word & NAMED else None


KeptAnswer = str
"""What a message with an idempotency key was answered: the outcome with its device, in hexadecimal."""

_ended_decoder: Final = msgspec.msgpack.Decoder(list[EndedRow])
_closings_decoder: Final = msgspec.msgpack.Decoder(list[tuple[int, EndedRow]])


class BadOutcomes(ValueError):
    """Not whole outcomes."""


def read_outcomes(packed: bytes) -> Iterable[tuple[int, int, int]]:
    """Device, session and word of each run of an entry or a reply; raises BadOutcomes.

    Plain numbers, since this is done for every event; `Outcome` says what they mean.
    """
    if len(packed) % _FORM.size:
        raise BadOutcomes(f"{len(packed)} bytes of outcomes")
    return _FORM.iter_unpack(packed)


def decode_outcomes(packed: bytes) -> list[Outcome]:
    """The outcomes of an entry or a reply; raises BadOutcomes."""
    return [Outcome(*one) for one in read_outcomes(packed)]


def decode_closings(packed: bytes) -> dict[int, EndedRow]:
    """The sessions that the runs of an entry closed, by run; raises msgspec.DecodeError."""
    return dict(_closings_decoder.decode(packed))


def decode_ended(packed: bytes) -> list[EndedRow]:
    """The sessions of a sweep's entry; raises msgspec.DecodeError."""
    return _ended_decoder.decode(packed)


def resolved_runs(outcomes: Iterable[tuple[int, int, int]], runs: Iterable[Run]) -> tuple[Resolved, ...]:
    """The answers for runs, from what the script said of each."""
    return tuple(
        [
            Resolved(
                device if word & NAMED else run.device,
                session,
                word & OPENED == OPENED,
                word >> FLAG_BITS,
            )
            for (device, session, word), run in zip(outcomes, runs, strict=True)
        ]
    )


def resolved(outcome: Outcome, run: Run) -> Resolved:
    """The answer for a run, from what the script said of it."""
    (answer,) = resolved_runs((outcome,), (run,))
    return answer


def answer_of(outcome: Outcome | None, run: Run | None) -> bytes:
    """The answer that a message with an idempotency key got, as the script keeps it."""
    if outcome is None or run is None:
        return _FORM.pack(NO_ID, NO_ID, NAMED)
    device = outcome.device if outcome.word & NAMED else run.device
    return _FORM.pack(device, outcome.session, outcome.word | NAMED)


def kept_answer(packed: bytes) -> KeptAnswer:
    """An answer as `answer_of` or the script kept it, in a form for the script."""
    return packed.hex()


def without_redis(run: Run) -> Resolved:
    """The answer for a run while Redis is away: what needs no state."""
    if run.mode == RunMode.JOIN:
        return Resolved(NO_ID, NO_ID, opened=False, started_ms=0)
    if run.mode == RunMode.LATE:
        return Resolved(run.device, NO_ID, opened=False, started_ms=0)
    return Resolved(run.device, run.candidate, opened=False, started_ms=0)
