"""Histories with what lists show beside doings: profiles of groups, profiles that nobody saw, recordings of sessions."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from hypothesis import strategies as st

from openpanel.analytics.asking import LIMITS, Question
from openpanel.warehouse import Warehouse, tables
from openpanel.warehouse.schema import Table
from tests.analytics.twin.histories import History, a_history
from tests.analytics.twin.reckoning import SYNTHETIC, Event, Reckoning, milliseconds
from tests.analytics.worlds import MOMENTS, ZONES
from tests.warehouse.rows import Rows

GROUPS: Final = ("acme", "o'neil", "🏢", "gone")
SEARCHES: Final = ("", "a", "ANA", "PROFILE 10", "o'n", "한국", "nobody", "0000000000000003", "%", "_")


@dataclass(frozen=True, slots=True)
class Crowd:
    """A history, and the sessions that were recorded."""

    history: History
    recorded: frozenset[int]

    def tables(self) -> tuple[tuple[Table, Rows], ...]:
        """What is loaded of it."""
        chunks = [
            {"session_id": session, "chunk_index": place, "started_at": _RECORDED}
            for session in sorted(self.recorded)
            for place in (0, 1)
        ]
        return (*self.history.tables(), (tables.REPLAY_CHUNKS, chunks))


# Recordings are kept for a month, whenever this runs.
_RECORDED: Final = 4_000_000_000_000


@st.composite
def crowds(draw: st.DrawFn, *, sessions: int = 14, days: int = 12) -> Crowd:
    """A random one of up to so many sessions within so many days."""
    dice = random.Random(draw(st.integers(0, 2**32)))
    history = a_history(
        dice,
        sessions=draw(st.integers(0, sessions)),
        days=days,
        timezone=draw(st.sampled_from(ZONES)),
        now=draw(st.sampled_from(MOMENTS)),
    )
    return a_crowd(dice, history)


def a_crowd(dice: random.Random, history: History) -> Crowd:
    profiles = [
        {**row, "groups": tuple(dice.sample(GROUPS, dice.choice([0, 1, 2])))}
        for row in (*history.profiles, *(_unseen(dice, name) for name in ("Zoë's", "profile 10 🦊", "x")))
    ]
    groups = [{**row, "created_at": dice.choice([1_000, 2_000, 2_001])} for row in history.groups]
    sessions = sorted({row["session_id"] for row in history.events if "session_id" in row})
    recorded = frozenset(session for session in sessions if dice.random() < 0.3)
    return Crowd(replace(history, profiles=profiles, groups=groups), recorded)


def answer(warehouse: Warehouse, question: Question[Any]) -> Any:
    """From where it is read exactly."""
    statement = question.statement(question.exact)
    rows = warehouse.query(statement.sql, parameters=statement.parameters, settings=LIMITS)
    return question.answer(rows, question.exact)


def doings(reckoning: Reckoning, *, before: int | None = None) -> list[Event]:
    """What somebody did, oldest first."""
    return [
        event
        for event in reckoning.doings()
        if event["name"] not in SYNTHETIC
        and reckoning.person(event)
        and (before is None or event["created_at"] < before)
    ]


def of_person(reckoning: Reckoning, profile: str, events: Sequence[Event]) -> list[Event]:
    """Those of the person that a device or a profile of these histories belongs to."""
    wanted = reckoning.resolved(int(profile, 16))
    return [event for event in events if reckoning.person(event) == wanted]


def name_of(person: int, rows: Sequence[Event]) -> str:
    """The profile id of a person with these events and descriptions: its own before an alias."""
    own = [row["profile_id"] for row in rows if row["profile_id"] and row["person"] == person]
    names: list[str] = own or [row["profile_id"] for row in rows]
    return max(names, key=str.encode, default="")


def told_of(reckoning: Reckoning) -> dict[int, list[Event]]:
    """The descriptions of each person; those that do not say whom they describe are of 0."""
    found: dict[int, list[Event]] = {}
    for row in reckoning.history.profiles:
        if not row["deleted"]:
            found.setdefault(reckoning.resolved(row["person"]) if row["person"] else 0, []).append(row)
    return found


def other_id(person: int, events: Sequence[Event]) -> int:
    """The greatest id that stands for the person; 0 for none."""
    return max((event["person"] for event in events if event["person"] != person), default=0)


def is_known(reckoning: Reckoning, events: Sequence[Event]) -> bool:
    """Whether one of the events says so, or an override."""
    return any(reckoning.field(event, "has_profile") == "true" for event in events)


def now_ms(history: History) -> int:
    return milliseconds(history.now)


def _unseen(dice: random.Random, name: str) -> dict[str, Any]:
    return {
        "profile_id": name,
        "first_name": dice.choice(["Ana", ""]),
        "last_name": dice.choice(["O'Neil", ""]),
        "email": "",
        "properties": {},
        "created_at": 1_700_000_000_000,
        "version": 1,
        "deleted": int(dice.random() < 0.2),
        "person": dice.choice([0, 0, 3, 110]),
    }
