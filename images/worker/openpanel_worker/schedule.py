"""What a worker does by the clock, in one thread beside its orders.

Every worker makes missing orders, which any number may do. What needs doing once (ending idle sessions, making
tomorrow's salt, forgetting secrets and sign-ins that are over) is done by the one that holds the schedule's lease. A task that fails is told and tried again.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import redis
import structlog

ORDERS_EVERY_S: Final = 2.0
SESSIONS_EVERY_S: Final = 10.0
SALTS_EVERY_S: Final = 600.0
FORGETTING_EVERY_S: Final = 900.0
REMOVALS_EVERY_S: Final = 60.0
PERSONS_EVERY_S: Final = 5.0
LEASE_MS: Final = 15_000

_RENEW: Final = """
-- KEYS 1 lease (string: owner)   ARGV 1 owner   2 lease ms. Returns 1 when the owner holds the lease from now on.
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Task:
    """Something to be done every so often; `once`: by one worker of the pool at a time."""

    name: str
    run: Callable[[], object]
    every_s: float
    once: bool = False


class Lease:
    """Who of a pool's workers does what needs doing once."""

    def __init__(self, client: redis.Redis, *, pool: str, owner: str, lease_ms: int = LEASE_MS) -> None:
        self._key = f"op:schedule:{pool}"
        self._owner = owner
        self._lease_ms = lease_ms
        self._redis = client
        self._renew = client.register_script(_RENEW)

    def held(self) -> bool:
        """Take or renew the lease; whether this worker has it."""
        return bool(self._renew(keys=[self._key], args=[self._owner, self._lease_ms]))

    def give_back(self) -> None:
        """Let another worker have it at once, if it is this one's."""
        if self._redis.get(self._key) == self._owner.encode():
            self._redis.delete(self._key)


class Schedule:
    """Runs tasks when they are due, until told to stop."""

    def __init__(
        self, tasks: Sequence[Task], *, lease: Lease, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`clock` gives seconds."""
        self._tasks = tasks
        self._lease = lease
        self._clock = clock
        self._due = dict.fromkeys((task.name for task in tasks), 0.0)

    def run(self, stopping: threading.Event) -> None:
        """The body of the thread."""
        shortest = min(task.every_s for task in self._tasks)
        while not stopping.is_set():
            self.run_due()
            stopping.wait(shortest / 2)
        try:
            self._lease.give_back()
        except redis.RedisError:
            _log.info("schedule lease left to run out")

    def run_due(self) -> None:
        """Run each task that is due, once."""
        for task in self._tasks:
            now = self._clock()
            if now < self._due[task.name]:
                continue
            self._due[task.name] = now + task.every_s
            try:
                if not task.once or self._lease.held():
                    task.run()
            except Exception:  # noqa: BLE001 - a thread's edge: the other tasks must go on
                _log.exception("scheduled task failed", task=task.name)
