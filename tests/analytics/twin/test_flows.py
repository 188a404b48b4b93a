"""Flows against the ways of sessions walked one by one in plain Python, over random histories."""

from collections import Counter
from itertools import groupby, pairwise
from typing import Any, Final

from hypothesis import strategies as st

from openpanel.analytics.asking import ask
from openpanel.analytics.flows import Flow, FlowNode
from openpanel.analytics.occurrences import Step
from openpanel.analytics.periods import resolve
from openpanel.analytics.property_filters import PropertyFilter
from openpanel.warehouse import Warehouse
from tests.analytics.twin.histories import History, histories
from tests.analytics.twin.reckoning import Event, Reckoning
from tests.analytics.twin.running import random_worlds
from tests.analytics.worlds import Insert, load

STEPS: Final = (
    Step("screen_view"),
    Step("click"),
    Step("*", (PropertyFilter("path", "is", ("/a",)),)),
    Step('sign "up"'),
)
Label = tuple[str, str]


@random_worlds(
    8,
    history=histories(sessions=20),
    mode=st.sampled_from(("after", "before", "between")),
    ends=st.tuples(st.sampled_from(STEPS), st.sampled_from(STEPS)),
    chosen=st.fixed_dictionaries(
        {
            "steps": st.integers(2, 4),
            "kept": st.integers(1, 3),
            "include": st.sampled_from(((), ("click", "screen_view"))),
            "exclude": st.sampled_from(((), ("revenue",))),
            "filters": st.sampled_from(((), (PropertyFilter("country", "isNot", ("KR",)),))),
        }
    ),
)
def test_flows_are_the_ways_that_sessions_took(
    warehouse: Warehouse,
    insert: Insert,
    history: History,
    mode: Any,
    *,
    ends: tuple[Step, Step],
    chosen: dict[str, Any],
) -> None:
    flow = Flow(
        load(history, insert),
        history.timezone,
        resolve("30d", timezone=history.timezone, now=history.now),
        mode,
        start=ends[0] if mode != "before" else None,
        end=ends[1] if mode != "after" else None,
        **chosen,
    )

    answer = ask(warehouse, flow)

    ways = _ways(flow, Reckoning(history))
    shown = _shown(flow, ways)
    nodes = Counter(node for way in shown for node in way)
    links = Counter(pair for way in shown for pair in pairwise(way))
    assert answer.sessions == len(ways)
    assert dict(answer.nodes) == nodes
    assert {(link.source, link.target): link.sessions for link in answer.links} == links
    assert [node.step for node, _ in answer.nodes] == sorted(node.step for node in nodes)


def _ways(flow: Flow, reckoning: Reckoning) -> list[list[Label]]:
    by_session: dict[int, list[Event]] = {}
    for event in reckoning.doings(flow.period):
        if (
            event.get("session_id")
            and reckoning.meets(event, flow.filters)
            and _counts(flow, reckoning, event)
        ):
            by_session.setdefault(event["session_id"], []).append(event)
    ways = [_way(flow, reckoning, events) for events in by_session.values()]
    return [way for way in ways if way]


def _counts(flow: Flow, reckoning: Reckoning, event: Event) -> bool:
    if _is(reckoning, event, flow.start) or _is(reckoning, event, flow.end):
        return True
    included = not flow.include or event["name"] in flow.include
    return reckoning.is_named(event, "*") and included and event["name"] not in flow.exclude


def _is(reckoning: Reckoning, event: Event, step: Step | None) -> bool:
    return step is not None and reckoning.is_named(event, step.name) and reckoning.meets(event, step.filters)


def _way(flow: Flow, reckoning: Reckoning, events: list[Event]) -> list[Label]:
    starts = [place for place, event in enumerate(events) if _is(reckoning, event, flow.start)]
    first = starts[0] if starts else None
    ends = [place for place, event in enumerate(events) if _is(reckoning, event, flow.end)]
    if flow.mode == "after":
        return _compact(events[first:])[: flow.steps] if first is not None else []
    if flow.mode == "before":
        return _compact(events[: ends[0] + 1])[-flow.steps :] if ends else []
    last = [place for place in ends if first is not None and place > first]
    way = _compact(events[first : last[0] + 1]) if last else []
    if len(way) <= flow.steps:
        return way
    return [label for label, _ in groupby([*way[: flow.steps - 1], way[-1]])]


def _compact(events: list[Event]) -> list[Label]:
    labels = [(event["name"], event["path"] if event["name"] == "screen_view" else "") for event in events]
    return [label for label, _ in groupby(labels)]


def _shown(flow: Flow, ways: list[list[Label]]) -> list[list[FlowNode]]:
    before = flow.mode == "before"
    placed = [list(enumerate(way, start=flow.steps - len(way) + 1 if before else 1)) for way in ways]
    counts = Counter(node for way in placed for node in way)
    kept: set[tuple[int, Label]] = set()
    for step in {step for step, _ in counts}:
        labels = [label for at, label in counts if at == step]
        labels.sort(key=lambda label: (-counts[step, label], label[0].encode(), label[1].encode()))
        kept |= {(step, label) for label in labels[: flow.kept]}
    return [
        [
            FlowNode(step, *label, other=False)
            if (step, label) in kept
            else FlowNode(step, "", "", other=True)
            for step, label in way
        ]
        for way in placed
    ]
