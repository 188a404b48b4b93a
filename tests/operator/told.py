"""A ClickHouse server that says what it is told to say: for decisions about servers that no single engine can be."""

from collections.abc import Mapping, Sequence
from typing import Any

from openpanel.warehouse import Unavailable, Warehouse


class Told(Warehouse):
    """`says`: rows by a part of the statement that asks for them; a statement of which no part is there finds nobody."""

    def __init__(self, **says: Sequence[tuple[Any, ...]]) -> None:
        super().__init__("http://nobody:none@127.0.0.1:1", database="none")
        self._says = {name: list(rows) for name, rows in says.items()}

    def query(
        self,
        sql: str,
        *,
        parameters: Mapping[str, object] | None = None,  # noqa: ARG002 - the room's own
        settings: Mapping[str, object] | None = None,  # noqa: ARG002
        answer_s: float = 0.0,  # noqa: ARG002
    ) -> list[tuple[Any, ...]]:
        for part, rows in self._says.items():
            if part in sql:
                return rows
        raise Unavailable("nobody answers")
