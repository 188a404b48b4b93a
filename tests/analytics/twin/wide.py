"""Wide worlds: hundreds of devices and persons, thousands of values, a few of them frequent and most of them rare."""

import random
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from tests.analytics.twin.histories import History, a_history, profile_id

# Ids of one kind do not meet those of another: those of histories are below this.
_APART: Final = 1_000
_OF_EVENTS: Final = ("path", "title")
_OF_SESSIONS: Final = ("referrer_name", "city")


def a_wide_history(
    dice: random.Random, *, sessions: int, timezone: str, now: datetime, days: int = 12
) -> History:
    """A history of so many sessions, with almost as many devices, and a value of its own for most events."""
    narrow = a_history(dice, sessions=sessions, days=days, timezone=timezone, now=now)
    copies = max(1, sessions // 5)
    places = {row.get("session_id", 0): dice.randrange(copies) for row in narrow.events}
    sites = {session: _number(dice, sessions) for session in places}
    events = [
        _widened(dice, row, place=places[row.get("session_id", 0)], site=sites[row.get("session_id", 0)])
        for row in narrow.events
    ]
    persons = sorted({row["person"] for row in events} - {0})
    changed = dice.sample(persons, len(persons) // 4)
    versions = dice.sample(range(10 * len(persons) + 1), len(changed))
    overrides = [
        {"person": person, "into": dice.choice(persons), "version": version}
        for person, version in zip(changed, versions, strict=True)
    ]
    return replace(
        narrow,
        events=events,
        overrides=overrides,
        profiles=_profiles(dice, narrow, copies),
        groups=[*narrow.groups, *_teams(narrow, copies)],
    )


def _widened(dice: random.Random, row: dict[str, Any], *, place: int, site: int) -> dict[str, Any]:
    wide = {**row, "properties": {**row["properties"]}}
    if row["device_id"]:
        wide["device_id"] = row["device_id"] + _APART * place
    if row["profile_id"]:
        wide["person"] = row["person"] + _APART * place
        wide["profile_id"] = profile_id(wide["person"])
    elif row["device_id"]:
        wide["person"] = wide["device_id"]
    wide["groups"] = (*row["groups"], *(f"{name} {place}" for name in row["groups"]))
    for name in _OF_EVENTS:
        wide[name] = f"{row[name]}/{_number(dice, 2_000)}" if row[name] else ""
    for name in _OF_SESSIONS:
        if row.get(name):
            wide[name] = f"{row[name]} {site}"
    for name, value in row["properties"].items():
        if name in {"plan", "text"}:
            wide["properties"][name] = f"{value} {_number(dice, 5_000)}"
    return wide


def _profiles(dice: random.Random, narrow: History, copies: int) -> list[dict[str, Any]]:
    return [
        {
            **row,
            "profile_id": profile_id(known + _APART * place),
            "person": dice.choice([known + _APART * place, 0]),
            "properties": {"plan": f"plan {_number(dice, 500)}"},
        }
        for row, known in zip(narrow.profiles, (107, 108, 109), strict=False)
        for place in range(copies)
    ]


def _teams(narrow: History, copies: int) -> list[dict[str, Any]]:
    return [
        {**row, "group_id": f"{row['group_id']} {place}", "name": f"Team {place}"}
        for row in narrow.groups
        for place in range(copies)
    ]


def _number(dice: random.Random, values: int) -> int:
    """Small ones are frequent, great ones are rare."""
    return int(values ** dice.random())
