"""Questions over millions of events: warm and cold, rollups against raw reading, and against SQL written by hand.

`OPENPANEL_BENCH_EVENTS` says over how many, with commas between several. Warm is the fastest of some runs, cold is an
engine that has just started and whose data lies on the disk. Bounds are those of ten million events and more.
"""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from statistics import median
from typing import Any, Final

from benchmarks import queries_exports, questions, traffic
from benchmarks.queries_by_hand import UNBOUND, Bounds, Peer, peers
from benchmarks.queries_cost import cost
from benchmarks.questions import Asked
from benchmarks.report import Figure
from benchmarks.traffic import DataSet, Running
from openpanel.analytics.asking import LIMITS, Question, ask, choose
from openpanel.analytics.routing import Source
from openpanel.analytics.statements import Statement
from openpanel.warehouse import Warehouse

WARM_RUNS: Final = 5  # of which the fastest counts
COLD_RUNS: Final = 3  # of the overview page; of which the median counts
AT_ONCE: Final = 8
PATIENT: Final = {
    **LIMITS,
    "max_execution_time": 300,
}  # seconds: reading everything may take longer than anybody waits
_BUSIEST: Final = """\
SELECT profile_id FROM profile_activity WHERE project_id = {project:String}
GROUP BY profile_id ORDER BY sum(events) DESC, profile_id LIMIT 1"""


def measure() -> list[Figure]:
    return [_told(figure) for data in traffic.data_sets() for figure in _of(data)]


def _told(figure: Figure) -> Figure:
    """The figure, shown as soon as it is there: all of them take their time."""
    print(f"  {figure.what}: {figure.value:.3g} {figure.unit}  {figure.note}", file=sys.stderr, flush=True)
    return figure


def _of(data: DataSet) -> Iterator[Figure]:
    with data.running() as running:
        [(profile,)] = running.warehouse.query(_BUSIEST, parameters={"project": traffic.LARGE})
        every = questions.asked(profile)
        yield from (_against_hand(running, peer, data) for peer in peers())
        yield from (_rollup_ratio(running, each, data) for each in every if each.raw is not None)
        yield from (_warm(running, each, data) for each in every)
    yield from _pages(data)
    yield from queries_exports.measure(data)
    for each in every:
        cold = _cold(data, (each.question,))
        yield Figure("queries", f"{_named(data, each.name)}, cold", cold, "ms", more_is_better=False)


def _pages(data: DataSet) -> Iterator[Figure]:
    """All panels at once of a cold engine."""
    every = [each.question for each in questions.panels("30d")]
    bounds: Bounds = (500, 200) if data.events == traffic.EVENTS else UNBOUND
    yield _page(data, "overview page, 30 days, cold", questions.page("30d"), bounds=bounds)
    yield _page(data, "overview page, all 90 days, cold", questions.page("90d"))
    yield _page(data, "every panel and list of the overview, 30 days, cold", every)


def _page(data: DataSet, what: str, asked: Sequence[Question[Any]], *, bounds: Bounds = UNBOUND) -> Figure:
    took = median(_cold(data, asked) for _ in range(COLD_RUNS))
    note = f"{len(asked)} questions at once, data out of the page cache"
    return Figure("queries", _named(data, what), took, "ms", *bounds, more_is_better=False, note=note)


def _warm(running: Running, each: Asked, data: DataSet) -> Figure:
    """As somebody waits for it, and what the engine says that it took."""
    took = _fastest(lambda: ask(running.warehouse, each.question))
    source = choose(running.warehouse, each.question).source
    note = f"from {source}: {cost(running.url, each.question.statement(source))}"
    return Figure("queries", f"{_named(data, each.name)}, warm", took, "ms", more_is_better=False, note=note)


def _rollup_ratio(running: Running, each: Asked, data: DataSet) -> Figure:
    assert each.raw is not None
    rolled_up, raw = each.question.statement(Source.ROLLUP), each.question.statement(each.raw)
    what = _named(data, f"{each.name}, rollup against {each.raw}")
    return _ratio(running, what, slow=raw, fast=rolled_up)


def _against_hand(running: Running, peer: Peer, data: DataSet) -> Figure:
    bounds = peer.bounds if data.events >= traffic.EVENTS else UNBOUND
    what = _named(data, f"{peer.what}, against SQL by hand")
    return _ratio(running, what, slow=peer.by_hand, fast=peer.own, bounds=bounds)


def _ratio(
    running: Running,
    what: str,
    *,
    slow: Statement,
    fast: Statement,
    bounds: Bounds = UNBOUND,
) -> Figure:
    slow_ms = _fastest(lambda: _read(running.warehouse, slow))
    fast_ms = _fastest(lambda: _read(running.warehouse, fast))
    note = f"{slow_ms:.1f} ms ({cost(running.url, slow)}), here {fast_ms:.1f} ms ({cost(running.url, fast)})"
    return Figure("queries", what, slow_ms / fast_ms, "×", *bounds, note=note)


def _cold(data: DataSet, asked: Sequence[Question[Any]]) -> float:
    """All asked at once of an engine that has just started and whose data lies on the disk."""
    data.leave_page_cache()
    with data.running() as running, ThreadPoolExecutor(AT_ONCE) as pool:
        warehouse = running.warehouse
        warehouse.query("SELECT 1")  # a dashboard has its connection before somebody asks
        return _milliseconds(lambda: list(pool.map(lambda question: ask(warehouse, question), asked)))


def _read(warehouse: Warehouse, statement: Statement) -> object:
    return warehouse.query(statement.sql, parameters=statement.parameters, settings=PATIENT)


def _named(data: DataSet, what: str) -> str:
    return f"{data.events / 1e6:g} M events: {what}"


def _fastest(work: Callable[[], object]) -> float:
    return min(_milliseconds(work) for _ in range(WARM_RUNS))


def _milliseconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1000
