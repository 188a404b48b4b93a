"""With what visitors came. Asked by the overview's list of devices, once per kind.

How shards are merged stands in `top_rows`. Knows no store and no clock: text and rows only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from openpanel.analytics import top_rows
from openpanel.analytics.overview import Overview, TopAnswer
from openpanel.analytics.routing import Source, Span
from openpanel.analytics.spans import days_of
from openpanel.analytics.statements import Row, Statement

DeviceKind = Literal["device", "browser", "os"]


@dataclass(frozen=True, slots=True)
class TopDevices:
    """Which kinds of device, which browsers, which systems?"""

    scope: Overview
    kind: DeviceKind = "device"
    limit: int = 10

    def __post_init__(self) -> None:
        top_rows.check_limit(self.limit)

    @property
    def project(self) -> str:
        return self.scope.project

    @property
    def exact(self) -> Source:
        return Source.SESSIONS

    @property
    def rolled_up(self) -> tuple[Span, ...]:
        return days_of(self.scope, only_current=True)

    def statement(self, source: Source) -> Statement:
        if source is Source.ROLLUP:
            return top_rows.of_rollup(
                self.scope, dimension=self.kind, limit=self.limit, views_known=True, few_values=True
            )
        return top_rows.of_sessions(self.scope, dimension=self.kind, limit=self.limit)

    def answer(self, rows: Sequence[Row], source: Source) -> TopAnswer:
        return top_rows.answer(rows, limit=self.limit, source=source)
