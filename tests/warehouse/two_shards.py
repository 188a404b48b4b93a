"""Every question over two shards: `python -m tests.warehouse.two_shards FOLDER`, in a process of its own.

Each is asked of a cluster and of single tables with the same rows, and must give the same answer. People have devices
on both shards, and most values are rare: what is cut, ranked or counted on a shard instead of where the question was
asked shows.
"""

import json
import os
import random
import sys
import traceback
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

from openpanel.analytics.asking import LIMITS, Question, ReadByDays
from openpanel.analytics.cohorts import Behaviour, Behaviours, DynamicCohort, freezing
from openpanel.analytics.data_version import DataVersion
from openpanel.analytics.routing import Source
from openpanel.identity.ids import to_hex
from openpanel.stream.frames import Envelope
from openpanel.warehouse import Warehouse, tables
from openpanel_worker.imported_sessions import ImportedSessions
from tests.analytics import behaviour, lists, questions, web
from tests.analytics.behaviour import NOW, ZONE
from tests.analytics.twin.crowds import Crowd, a_crowd
from tests.analytics.twin.wide import a_wide_history
from tests.warehouse import rows
from tests.warehouse.split import WRITTEN, Split, split

PROJECT = "p"
SESSIONS = 60
WORLDS = int(os.environ.get("OPENPANEL_TWIN_WORLDS") or 0) // 100 or 1
NEVER_WRITTEN = (tables.BOTS, tables.DEAD_LETTERS)  # no question reads them
_tokens = count()


def answers(folder: Path) -> None:
    """All questions of all worlds, each from everything that it may be read from."""
    places = split(folder)
    projects = [f"{PROJECT}{number}" for number in range(WORLDS)]
    for number, project in enumerate(projects):
        _load(_crowd(number), places.whole, project)
    places.spread()
    for table in WRITTEN:
        assert table in NEVER_WRITTEN or min(places.counts(table)) > 0, f"{table.name} lies on one shard"
    _check_persons_lie_on_both_shards(places)
    _check_imports_find_the_sessions_of_both_shards(places, projects[0])

    asked = answered = 0
    for project in projects:
        for name, question in _questions(project):
            for source in _sources(question):
                found = [_answer(each, question, source) for each in (places.whole, places.cluster)]
                assert found[0] == found[1], f"{name} from {source}: {found}"
                asked += 1
                answered += bool(found[0])
    assert answered > asked / 2


def _questions(project: str) -> Iterator[tuple[str, Question[Any]]]:
    scope = questions.scope(project, timezone=ZONE, now=NOW)
    yield from questions.questions(project, profile=lists.DEVICE, whole=scope).items()
    yield from behaviour.questions(project).items()
    yield from web.questions(scope).items()
    yield from lists.questions(project).items()
    yield "data version", DataVersion(project)


def _sources(question: Question[Any]) -> set[Source]:
    rolled_up = {Source.ROLLUP} if question.rolled_up else set()
    of_former_days = {Source.EVENTS} if isinstance(question, ReadByDays) else set()
    return {question.exact} | rolled_up | of_former_days


def _answer(warehouse: Warehouse, question: Question[Any], source: Source) -> Any:
    statement = question.statement(source)
    # The rows are few, so that threads would only wait for each other.
    settings = {**LIMITS, "max_threads": 1}
    return question.answer(
        warehouse.query(statement.sql, parameters=statement.parameters, settings=settings), source
    )


def _crowd(number: int) -> Crowd:
    dice = random.Random(number)
    return a_crowd(dice, a_wide_history(dice, sessions=SESSIONS, timezone=ZONE, now=NOW, days=8))


def _load(crowd: Crowd, whole: Warehouse, project: str) -> None:
    for table, block in crowd.tables():
        told = [{**row, "project_id": project} for row in block]
        rows.insert(whole, table, told, token=str(next(_tokens)))
    kept = DynamicCohort("kept", Behaviours((Behaviour("click"),)), NOW)
    command = freezing(project, timezone=ZONE, cohort=kept, generation=7)
    whole.command(command.sql, parameters=command.parameters, settings=LIMITS)


def _check_persons_lie_on_both_shards(places: Split) -> None:
    found = places.whole.query(
        f"SELECT count() FROM (SELECT person, uniqExact({tables.EVENTS.shard_by} % 2) AS shards FROM events"
        " WHERE person != 0 GROUP BY project_id, person HAVING shards = 2)"
    )
    assert found[0][0] > 0


def _check_imports_find_the_sessions_of_both_shards(places: Split, project: str) -> None:
    stored = places.whole.query(
        "SELECT session_id, toUnixTimestamp64Milli(session_started_at) FROM sessions FINAL"
        f" WHERE project_id = '{project}'"
    )
    named = [
        {"name": "click", "created_at": started_ms + 60_000, "session_id": to_hex(session)}
        for session, started_ms in stored
    ]
    call = Envelope(project, "client", 0, "", "", "", "", "", json.dumps(named).encode(), [])
    found = ImportedSessions(places.cluster)
    found.learn([call])
    assert [found.start_of(project, session) for session, _ in stored] == [started for _, started in stored]


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
