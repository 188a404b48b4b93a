"""Flow: the ways that sessions take after an event, before it, or between two of them.

A session has one way: `after` begins with its first start event, `before` ends with its first end event, `between` goes
from its first start event to the first end event behind that. A screen stands for itself by its path, any other event
by its name; the same one twice in a row is one step. `include` and `exclude` name events that count as steps, the start
and the end always do. A way is cut after `steps`; between two events the last step is the end all the same.

At each step the most frequent are kept, the others are one node together. Sessions lie whole on one shard; their events
are merged where the question was asked. Knows no store and no clock: text and rows only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from openpanel.analytics.filters import MAX_VALUES, BadFilter
from openpanel.analytics.occurrences import Step, any_of, check_event, occurs
from openpanel.analytics.periods import Period
from openpanel.analytics.property_filters import PropertyFilter, check_filters, met
from openpanel.analytics.reading import ANY_EVENT, Membership, Reading
from openpanel.analytics.routing import Source, Span
from openpanel.analytics.statements import Row, Statement, fill

MAX_STEPS: Final = 10
MAX_KEPT: Final = 30  # nodes of one step
FlowMode = Literal["after", "before", "between"]


@dataclass(frozen=True, slots=True)
class FlowNode:
    """A step of ways: a screen (`path`), another event (`name`), or all that were not kept (`other`)."""

    step: int
    name: str
    path: str
    other: bool


@dataclass(frozen=True, slots=True)
class FlowLink:
    """So many sessions went on from one node to another."""

    source: FlowNode
    target: FlowNode
    sessions: int


@dataclass(frozen=True, slots=True)
class FlowAnswer:
    """Nodes with their sessions, the most frequent of a step first and "other" last; links likewise."""

    sessions: int
    nodes: tuple[tuple[FlowNode, int], ...]
    links: tuple[FlowLink, ...]


@dataclass(frozen=True, slots=True)
class Flow:
    """Which way do sessions go? `kept`: nodes of one step."""

    project: str
    timezone: str
    period: Period
    mode: FlowMode = "after"
    start: Step | None = None
    end: Step | None = None
    steps: int = 5
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    filters: tuple[PropertyFilter, ...] = ()
    kept: int = 5
    cohorts: tuple[Membership, ...] = ()

    def __post_init__(self) -> None:
        _check(self)

    @property
    def exact(self) -> Source:
        return Source.EVENTS

    @property
    def rolled_up(self) -> tuple[Span, ...]:
        return ()

    def statement(self, source: Source) -> Statement:
        assert source is Source.EVENTS
        reading = Reading(self.project, timezone=self.timezone, cohorts=self.cohorts)
        everywhere = met(self.filters, reading)
        starts, ends = _marked(self.start, reading), _marked(self.end, reading)
        sql = fill(
            _FLOW,
            ways=fill(
                _WAYS,
                part=_PART[self.mode],
                cut=fill(_CUT[self.mode], steps=reading.value("UInt16", self.steps)),
                first=fill(_FIRST[self.mode], steps=reading.value("UInt16", self.steps)),
                starts=starts,
                ends=ends,
                events=reading.events(
                    self.period,
                    conditions=(
                        any_of((self._counts(reading), starts, ends)),
                        *everywhere,
                        "seen.session_id != 0",
                    ),
                ),
            ),
            kept=reading.value("UInt32", self.kept),
        )
        return Statement(sql, reading.parameters)

    def answer(self, rows: Sequence[Row], source: Source) -> FlowAnswer:
        assert source is Source.EVENTS
        nodes: dict[FlowNode, int] = {}
        links = []
        for step, name, path, other, goes_on, next_name, next_path, next_other, sessions in rows:
            node = FlowNode(step, name, path, bool(other))
            nodes[node] = nodes.get(node, 0) + sessions
            if goes_on:
                links.append(
                    FlowLink(node, FlowNode(step + 1, next_name, next_path, bool(next_other)), sessions)
                )
        ordered = sorted(
            nodes.items(),
            key=lambda item: (item[0].step, item[0].other, -item[1], item[0].name, item[0].path),
        )
        total = sum(sessions for row in rows if not row[4] for sessions in row[-1:])
        return FlowAnswer(total, tuple(ordered), tuple(links))

    def _counts(self, reading: Reading) -> str:
        """The condition on events that are steps."""
        parts = [occurs(ANY_EVENT, (), reading)]
        if self.include:
            parts.append(f"seen.name IN {reading.texts(self.include)}")
        if self.exclude:
            parts.append(f"seen.name NOT IN {reading.texts(self.exclude)}")
        return " AND ".join(parts)


def _check(flow: Flow) -> None:
    if flow.mode not in _PART:
        raise BadFilter(flow.mode, reason=f"expected one of {', '.join(_PART)}")
    wanted = {"after": (flow.start,), "before": (flow.end,), "between": (flow.start, flow.end)}[flow.mode]
    given = tuple(step for step in (flow.start, flow.end) if step is not None)
    if wanted != given:
        raise BadFilter(
            flow.mode, reason="after needs a start, before an end, between both, and nothing else"
        )
    if not 2 <= flow.steps <= MAX_STEPS:
        raise BadFilter(f"{flow.steps} steps", reason=f"expected 2 to {MAX_STEPS}")
    if not 1 <= flow.kept <= MAX_KEPT:
        raise BadFilter(f"{flow.kept} nodes", reason=f"expected 1 to {MAX_KEPT}")
    if len(flow.include) > MAX_VALUES or len(flow.exclude) > MAX_VALUES:
        raise BadFilter("include, exclude", reason=f"at most {MAX_VALUES} names")
    check_filters(flow.filters)
    for step in given:
        check_event(step.name, step.filters)


def _marked(step: Step | None, reading: Reading) -> str:
    if step is None:
        return "0"
    return f"({occurs(step.name, step.filters, reading)})"


# `did`: the places of a session's events in their order; `began` and `ended`: where in it the way begins and ends.
_BEGAN: Final = "arrayFirstIndex(place -> starts[place] != 0, did)"
_ENDED: Final = "arrayFirstIndex(place -> ends[place] != 0, did)"
_ENDED_AFTER: Final = (
    f"arrayFirstIndex((place, number) -> ends[place] != 0 AND number > {_BEGAN}, did, arrayEnumerate(did))"
)
_PART: Final = {
    "after": f"if({_BEGAN} = 0, [], arraySlice(did, {_BEGAN}))",
    "before": f"arraySlice(did, 1, {_ENDED})",
    "between": f"if({_BEGAN} = 0 OR {_ENDED_AFTER} = 0, [], arraySlice(did, {_BEGAN}, {_ENDED_AFTER} - {_BEGAN} + 1))",
}
_CUT: Final = {
    "after": "arraySlice(labels, 1, <<steps>>)",
    "before": "arraySlice(labels, greatest(1, toInt32(length(labels)) - <<steps>> + 1))",
    "between": (
        "if(length(labels) <= <<steps>>, labels, "
        "arrayCompact(arrayPushBack(arraySlice(labels, 1, <<steps>> - 1), labels[-1])))"
    ),
}
# Ways before an event are counted from their end, so that they all end at the last step.
_FIRST: Final = {"after": "1", "before": "<<steps>> - length(way) + 1", "between": "1"}

_WAYS: Final = """\
SELECT way, toUInt16(<<first>>) AS first, count() AS sessions
FROM
(
    SELECT
        arrayCompact(arrayMap(place -> (names[place], paths[place]), <<part>>)) AS labels,
        <<cut>> AS way
    FROM
    (
        SELECT
            arraySort((place, at, id) -> (at, id), arrayEnumerate(groupArray(seen.event_id) AS ids),
                groupArray(toUnixTimestamp64Milli(seen.created_at)), ids) AS did,
            groupArray(toString(seen.name)) AS names,
            groupArray(if(seen.name = 'screen_view', seen.path, '')) AS paths,
            groupArray(toUInt8(<<starts>>)) AS starts,
            groupArray(toUInt8(<<ends>>)) AS ends
<<events>>
        GROUP BY seen.session_id
    )
)
WHERE notEmpty(way)
GROUP BY way"""

_FLOW: Final = """\
SELECT
    node.1 AS step,
    node.2.1 AS name,
    node.2.2 AS path,
    node.2.3 AS other,
    node.3 AS goes_on,
    node.4.1 AS next_name,
    node.4.2 AS next_path,
    node.4.3 AS next_other,
    sum(sessions) AS went
FROM
(
    SELECT
        sessions,
        arraySort(each -> each.1, groupArray((step, shown))) AS nodes,
        arrayJoin(arrayMap(
            place -> (nodes[place].1, nodes[place].2, place < length(nodes), nodes[place + 1].2),
            arrayEnumerate(nodes))) AS node
    FROM
    (
        SELECT
            way,
            sessions,
            step,
            if(dense_rank() OVER (PARTITION BY step ORDER BY together DESC, label) <= <<kept>>,
                (label.1, label.2, 0), ('', '', 1)) AS shown
        FROM
        (
            SELECT
                way,
                sessions,
                toUInt16(first + place - 1) AS step,
                label,
                sum(sessions) OVER (PARTITION BY step, label) AS together
            FROM
            (
<<ways>>
            )
            ARRAY JOIN way AS label, arrayEnumerate(way) AS place
        )
    )
    GROUP BY way, sessions
)
GROUP BY step, name, path, other, goes_on, next_name, next_path, next_other
ORDER BY step, went DESC, name, path, next_name, next_path, other, next_other, goes_on"""
