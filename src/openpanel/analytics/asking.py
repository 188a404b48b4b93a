"""How a question becomes an answer: choose where to read, write the SQL, read it within limits.

A question is a frozen value with two pure halves, `statement` and `answer`; `ask` is the only thing here that
touches the store. Every statement carries its project and these limits.
"""

from collections.abc import Sequence
from datetime import date
from functools import partial
from typing import Any, Final, Protocol, TypeVar, runtime_checkable
from weakref import WeakKeyDictionary

from openpanel.analytics.filters import BadFilter
from openpanel.analytics.former_days import FormerDays
from openpanel.analytics.limits import LIMITS, Priority, over_limit
from openpanel.analytics.recent import Recent
from openpanel.analytics.routing import (
    Choice,
    Facts,
    Source,
    Span,
    facts_of,
    facts_statement,
    source_for,
    without_rollup,
)
from openpanel.analytics.statements import Row, Statement
from openpanel.warehouse import Warehouse, WarehouseError

__all__ = ["LIMITS", "Question", "ask", "choose", "read"]

_CANNOT_COMPILE_REGEXP: Final = 427

FACTS_KEPT_S: Final = 30.0  # they decide where to read, and may be half a minute old

# Of each warehouse this process asks.
_RECENT: Final[WeakKeyDictionary[Warehouse, Recent[tuple[str, Span], Facts]]] = WeakKeyDictionary()

AnswerT = TypeVar("AnswerT")
AnswerT_co = TypeVar("AnswerT_co", covariant=True)


class Question(Protocol[AnswerT_co]):
    """What every question can do."""

    @property
    def project(self) -> str: ...

    @property
    def exact(self) -> Source:
        """Where the exact answer is read."""
        ...

    @property
    def rolled_up(self) -> tuple[Span, ...]:
        """The whole days a rollup would be read for; none if a rollup cannot answer this question."""
        ...

    def statement(self, source: Source) -> Statement: ...

    def answer(self, rows: Sequence[Row], source: Source) -> AnswerT_co: ...


@runtime_checkable
class ReadByDays(Protocol):
    """What a question has beside that, whose exact answer a rollup gives by its days; events give the same one."""

    @property
    def oldest_day(self) -> date | None:
        """The first day it reads of a rollup; `None` when it reads none."""
        ...


def ask(
    warehouse: Warehouse,
    question: Question[AnswerT],
    *,
    former: FormerDays | None = None,
    log_comment: str = "",
    priority: Priority = Priority.PAGE,
) -> AnswerT:
    """The answer. `log_comment` names the queries, so that `Warehouse.cancel` can stop them.

    `former` are the days that rollups may know by another time zone than the question's. Raises `limits.TooMuch`
    with advice when it would cost more than a question may.
    """
    choice = choose(warehouse, question, former=former)
    rows = read(warehouse, question, source=choice.source, log_comment=log_comment, priority=priority)
    return question.answer(rows, choice.source)


def choose(warehouse: Warehouse, question: Question[Any], *, former: FormerDays | None = None) -> Choice:
    """Where the answer is read, and why. What is asked for it is small and shared, so nobody's leaving stops it."""
    if former is not None and any(day in former for day in _first_days(question)):
        return without_rollup(question.exact, until=former.until)
    recent = _RECENT.setdefault(warehouse, Recent(kept_s=FACTS_KEPT_S))

    def facts(span: Span) -> Facts:
        statement = facts_statement(question.project, span)
        return facts_of(_read(warehouse, statement, question, "", Priority.PAGE))

    known = [recent.get((question.project, span), find=partial(facts, span)) for span in question.rolled_up]
    return source_for(question.exact, facts=known)


def read(
    warehouse: Warehouse,
    question: Question[Any],
    *,
    source: Source,
    log_comment: str = "",
    priority: Priority = Priority.PAGE,
) -> list[Row]:
    """The rows that `question.answer` wants."""
    return _read(warehouse, question.statement(source), question, log_comment, priority)


def _first_days(question: Question[Any]) -> tuple[date, ...]:
    """Those with which what is read of a rollup begins."""
    if isinstance(question, ReadByDays) and question.oldest_day is not None:
        return (question.oldest_day,)
    return tuple(span.first for span in question.rolled_up)


def _read(
    warehouse: Warehouse, statement: Statement, question: Question[Any], log_comment: str, priority: Priority
) -> list[Row]:
    settings = {**LIMITS, "priority": priority.value}
    if log_comment:
        settings["log_comment"] = log_comment
    try:
        return warehouse.query(statement.sql, parameters=statement.parameters, settings=settings)
    except WarehouseError as error:
        if error.code == _CANNOT_COMPILE_REGEXP:
            raise BadFilter("re", reason="not a regular expression of RE2") from error
        if (told := over_limit(error, question=question)) is not None:
            raise told from error
        raise
