"""Single events, all of them: what an export reads, page after page, in the order in which they are stored.

By day, name and device, and not by time: so a page is read where the page before it ended. Each page continues after
the last event before it. Each shard gives its own first rows, which are put in order and cut where the question was
asked. Knows no store and no clock: text and rows only.

The table's key says nothing of `event_id`, so the store would sort all that is left before it gives a page. Therefore
the device in which the page ends is looked up first, by the key alone, which stops reading there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from openpanel.analytics.event_rows import EVENT, Event, event
from openpanel.analytics.events import Selection, selected
from openpanel.analytics.filters import BadFilter
from openpanel.analytics.routing import Source, Span
from openpanel.analytics.statements import Row, Statement, fill, milliseconds

MAX_PAGE: Final = 10_000


@dataclass(frozen=True, slots=True)
class EventPlace:
    """The place of an event in the table."""

    created_at_ms: int
    name: str
    device_id: int
    event_id: int


@dataclass(frozen=True, slots=True)
class ExportedPage:
    """Some of the events; `following` is the `after` of the next page, `None` when there is none."""

    events: tuple[Event, ...]
    following: EventPlace | None


@dataclass(frozen=True, slots=True)
class ExportedEvents:
    """Which events are these, one page at a time?"""

    selection: Selection
    limit: int
    after: EventPlace | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.limit <= MAX_PAGE:
            raise BadFilter(f"limit {self.limit}", reason=f"expected 1 to {MAX_PAGE}")

    @property
    def project(self) -> str:
        return self.selection.project

    @property
    def exact(self) -> Source:
        return Source.EVENTS

    @property
    def rolled_up(self) -> tuple[Span, ...]:
        return ()

    def statement(self, source: Source) -> Statement:
        assert source is Source.EVENTS
        after = () if self.after is None else (_AFTER,)
        within, parameters = selected(self.selection, after)
        chosen, _ = selected(self.selection, (*after, _UNTIL))
        parameters["limit"] = self.limit
        if self.after is not None:
            parameters |= {
                "after": self.after.created_at_ms,
                "after_name": self.after.name,
                "after_device": self.after.device_id,
                "after_id": self.after.event_id,
            }
        return Statement(fill(_PAGE, columns=EVENT, within=within, selected=chosen), parameters)

    def answer(self, rows: Sequence[Row], source: Source) -> ExportedPage:
        assert source is Source.EVENTS
        events = tuple(event(row) for row in rows)
        return ExportedPage(events, _place(events[-1]) if len(events) == self.limit else None)


_PAGE: Final = """\
WITH
(
SELECT max((ends.day, ends.name, ends.device_id))
FROM
(
SELECT toDate(seen.created_at) AS day, seen.name AS name, seen.device_id AS device_id
<<within>>
ORDER BY toDate(seen.created_at), seen.name, seen.device_id
LIMIT {limit:UInt32}
) AS ends
) AS last
SELECT
    <<columns>>
<<selected>>
ORDER BY toDate(seen.created_at), seen.name, seen.device_id, seen.created_at, seen.event_id
LIMIT {limit:UInt32}"""

_AT: Final = "fromUnixTimestamp64Milli({after:Int64}, 'UTC')"
# Said column by column, so that the key leads to it.
_AFTER: Final = f"""toDate(seen.created_at) >= toDate({_AT})
    AND (toDate(seen.created_at) > toDate({_AT})
        OR seen.name > {{after_name:String}}
        OR (seen.name = {{after_name:String}} AND seen.device_id > {{after_device:UInt64}})
        OR (seen.name = {{after_name:String}} AND seen.device_id = {{after_device:UInt64}}
            AND (seen.created_at > {_AT}
                OR (seen.created_at = {_AT} AND seen.event_id > {{after_id:UInt64}}))))"""

_UNTIL: Final = """toDate(seen.created_at) <= last.1
    AND (toDate(seen.created_at) < last.1
        OR seen.name < last.2
        OR (seen.name = last.2 AND seen.device_id <= last.3))"""


def _place(last: Event) -> EventPlace:
    return EventPlace(milliseconds(last.created_at), last.name, last.device_id, last.event_id)
