"""The version of a project's data against what its answers depend on, told by hand: another state, another version.

States are as answers see them: each event once, of each profile, group and person what was told last, every part of a
replay once. In whichever order it comes, also what was told earlier and comes later.
"""

from collections.abc import Mapping
from itertools import count
from typing import Any, Final, NamedTuple

from hypothesis import strategies as st

from openpanel.analytics.asking import ask
from openpanel.analytics.data_version import DataVersion
from openpanel.warehouse import Warehouse, tables
from openpanel.warehouse.schema import Table
from tests.analytics.twin.running import random_worlds
from tests.analytics.worlds import Insert

FEW: Final = st.integers(1, 3)
LATER_MS: Final = 4_000_000_000_000  # parts of replays go thirty days after the store's own clock
_projects = count()


class Change(NamedTuple):
    """A row that comes in. `counts`: answers can depend on it; `foreign`: it is another project's."""

    table: Table
    row: Mapping[str, Any]
    counts: bool = True
    foreign: bool = False


def changes_of(
    table: Table, *, counts: bool = True, **fields: st.SearchStrategy[Any]
) -> st.SearchStrategy[Change]:
    return st.builds(
        lambda row, foreign: Change(table, row, counts, foreign), st.fixed_dictionaries(fields), st.sampled_from((False, False, True))
    )  # fmt: skip


MOMENT: Final = st.integers(1, 3).map(lambda second: LATER_MS + 1_000 * second)
CHANGES: Final = st.one_of(
    changes_of(tables.EVENTS, name=st.just("click"), event_id=st.integers(1, 1 << 60)),
    changes_of(tables.PROFILES, profile_id=st.sampled_from("ab"), version=FEW),
    changes_of(tables.GROUPS, group_id=st.sampled_from("ab"), version=FEW),
    changes_of(tables.PERSON_OVERRIDES, person=FEW, into=st.just(9), version=FEW),
    changes_of(tables.REPLAY_CHUNKS, session_id=FEW, chunk_index=FEW, started_at=MOMENT, ended_at=MOMENT),
    changes_of(tables.BOTS, counts=False, name=st.just("crawler"), event_id=FEW),
    changes_of(tables.COHORT_MEMBERS, counts=False, cohort_id=st.just("c"), generation=FEW, person=FEW),
)
KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    tables.EVENTS.name: ("event_id",),
    tables.PROFILES.name: ("profile_id",),
    tables.GROUPS.name: ("group_id",),
    tables.PERSON_OVERRIDES.name: ("person",),
    tables.REPLAY_CHUNKS.name: ("session_id", "chunk_index"),
}


@random_worlds(6, changes=st.lists(CHANGES, min_size=4, max_size=12))
def test_another_state_is_another_version(
    warehouse: Warehouse, insert: Insert, changes: list[Change]
) -> None:
    project = f"version {next(_projects)}"
    state: dict[tuple[Any, ...], int] = {}
    version = ask(warehouse, DataVersion(project))
    seen = {version}

    for table, row, counts, foreign in changes:
        insert(table, [{"project_id": f"not {project}" if foreign else project, **row}])
        before, version = version, ask(warehouse, DataVersion(project))
        if foreign or not counts:
            assert version == before, (table.name, row)
            continue
        key = (table.name, *(row[field] for field in KEYS[table.name]))
        if row.get("version", 0) > state.get(key, -1):
            state[key] = row.get("version", 0)
            assert version not in seen, (table.name, row)
        seen.add(version)

    assert ask(warehouse, DataVersion(project)) == version


def test_merges_of_events_change_no_version(warehouse: Warehouse, insert: Insert, project: str) -> None:
    for number in range(1, 4):
        insert(tables.EVENTS, [{"project_id": project, "name": "click", "event_id": number}])
    before = ask(warehouse, DataVersion(project))

    for name in (tables.EVENTS.name, "r_day"):
        warehouse.command(f"OPTIMIZE TABLE {name} FINAL")

    assert ask(warehouse, DataVersion(project)) == before


def test_what_was_told_earlier_and_comes_later_is_a_version_of_its_own(
    warehouse: Warehouse, insert: Insert, project: str
) -> None:
    """Workers of several shards write, and each in its own order."""
    versions = []
    for table, key in ((tables.PROFILES, "profile_id"), (tables.GROUPS, "group_id")):
        for identifier, version in (("a", 10), ("b", 5), ("b", 7)):
            insert(table, [{"project_id": project, key: identifier, "version": version}])
            versions.append(ask(warehouse, DataVersion(project)))
    for person, version in ((1, 10), (2, 5), (2, 7)):
        insert(
            tables.PERSON_OVERRIDES,
            [{"project_id": project, "person": person, "into": 3, "version": version}],
        )
        versions.append(ask(warehouse, DataVersion(project)))

    assert len({*versions}) == len(versions)
