"""A project whose snapshots are tried: what it is made of, what it holds, and what its copies are compared by."""

import random
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any, Final, Self

import msgspec
import pytest

from openpanel import tenancy
from openpanel.analytics.asking import LIMITS, Question, ReadByDays
from openpanel.analytics.cohorts import Behaviour, Behaviours, DynamicCohort, freezing
from openpanel.analytics.data_version import DataVersion
from openpanel.analytics.routing import Source
from openpanel.metadata import Database
from openpanel.tenancy import S3, Issued, Restored, SnapshotError, removal, snapshots
from openpanel.tenancy import snapshot_statements as statements
from openpanel.tenancy.provisioning import STEPS, World, run
from openpanel.tenancy.snapshots import Snapshot
from openpanel.warehouse import Warehouse, tables
from openpanel.warehouse.native import Column
from openpanel.warehouse.schema import Table
from tests.analytics import lists, questions
from tests.analytics.behaviour import NOW, ZONE
from tests.analytics.twin.crowds import Crowd, a_crowd
from tests.analytics.twin.wide import a_wide_history
from tests.tenancy.manifests import WEB, manifest
from tests.warehouse import rows

REMOVED_AT: Final = datetime(2026, 11, 22, 15, tzinfo=UTC)
NAME: Final = "20261122T150000Z"
SESSIONS: Final = 20
FILLED: Final = (
    *(tables.EVENTS, tables.SESSIONS, tables.PROFILES, tables.GROUPS, tables.PERSON_OVERRIDES),
    *(tables.REPLAY_CHUNKS, tables.COHORT_MEMBERS, tables.DAYS, tables.PATHS, tables.DIMENSIONS),
)
_tokens = count()


@dataclass
class Trial:
    """One project and what is around it."""

    folder: Path
    database: Database
    warehouse: Warehouse
    place: S3
    project: str
    now: datetime = REMOVED_AT
    told: list[str] = field(default_factory=list)

    @property
    def world(self) -> World:
        return World(
            self.database, self.warehouse, self.told.append, lambda: self.now, lambda: f"sec_{next(_tokens):040x}",
            deliver=_undelivered,
        )  # fmt: skip

    def made(self, **spec: object) -> Self:
        run(
            manifest(self.project, timeZone=ZONE, clients=[WEB], deletionPolicy="Retain", **spec),
            world=self.world,
            steps=STEPS,
        )
        return self

    def filled(self, seed: int = 1) -> Self:
        load(crowd(seed), self.warehouse, self.project)
        return self

    def take(
        self, *, name: str = NAME, place: S3 | None = None, warehouse: Warehouse | None = None
    ) -> Snapshot:
        return snapshots.take(
            self.project, database=self.database, warehouse=warehouse or self.warehouse,
            place=place or self.place, name=name, at=self.now,
        )  # fmt: skip

    def stop(self) -> None:
        removal.stop(self.project, world=self.going(), how=tenancy.Removal("Snapshot"))

    def copy(self, *, warehouse: Warehouse | None = None, **more: Any) -> tuple[str, ...]:
        report = removal.copy(self.project, world=self.going(warehouse), how=self._how(more))
        return tuple(str(change) for change in report.changes)

    def erase(self, *, warehouse: Warehouse | None = None, **more: Any) -> tuple[str, ...]:
        report = removal.remove(self.project, world=self.going(warehouse), how=self._how(more))
        return tuple(str(change) for change in report.changes)

    def remove(self, *, warehouse: Warehouse | None = None, **more: Any) -> tuple[str, ...]:
        """All of it, one after the other."""
        self.stop()
        copied = self.copy(warehouse=warehouse, **more)
        return copied + self.erase(warehouse=warehouse, **more)

    def going(self, warehouse: Warehouse | None = None) -> removal.World:
        return removal.World(
            self.database, warehouse or self.warehouse, self.told.append, lambda: self.now,
            lambda _project: None,
        )  # fmt: skip

    def _how(self, more: Mapping[str, Any]) -> tenancy.Removal:
        return tenancy.Removal("Snapshot", **{"place": self.place, **more})

    def restore(self, **more: Any) -> Restored:
        return tenancy.restore(
            self.project, database=self.database,
            **{"warehouse": self.warehouse, "place": self.place, "name": self.newest(), **more},
        )  # fmt: skip

    def listed(self) -> tuple[str, ...]:
        return snapshots.listed(self.project, warehouse=self.warehouse, place=self.place)

    def newest(self) -> str:
        return max(self.listed(), default=NAME)

    def counts(self) -> dict[str, int]:
        return {table.name: self.count(table) for table in statements.TABLES}

    def count(self, table: Table) -> int:
        sql, parameters = statements.count(table), {"project": self.project}
        return int(self.warehouse.query(sql, parameters=parameters)[0][0])

    def contents(self) -> dict[str, tuple[int, int]]:
        """Of each table the number of rows and a digest of all of them, states as what they say."""
        return {table.name: self._content(table) for table in statements.TABLES}

    def _content(self, table: Table) -> tuple[int, int]:
        values = ", ".join(f"toString({_comparable(column)})" for column in table.written)
        sql = statements.count(table).replace("count()", f"count(), sum(cityHash64({values}))", 1)
        [(number, digest)] = self.warehouse.query(sql, parameters={"project": self.project})
        return int(number), int(digest)

    def overview(self, warehouse: Warehouse | None = None) -> dict[str, object]:
        """To the questions that are mostly read from rollups."""
        return dict(_answers(warehouse or self.warehouse, self._overview()))

    def _overview(self) -> Mapping[str, Question[Any]]:
        scope = questions.scope(self.project, timezone=ZONE, now=NOW)
        asked = questions.questions(self.project, profile=lists.DEVICE, whole=scope)
        # Whether rows were written since is another question than what they say.
        return {name: question for name, question in asked.items() if not isinstance(question, DataVersion)}


def load(crowd: Crowd, warehouse: Warehouse, project: str) -> None:
    for table, block in crowd.tables():
        told = [{**row, "project_id": project} for row in block]
        rows.insert(warehouse, table, told, token=str(next(_tokens)))
    kept = DynamicCohort("kept", Behaviours((Behaviour("click"),)), NOW)
    command = freezing(project, timezone=ZONE, cohort=kept, generation=7)
    warehouse.command(command.sql, parameters=command.parameters, settings=LIMITS)


def crowd(seed: int) -> Crowd:
    dice = random.Random(seed)
    return a_crowd(dice, a_wide_history(dice, sessions=SESSIONS, timezone=ZONE, now=NOW, days=8))


def write_manifest(trial: Trial, content: object) -> None:
    url = f"{trial.place.url}/{trial.project}/{NAME}/manifest.json"
    trial.warehouse.command(
        statements.write(trial.place, url, content=msgspec.json.encode(content)), settings=statements.WRITING
    )


def refused(trial: Trial, reason: str, call: Callable[[], object]) -> SnapshotError:
    with pytest.raises(SnapshotError) as caught:
        call()
    assert caught.value.reason == reason, caught.value
    told = "".join(traceback.format_exception(caught.value)) + repr(caught.value) + repr(trial.place)
    fault: BaseException | None = caught.value
    while fault is not None:
        told, fault = told + str(fault), fault.__cause__ or fault.__context__
    assert trial.place.secret not in told
    assert trial.place.key not in told
    return caught.value


def check_alike(found: Mapping[str, object], wanted: Mapping[str, object]) -> None:
    assert len(wanted) > 10
    differing = [
        f"{name}: {found[name]} and not {wanted[name]}" for name in wanted if found[name] != wanted[name]
    ]
    assert not differing, "\n".join(differing)


def _answers(warehouse: Warehouse, asked: Mapping[str, Question[Any]]) -> Iterator[tuple[str, object]]:
    for name, question in asked.items():
        rolled_up = {Source.ROLLUP} if question.rolled_up else set()
        of_former_days = {Source.EVENTS} if isinstance(question, ReadByDays) else set()
        for source in {question.exact} | rolled_up | of_former_days:
            statement = question.statement(source)
            found = warehouse.query(
                statement.sql, parameters=statement.parameters, settings={**LIMITS, "max_threads": 1}
            )
            yield f"{name} from {source}", question.answer(found, source)


def _comparable(column: Column) -> str:
    if column.type.startswith("AggregateFunction"):
        return f"finalizeAggregation({column.name})"
    return f"arraySort({column.name})" if "Array(" in column.type else f"`{column.name}`"


def _undelivered(_name: str, _issued: Issued) -> None:
    """Nobody sends anything here."""
