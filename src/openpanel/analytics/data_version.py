"""The version of all that a project's answers depend on. Asked by whoever keeps answers.

It changes with every event, with every profile and group that is told anew, when persons turn out to be one, and with
every part of a replay; not when data expires. Shards are added up where the question was asked; a change on any of them
changes it. Knows no store and no clock: text and rows only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final

from openpanel.analytics.routing import Source, Span
from openpanel.analytics.statements import Row, Statement


@dataclass(frozen=True, slots=True)
class DataVersion:
    """Which state of the project's data is this? Equal answers mean equal data."""

    project: str

    @property
    def exact(self) -> Source:
        return Source.ROLLUP

    @property
    def rolled_up(self) -> tuple[Span, ...]:
        return ()

    def statement(self, source: Source) -> Statement:
        assert source is Source.ROLLUP
        return Statement(_VERSION, {"project": self.project})

    def answer(self, rows: Sequence[Row], source: Source) -> str:
        assert source is Source.ROLLUP
        ((events, *told),) = rows
        return ".".join(str(number) for number in (events, *chain.from_iterable(told)))


# Adding up what is stored: the newest version alone would not tell of a row that was told earlier and came later. Rows
# of equal keys merge in their own time, of parts of replays that came twice one goes: that makes a version of its own,
# and answers are read once more.
_VERSION: Final = """\
SELECT
    (SELECT sum(r_day.events) FROM r_day WHERE project_id = {project:String}) AS events,
    (SELECT (count(), sum(version)) FROM person_overrides WHERE project_id = {project:String}) AS persons,
    (SELECT (count(), sum(version)) FROM profiles WHERE project_id = {project:String}) AS profiles,
    (SELECT (count(), sum(version)) FROM groups WHERE project_id = {project:String}) AS groups,
    (SELECT (count(), sum(toUnixTimestamp64Milli(ended_at)))
    FROM replay_chunks WHERE project_id = {project:String}) AS chunks"""
