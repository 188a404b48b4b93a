"""What the commit script says of each run: in its reply to the API and, the same bytes, in the stream entry.

`lua/commit.lua` writes these arrays; ids are hex strings there. Knows no Redis.
"""

from typing import Final

import msgspec

from openpanel.identity.ids import NO_ID, to_hex
from openpanel.stream.messages import Resolved, Run, RunMode

NO_ID_HEX: Final = to_hex(NO_ID)


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


class Outcome(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What became of one run."""

    device: str
    """Empty: the device that the run named."""
    session: str
    opened: int
    started_ms: int
    closed: EndedRow | None = None


KeptAnswer = tuple[str, str, int, int]
"""What a message with an idempotency key was answered: device, session, opened, started."""

_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(list[Outcome])
_answer_decoder: Final[msgspec.msgpack.Decoder[KeptAnswer]] = msgspec.msgpack.Decoder(KeptAnswer)
_ended_decoder: Final = msgspec.msgpack.Decoder(list[EndedRow])


def decode_outcomes(packed: bytes) -> list[Outcome]:
    """The outcomes of an entry or a reply; raises msgspec.DecodeError."""
    return _decoder.decode(packed)


def decode_ended(packed: bytes) -> list[EndedRow]:
    """The sessions of a sweep's entry; raises msgspec.DecodeError."""
    return _ended_decoder.decode(packed)


def resolved(outcome: Outcome, run: Run) -> Resolved:
    """The answer for a run, from what the script said of it."""
    device = outcome.device
    return Resolved(
        int(device, 16) if device else run.device,
        int(outcome.session, 16),
        outcome.opened == 1,
        outcome.started_ms,
    )


def answer_of(outcome: Outcome | None, run: Run | None) -> bytes:
    """The answer that a message with an idempotency key got, as the script keeps it."""
    if outcome is None or run is None:
        return _encoder.encode((NO_ID_HEX, NO_ID_HEX, 0, 0))
    device = outcome.device or to_hex(run.device)
    return _encoder.encode((device, outcome.session, outcome.opened, outcome.started_ms))


def decode_answer(packed: bytes) -> KeptAnswer:
    """An answer as `answer_of` or the script kept it."""
    return _answer_decoder.decode(packed)


def without_redis(run: Run) -> Resolved:
    """The answer for a run while Redis is away: what needs no state."""
    if run.mode == RunMode.JOIN:
        return Resolved(NO_ID, NO_ID, opened=False, started_ms=0)
    if run.mode == RunMode.LATE:
        return Resolved(run.device, NO_ID, opened=False, started_ms=0)
    return Resolved(run.device, run.candidate, opened=False, started_ms=0)
