"""What a project was told, and how much it ever counted, against the latest and the sum by hand."""

import random
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from openpanel.analytics.asking import LIMITS
from openpanel.analytics.described_profiles import DescribedProfile, DescribedProfiles
from openpanel.analytics.routing import Source
from openpanel.analytics.volume import Volume, VolumeAnswer
from openpanel.warehouse import Warehouse, tables
from openpanel.warehouse.schema import Table
from tests.analytics.twin.crowds import answer
from tests.analytics.twin.histories import PLANS, History, histories
from tests.analytics.twin.reckoning import SYNTHETIC
from tests.analytics.twin.running import random_worlds
from tests.analytics.worlds import ZONES, Insert, load
from tests.warehouse.rows import Rows

IDS: Final = ("ana", "o'neil", "🦊", "", "a\\b")


@dataclass(frozen=True, slots=True)
class Told:
    """Descriptions of a few profiles, the later ones not always told last."""

    profiles: list[dict[str, Any]]

    def tables(self) -> tuple[tuple[Table, Rows], ...]:
        """What is loaded of it."""
        return ((tables.PROFILES, self.profiles),)


def told(seed: int) -> Told:
    dice = random.Random(seed)
    versions = dice.sample(range(1, 10_000), dice.randrange(24))
    return Told([_profile(dice, version) for version in versions])


@random_worlds(8, world=st.integers(0, 2**32).map(told), asked=st.sets(st.sampled_from((*IDS, "nobody"))))
def test_profiles_are_what_was_told_of_them_last(
    warehouse: Warehouse, insert: Insert, world: Told, asked: set[str]
) -> None:
    latest = {row["profile_id"]: row for row in sorted(world.profiles, key=lambda row: row["version"])}

    found = answer(warehouse, DescribedProfiles(load(world, insert), tuple(sorted(asked))))

    assert found == {
        name: _described(row) for name, row in latest.items() if name in asked and not row["deleted"]
    }


@random_worlds(8, history=histories(days=40), zone=st.sampled_from(ZONES))
def test_volume_is_all_that_was_ever_done(
    warehouse: Warehouse, insert: Insert, history: History, zone: str
) -> None:
    done = [row["created_at"] for row in history.events if row["name"] not in SYNTHETIC]
    project = load(history, insert)

    def since(timezone: str) -> VolumeAnswer:
        first = datetime.fromtimestamp(min(done) / 1000, tz=ZoneInfo(timezone)).date() if done else None
        return VolumeAnswer(len(done), first)

    assert answer(warehouse, Volume(project, history.timezone)) == since(history.timezone)
    assert _of_events(warehouse, Volume(project, zone)) == since(zone)


def _of_events(warehouse: Warehouse, question: Volume) -> VolumeAnswer:
    """As a project is asked whose zone was another one."""
    statement = question.statement(Source.EVENTS)
    rows = warehouse.query(statement.sql, parameters=statement.parameters, settings=LIMITS)
    return question.answer(rows, Source.EVENTS)


def _profile(dice: random.Random, version: int) -> dict[str, Any]:
    return {
        "profile_id": dice.choice(IDS),
        "first_name": dice.choice(["Ana", "", "O'Neil"]),
        "last_name": dice.choice(["", "한국"]),
        "email": dice.choice(["ana@example.com", ""]),
        "avatar": dice.choice(["https://a.example/?q='x'", ""]),
        "properties": {key: dice.choice(PLANS) for key in dice.sample(["plan", "it's"], dice.randrange(3))},
        "groups": tuple(dice.sample(["acme", "🏢"], dice.randrange(3))),
        "created_at": dice.choice([1_000, 1_700_000_000_000]),
        "version": version,
        "deleted": int(dice.random() < 0.2),
    }


def _described(row: dict[str, Any]) -> DescribedProfile:
    plain = {name: row[name] for name in DescribedProfile.__dataclass_fields__ if name != "created_at"}
    return DescribedProfile(**plain, created_at=datetime.fromtimestamp(row["created_at"] / 1000, tz=UTC))
