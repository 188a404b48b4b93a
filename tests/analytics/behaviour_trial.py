"""Questions about behaviour over a cluster: `python -m tests.analytics.behaviour_trial FOLDER`.

Each is asked of Distributed tables and of single tables with the same rows, and must give the same answer. Runs in a
process of its own that ends with `os._exit`, since the engine's stand-in for Keeper aborts at exit.
"""

import os
import random
import sys
import traceback
from itertools import count
from pathlib import Path
from typing import Any

from openpanel.analytics.asking import LIMITS, Question, ReadByDays
from openpanel.analytics.cohorts import DynamicCohort, freezing
from openpanel.analytics.routing import Source
from openpanel.analytics.volume import Volume
from openpanel.warehouse import Warehouse, tables, views
from openpanel.warehouse.migrations import migrate
from openpanel.warehouse.schema import Clustered, Form, Single, Table, View, local_name, render
from tests.analytics import lists, web
from tests.analytics.behaviour import NOW, ZONE, cohorts, questions
from tests.analytics.questions import scope
from tests.analytics.twin.histories import History, a_history
from tests.warehouse import rows
from tests.warehouse.embedded import EmbeddedWarehouse
from tests.warehouse.trial import _unreplicated

_tokens = count()


def answers(folder: Path) -> None:
    """Distributed tables over local ones without replication, which the stand-in cannot write to."""
    clustered = EmbeddedWarehouse(folder, database="clustered")
    clustered.create_database()
    subjects: tuple[Table | View, ...] = (*tables.ALL, *views.ALL)
    for statement in (text for subject in subjects for text in render(subject, form=Clustered())):
        clustered.command(_unreplicated(statement))
    single = EmbeddedWarehouse(folder, database="single")
    migrate(single, form=Single())
    history = a_history(random.Random(3), sessions=120, days=8, timezone=ZONE, now=NOW)
    _load(history, single, Single())
    _load(history, clustered, Clustered())

    answered = 0
    every = {
        **questions("p"),
        **web.questions(scope("p", timezone=ZONE, now=NOW)),
        **lists.questions("p"),
        "volume": Volume("p", ZONE),
    }
    for name, question in every.items():
        for source in _sources(question):
            found = [_answer(each, question, source) for each in (single, clustered)]
            assert found[0] == found[1], f"{name} from {source}: {found}"
            answered += bool(found[0])
    assert answered > len(every) / 2


def _sources(question: Question[Any]) -> set[Source]:
    """All that it may be read from."""
    rolled_up = {Source.ROLLUP} if question.rolled_up else set()
    of_former_days = {Source.EVENTS} if isinstance(question, ReadByDays) else set()
    return {question.exact} | rolled_up | of_former_days


def _answer(warehouse: Warehouse, question: Question[Any], source: Source) -> Any:
    statement = question.statement(source)
    return question.answer(
        warehouse.query(statement.sql, parameters=statement.parameters, settings=LIMITS), source
    )


def _load(history: History, warehouse: Warehouse, form: Form) -> None:
    blocks: tuple[tuple[Table, rows.Rows], ...] = (
        (tables.EVENTS, history.events),
        (tables.PERSON_OVERRIDES, history.overrides),
        (tables.PROFILES, history.profiles),
        (tables.GROUPS, history.groups),
    )
    for table, block in blocks:
        warehouse.insert_native(
            local_name(table, form=form),
            columns=table.column_names,
            block=rows.block_of(table.written, [{**row, "project_id": "p"} for row in block]),
            token=str(next(_tokens)),
        )
    cohort = cohorts("click")[0]
    assert isinstance(cohort, DynamicCohort)
    kept = DynamicCohort("kept", cohort.definition, NOW)
    command = freezing("p", timezone=ZONE, cohort=kept, generation=7)
    warehouse.command(command.sql, parameters=command.parameters, settings=LIMITS)


def main() -> None:
    """Try it; the exit status says whether it held."""
    status = 1
    try:
        answers(Path(sys.argv[1]))
        status = 0
    except BaseException:  # noqa: BLE001 - the process ends here, and must not end by itself
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    main()
