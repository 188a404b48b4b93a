"""How much a project has counted: the one question that a page waits for, and only for a moment.

A store that refuses says so at once; one that hangs would hold up every page. So a thread of its own waits for it,
and the page goes on without. Threads are few: while all of them wait, nobody else's question is even sent.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Final, TypeVar

import structlog

from openpanel.analytics.asking import ask
from openpanel.analytics.former_days import former_days
from openpanel.analytics.volume import Volume, VolumeAnswer
from openpanel.metadata.records import ProjectRecord
from openpanel.warehouse import Warehouse, WarehouseError

WAITED_S: Final = 1.0  # some hundred times what the answer takes
AT_ONCE: Final = 16  # questions under way

log = structlog.get_logger(__name__)
T = TypeVar("T")


class Volumes:
    """Asks one warehouse. Safe for threads."""

    def __init__(self, warehouse: Warehouse, *, clock: Callable[[], datetime]) -> None:
        self._warehouse = warehouse
        self._clock = clock
        self._threads = ThreadPoolExecutor(AT_ONCE, "volume")

    def close(self) -> None:
        """Ask nothing any more; waits for nobody."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def find(self, project: ProjectRecord) -> VolumeAnswer:
        """The answer, however long it takes. Raises what the warehouse raises."""
        question = Volume(project.id, project.timezone)
        return ask(self._warehouse, question, former=former_days(project, now=self._clock()))

    async def at_once(self, project: ProjectRecord) -> VolumeAnswer | None:
        """The answer; nothing when the store is away or takes too long."""
        try:
            return await self._soon(lambda: self.find(project))
        except TimeoutError:
            log.warning("the number of events is not known", error="no answer in time", project=project.id)
        except WarehouseError as error:
            log.warning("the number of events is not known", error=str(error), project=project.id)
        return None

    async def ping(self) -> None:
        """The warehouse answers. Raises what it raises, and `TimeoutError` when it takes too long."""
        await self._soon(lambda: self._warehouse.query("SELECT 1"))

    async def _soon(self, work: Callable[[], T]) -> T:
        async with asyncio.timeout(WAITED_S):
            return await asyncio.wrap_future(self._threads.submit(work))
