"""Commits under way: what was sent, what came back, and who is told what.

Knows no connection: replies come in, commands that are still to be written come out.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import structlog
from redis.exceptions import NoScriptError, ResponseError

from openpanel.stream.errors import Away, Full
from openpanel.stream.holds import Holds, keys_of_append
from openpanel.stream.link import Command, Reply, checked
from openpanel.stream.outcomes import BadOutcomes, Outcome, read_outcomes, resolved_runs, without_redis
from openpanel.stream.plan import Call, Note, Routed, Sheet
from openpanel.stream.replay import MISSES_ONE, REFUSED, call_wake
from openpanel.stream.waiting import Answer, Answered, Batch, refuse, turn_away

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Plan:
    """A batch in the words of the script; the same at every try."""

    sheets: list[Sheet]
    calls: list[Call]
    notes: list[Note]
    routed: list[Routed]
    """Empty in a pool of one shard."""


@dataclass(slots=True)
class Flight:
    """A batch that was sent."""

    batch: Batch
    plan: Plan
    alone: bool = False
    """Something has to be asked or written after it, before the next is sent."""
    replies: int = 0
    """How many belong to it."""
    answers: list[tuple[Answered, Answer]] = field(default_factory=list)

    def tell(self) -> None:
        """Tell everybody what became of their append; one who raises does not keep it from the others."""
        for answered, answer in self.answers:
            try:
                answered(answer)
            except Exception as error:  # noqa: BLE001 - a defect of the caller's
                _log.error("commit.answer_failed", error=type(error).__name__)


def land(
    flight: Flight, replies: Sequence[Reply], *, holds: Holds, wake: Callable[[int], None]
) -> list[Command]:
    """Find the answers of a flight that is in, turning away and refusing those who are not in.

    Gives what is to be written about idempotency keys before the answers are told.
    """
    commands: list[Command] = []
    for sheet, reply in zip(flight.plan.sheets, replies, strict=False):
        told = [flight.batch.answered[member] for member in sheet.members]
        try:
            state, packed, wanted = checked(reply)
        except Full:
            turn_away(told, "Redis is full")
        except ResponseError as error:
            refuse(told, error)
        else:
            if state != REFUSED:
                commands += _answer(flight, sheet, packed, holds)
                if wanted:
                    call_wake(wake, sheet.shard)
                continue
            turn_away(told, "the stream is past its mark")
        commands += _released(flight, sheet, holds)
    return commands


def is_unusual(reply: Reply) -> bool:
    """Whether a commit has to be sent again, or kept: its script is not loaded, it lacks the one before, Redis is away."""
    if isinstance(reply, NoScriptError):
        return True
    try:
        return bool(checked(reply)[0] == MISSES_ONE)
    except Away:
        return True
    except (Full, ResponseError):
        return False


def _answer(flight: Flight, sheet: Sheet, packed: bytes, holds: Holds) -> list[Command]:
    batch, routed = flight.batch, flight.plan.routed
    outcomes = _outcomes(packed)
    if len(outcomes) != sheet.runs:  # carried out before, and the reply is no longer known
        for member in sheet.members:
            flight.answers.append(
                (batch.answered[member], tuple(map(without_redis, batch.appends[member].runs)))
            )
        return []
    commands: list[Command] = []
    start = 0
    for member in sheet.members:
        runs = batch.appends[member].runs
        own = outcomes[start : start + len(runs)]
        start += len(runs)
        flight.answers.append((batch.answered[member], resolved_runs(own, runs)))
        if routed and routed[member].append.idempotency:
            commands += holds.answers(routed[member], [Outcome(*one) for one in own])
    return commands


def _outcomes(packed: bytes) -> list[tuple[int, int, int]]:
    try:
        return list(read_outcomes(packed))
    except BadOutcomes:
        return []


def _released(flight: Flight, sheet: Sheet, holds: Holds) -> list[Command]:
    """Nobody is at the keys of what was not taken."""
    if not flight.plan.routed:
        return []
    return [
        command
        for member in sheet.members
        for command in holds.releases(keys_of_append(flight.batch.appends[member]))
    ]
