"""The version of all that a project's answers depend on. Asked by whoever keeps answers.

It changes with every event, with every profile and group that is told anew, and when persons turn out to be one; not
when data expires. Knows no store and no clock: text and rows only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
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
        return ".".join(str(number) for row in rows for number in row)


# Counting what is stored, and not what it comes to: rows that merge keep their sums and their newest versions.
_VERSION: Final = """\
SELECT
    (SELECT sum(r_day.events) FROM r_day WHERE project_id = {project:String}) AS events,
    (SELECT max(version) FROM person_overrides WHERE project_id = {project:String}) AS persons,
    (SELECT uniqExact(person) FROM person_overrides WHERE project_id = {project:String}) AS others,
    (SELECT max(version) FROM profiles WHERE project_id = {project:String}) AS profiles,
    (SELECT max(version) FROM groups WHERE project_id = {project:String}) AS groups"""
