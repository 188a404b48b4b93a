"""What a question may cost, and what to say when it would cost more.

A limit that is reached is an error that names what to narrow, never a part of the numbers. Knows no store.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import timedelta
from enum import Enum
from typing import Final

from openpanel.analytics.periods import Period
from openpanel.warehouse import Unavailable, WarehouseError

LIMITS: Final[Mapping[str, object]] = {
    "max_execution_time": 30,  # seconds
    "max_memory_usage": 4_000_000_000,  # bytes
    "max_bytes_before_external_group_by": 2_000_000_000,
    "max_result_rows": 20_000,
    "max_rows_to_read": 2_000_000_000,
    # Who persons really are is a small table beside a large one; the parallel join costs more than it saves.
    "join_algorithm": "hash",
    # A session lives in one partition, so partitions need not be merged with one another for FINAL.
    "do_not_merge_across_partitions_select_final": 1,
    # Rows the key does not lead to are skipped by their index, and what must be merged is read all the same.
    "use_skip_indexes_if_final": 1,
    "use_skip_indexes_if_final_exact_mode": 1,
}


class Priority(Enum):
    """Who goes first when there is much to do at once; inserts wait for nobody."""

    PAGE = 1  # somebody looks at an empty panel
    REFRESH = 5  # somebody looks at an answer of a moment ago
    EXPORT = 9  # nobody looks


@dataclass(frozen=True, slots=True)
class Limit:
    """One thing a question may run out of."""

    name: str
    text: str


TIME: Final = Limit("time", f"it would take more than {LIMITS['max_execution_time']} seconds")
MEMORY: Final = Limit("memory", "it would need more memory than one question gets")
ROWS_READ: Final = Limit("rows read", f"it would read more than {LIMITS['max_rows_to_read']:,} rows")
ROWS_ANSWERED: Final = Limit(
    "rows answered", f"the answer would have more than {LIMITS['max_result_rows']:,} rows"
)

_BY_CODE: Final[Mapping[int, Limit]] = {
    158: ROWS_READ,  # TOO_MANY_ROWS
    159: TIME,  # TIMEOUT_EXCEEDED
    160: TIME,  # TOO_SLOW
    241: MEMORY,  # MEMORY_LIMIT_EXCEEDED
    307: ROWS_READ,  # TOO_MANY_BYTES
    396: ROWS_ANSWERED,  # TOO_MANY_ROWS_OR_BYTES
}


class TooMuch(Unavailable):
    """The question is over a limit. `advice` says what to narrow, as a sentence for who asked."""

    def __init__(self, limit: Limit, *, advice: str, code: int) -> None:
        super().__init__(f"The question is too large: {limit.text}. {advice}", code=code)
        self.limit = limit
        self.advice = advice


def over_limit(error: WarehouseError, *, question: object) -> TooMuch | None:
    """What to tell instead of this error, when it says that a limit was reached."""
    limit = _BY_CODE.get(error.code)
    return None if limit is None else TooMuch(limit, advice=advice(question), code=error.code)


def advice(question: object) -> str:
    """What to ask for instead: what is large about the question comes first."""
    parts = dict(_parts(question))
    ideas = []
    if (days := parts.get("days", 0)) > 1:
        ideas.append(f"a shorter range than {days} days")
    if (breakdowns := parts.get("breakdowns", 0)) > 0:
        ideas.append(f"fewer breakdowns than {breakdowns}" if breakdowns > 1 else "no breakdown")
    if (limit := parts.get("limit", 0)) > 100:
        ideas.append(f"fewer rows than {limit:,}")
    ideas.append("a narrower filter" if parts.get("filters") else "a filter")
    return f"Ask for {' or '.join([', '.join(ideas[:-1]), ideas[-1]] if len(ideas) > 1 else ideas)}."


def _parts(value: object) -> Iterator[tuple[str, int]]:
    """How long, how much and how narrow, wherever in the question it is said; what is said later wins."""
    if isinstance(value, Period):
        yield "days", -(-(value.until - value.start) // timedelta(days=1))
    elif is_dataclass(value):
        for item in fields(value):
            found = getattr(value, item.name)
            if item.name in {"breakdowns", "filters"} and isinstance(found, tuple):
                yield item.name, len(found)
            elif item.name == "limit" and isinstance(found, int):
                yield "limit", found
            elif item.name != "previous":
                yield from _parts(found)
