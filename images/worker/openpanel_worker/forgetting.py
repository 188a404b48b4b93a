"""The order "forget this person", and who makes it: the erasure of one person in all stores, with a receipt.

    find all numbers and ids → note them, so that workers leave out what is still on its way → Redis → warehouse → done

Safe to run twice and after a crash at any point: what is removed is gone, the rest is found again. One erasure of a
project is carried out at a time. Orders are made for whatever is not done, in each minute anew, so that one whose
worker was killed is missed by nobody.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

import redis
import structlog
from rq import Queue
from rq.exceptions import DuplicateJobError

from openpanel import metadata
from openpanel.analytics.cache import forget_answers
from openpanel.metadata import Database, PersonErasure, person_erasures
from openpanel.stream.forgetting import forget_person
from openpanel.stream.keys import Pool
from openpanel.tenancy.people import Person, resolved
from openpanel.tenancy.person_removal import MOST_VALUES, Removed, remove_person
from openpanel.tenancy.workload import MOST_PODS
from openpanel.warehouse import Unavailable, Warehouse, WarehouseError
from openpanel.warehouse.schema import Form
from openpanel_worker import context
from openpanel_worker.visits import visit_key

FUNCTION: Final = "openpanel_worker.forgetting.forget"
TIMEOUT_S: Final = 6 * 3_600  # what is longer at it hangs
LOCK_WAIT_S: Final = 0.5  # another worker is at it; its order comes again
AT_ONCE: Final = 1_000  # keys of one command
MOST_REASON: Final = 500  # characters

STAYS: Final = (
    "Sums that hold no person (visitors of a day, views of a path, events of a name): nobody can be subtracted.",
    "What others' events say of the person, and paths, reports, filters and cohorts that contain its id.",
    "Backups and snapshots that were taken before.",
)
VALUES_STAY: Final = (
    f"The person's events had more than {MOST_VALUES:,} values of properties; the rest of them stay for up to 90 days "
    "among the values that are offered to choose from."
)

_log = structlog.get_logger(__name__)


class Forgetting:
    """Carries erasures of persons out."""

    def __init__(
        self,
        client: redis.Redis,
        *,
        database: Database,
        warehouse: Warehouse,
        form: Form,
        announce: Callable[[], object],
    ) -> None:
        """`announce` tells the news that wait."""
        self._redis = client
        self._database = database
        self._warehouse = warehouse
        self._form = form
        self._announce = announce

    def carry_out(self, project: str, erasure: str) -> str:
        """Erase a person; how that ended. Raises errors of stores that are away: its order comes again."""
        try:
            with metadata.lock(self._database, f"openpanel.erasure.{project}", wait_s=LOCK_WAIT_S):
                return self._carry_out(project, erasure)
        except Unavailable:
            raise
        except WarehouseError as error:
            person_erasures.fail(
                self._database, project=project, erasure=erasure, reason=str(error)[:MOST_REASON]
            )
            _log.exception("a person cannot be erased", erasure=erasure)
            return "failed"

    def _carry_out(self, project: str, erasure: str) -> str:
        asked = person_erasures.begin(self._database, project=project, erasure=erasure)
        record = metadata.projects.load(self._database, project=project)
        if asked is None or record is None:
            return "nothing to do"
        person = resolved(
            self._warehouse, Person(project, asked.persons, asked.names, until_ms=asked.until_ms)
        )
        person_erasures.found(
            self._database, project=project, erasure=erasure, persons=person.persons, names=person.names
        )
        self._announce()
        removed = remove_person(self._warehouse, person, form=self._form)
        keys = self._forget_in_redis(Pool(record.pool, MOST_PODS), person, removed)
        done = person_erasures.finish(
            self._database,
            project=project,
            erasure=erasure,
            looks=asked.looks,
            receipt=receipt(asked, person, removed, keys),
        )
        _log.info("a person was erased", erasure=erasure, rows=removed.rows, keys=keys, done=done)
        return "done" if done else "goes on"

    def _forget_in_redis(self, pool: Pool, person: Person, removed: Removed) -> int:
        project = person.project
        keys = forget_person(
            self._redis,
            pool=pool,
            project=project,
            persons=frozenset(person.persons),
            devices=removed.devices,
            profiles=person.names,
        )
        for shard in range(pool.shards):
            visits = [visit_key(pool, shard, session) for session in removed.sessions]
            for start in range(0, len(visits), AT_ONCE):
                keys += self._redis.unlink(*visits[start : start + AT_ONCE])
        return keys + forget_answers(self._redis, database=self._warehouse.database, project=project)


class ForgettingOrders:
    """Makes the orders for erasures that are not done."""

    def __init__(self, queue: Queue, *, database: Database, now: Callable[[], datetime]) -> None:
        self._queue = queue
        self._database = database
        self._now = now

    def sweep(self) -> int:
        """Make an order for each, unless it has one of this minute; how many."""
        minute = f"{self._now():%Y%m%d%H%M}"
        return sum(
            self._make(project, erasure, minute)
            for project, erasure in person_erasures.waiting(self._database)
        )

    def _make(self, project: str, erasure: str, minute: str) -> bool:
        try:
            self._queue.enqueue(
                FUNCTION,
                project,
                erasure,
                job_id=f"forget-{erasure}-{minute}",
                unique=True,
                result_ttl=0,
                failure_ttl=0,
                job_timeout=TIMEOUT_S,
            )
        except DuplicateJobError:
            return False
        return True


def forget(project: str, erasure: str) -> str:
    """The order as RQ calls it; says how it ended."""
    try:
        return context.current().forgetting.carry_out(project, erasure)
    except (metadata.Unavailable, Unavailable, redis.RedisError) as error:
        _log.warning("an erasure waits", erasure=erasure, error=str(error)[:300])
        return "waits"


def receipt(before: PersonErasure, person: Person, removed: Removed, keys: int) -> Mapping[str, Any]:
    """What was removed, with what was removed by earlier looks, and what stays and why."""
    rows: dict[str, int] = dict(before.receipt.get("rows", {}))
    for table, number in removed.rows.items():
        rows[table] = rows.get(table, 0) + number
    return {
        "persons": len(person.persons),
        "rows": dict(sorted(rows.items())),
        "keys": before.receipt.get("keys", 0) + keys,
        "stays": [*STAYS, *((VALUES_STAY,) if removed.values_left else ())],
    }
