"""How a question becomes an answer: choose where to read, write the SQL, read it within limits.

A question is a frozen value with two pure halves, `statement` and `answer`; `ask` is the only thing here that
touches the store. Every statement carries its project and these limits.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol, TypeVar

from openpanel.analytics.filters import BadFilter
from openpanel.analytics.routing import (
    EMPTY,
    Choice,
    Facts,
    Source,
    Span,
    facts_of,
    facts_statement,
    source_for,
)
from openpanel.analytics.statements import Row, Statement
from openpanel.warehouse import Refused, Warehouse

LIMITS: Final[Mapping[str, object]] = {
    "max_execution_time": 30,  # seconds
    "max_memory_usage": 4_000_000_000,  # bytes
    "max_bytes_before_external_group_by": 2_000_000_000,
    "max_result_rows": 20_000,
    "max_rows_to_read": 2_000_000_000,
    # A session lives in one partition, so partitions need not be merged with one another for FINAL.
    "do_not_merge_across_partitions_select_final": 1,
    # Rows the key does not lead to are skipped by their index, and what must be merged is read all the same.
    "use_skip_indexes_if_final": 1,
    "use_skip_indexes_if_final_exact_mode": 1,
}
_CANNOT_COMPILE_REGEXP: Final = 427

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


def ask(warehouse: Warehouse, question: Question[AnswerT], *, log_comment: str = "") -> AnswerT:
    """The answer. `log_comment` names the queries, so that `Warehouse.cancel` can stop them."""
    choice = _choose(warehouse, question, log_comment)
    statement = question.statement(choice.source)
    return question.answer(_read(warehouse, statement, log_comment), choice.source)


def explain(warehouse: Warehouse, question: Question[Any]) -> str:
    """Where the answer is read and why, followed by the statement."""
    choice = _choose(warehouse, question, "")
    return f"-- {choice.source.value}: {choice.reason}\n{question.statement(choice.source).sql}"


def _choose(warehouse: Warehouse, question: Question[Any], log_comment: str) -> Choice:
    facts = EMPTY
    if question.rolled_up:
        facts = _facts(warehouse, question, log_comment)
    return source_for(question.exact, rolled_up=question.rolled_up, facts=facts)


def _facts(warehouse: Warehouse, question: Question[Any], log_comment: str) -> Facts:
    return facts_of(_read(warehouse, facts_statement(question.project, question.rolled_up), log_comment))


def _read(warehouse: Warehouse, statement: Statement, log_comment: str) -> list[Row]:
    settings = {**LIMITS, "log_comment": log_comment} if log_comment else LIMITS
    try:
        return warehouse.query(statement.sql, parameters=statement.parameters, settings=settings)
    except Refused as refusal:
        if refusal.code == _CANNOT_COMPILE_REGEXP:
            raise BadFilter("re", reason="not a regular expression of RE2") from refusal
        raise
