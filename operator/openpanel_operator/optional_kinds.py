"""Kinds of others, KEDA's and the Gateway API's among them: they are installed and taken away while the operator runs.

Asked after every so often. One that has come is watched, and used once everything of it is known; one that has gone
is watched no longer, and what was known of its objects is forgotten, so that nobody tries to apply any. Of some it is
enough to know that they are there.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import structlog

from openpanel_operator.kube import Index, Kind, Kube, KubeError, Watching
from openpanel_operator.kube.kinds import NOTICED, OPTIONAL
from openpanel_operator.reconcile.world import Installed

ASK_AGAIN_S: Final = 15.0
EVER: Final = 2**63  # no version is later

_log = structlog.get_logger(__name__)


async def served_kinds(kube: Kube) -> tuple[Kind, ...]:
    """The optional kinds that the API server knows now."""
    served = await asyncio.gather(*(kube.served(kind) for kind in OPTIONAL))
    return tuple(kind for kind, there in zip(OPTIONAL, served, strict=True) if there)


class OptionalKinds:
    """Follows them for one term of office."""

    def __init__(
        self,
        kube: Kube,
        installed: Installed,
        *,
        there: Iterable[Kind],
        index: Index,
        watches_of: Callable[[Kind], Sequence[Watching]],
        changed: Callable[[], None],
        every_s: float = ASK_AGAIN_S,
    ) -> None:
        """`there` are known to be served; `changed` hears when a kind has come or gone."""
        self._kube = kube
        self._installed = installed
        self._index = index
        self._watches_of = watches_of
        self._changed = changed
        self._every_s = every_s
        self._watches: dict[Kind, Sequence[Watching]] = {kind: watches_of(kind) for kind in there}
        self._tasks: dict[Kind, list[asyncio.Task[None]]] = {}
        self.moved_at = asyncio.get_running_loop().time()

    async def run(self) -> None:
        """For ever."""
        try:
            for kind in self._watches:
                self._start(kind)
            while True:
                await asyncio.sleep(self._every_s)
                await self.look()
        finally:
            await self.end()

    async def end(self) -> None:
        """Watch nothing any more."""
        for kind in list(self._tasks):
            await self._stop(kind)

    async def listed(self) -> None:
        """Wait until everything is known of the kinds that there were at first, and use them from then on."""
        await self.notice()
        for kind, watches in list(self._watches.items()):
            await asyncio.gather(*(watch.listed.wait() for watch in watches))
            if kind in self._watches:
                self._installed.kinds |= {kind.name}

    async def look(self) -> None:
        """See which kinds have come or gone; of one that cannot be asked after nothing is concluded."""
        for kind in OPTIONAL:
            there = await self._is_served(kind)
            if there:
                await self._take_up(kind)
            elif there is False and kind in self._watches:
                await self._give_up(kind)
        await self.notice()
        for task in [task for tasks in self._tasks.values() for task in tasks if task.done()]:
            await task
            raise RuntimeError(f"{task.get_name()} ended")
        self.moved_at = asyncio.get_running_loop().time()

    async def notice(self) -> None:
        """See which of those have come or gone that are only noticed."""
        before = self._installed.kinds
        for kind in NOTICED:
            there = await self._is_served(kind)
            if there is not None:
                others = self._installed.kinds - {kind.name}
                self._installed.kinds = others | {kind.name} if there else others
        if self._installed.kinds != before:
            self._changed()

    async def _is_served(self, kind: Kind) -> bool | None:
        try:
            return await self._kube.served(kind)
        except KubeError as error:
            _log.debug("kinds unreadable", kind=kind.name, error=error.message)
            return None

    def watched_at(self, kind: Kind) -> float:
        """When the watches of a kind last moved; one that is not there need not move."""
        moved = [watch.moved_at for watch in self._watches.get(kind, ())]
        return min(moved, default=asyncio.get_running_loop().time())

    async def _take_up(self, kind: Kind) -> None:
        if kind.name in self._installed.kinds:
            return
        if kind not in self._watches:
            self._watches[kind] = self._watches_of(kind)
            self._start(kind)
        listing = asyncio.gather(*(watch.listed.wait() for watch in self._watches[kind]))
        try:
            await asyncio.wait_for(listing, self._every_s)
        except TimeoutError:
            return  # the next look comes back to it
        _log.info("kind installed", kind=kind.name)
        self._installed.kinds |= {kind.name}
        self._changed()

    async def _give_up(self, kind: Kind) -> None:
        _log.info("kind gone", kind=kind.name)
        await self._stop(kind)
        for watch in self._watches.pop(kind):
            watch.listed.set()  # nobody shall wait for it
        self._installed.kinds -= {kind.name}
        self._index.retain(kind, namespace="", seen=(), until=EVER)
        self._changed()

    def _start(self, kind: Kind) -> None:
        self._tasks[kind] = [
            asyncio.create_task(watch.run(), name=f"watch {kind.plural}") for watch in self._watches[kind]
        ]

    async def _stop(self, kind: Kind) -> None:
        tasks = self._tasks.pop(kind, [])
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
