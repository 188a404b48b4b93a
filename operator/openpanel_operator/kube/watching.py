"""Keeps the index in step with the API server for one kind: list once, then watch, and list again when that breaks.

Server-side selectors, so that only the operator's own objects travel. A watch without a word, bookmarks included,
is dropped and taken up again where it was; what a list no longer has is forgotten. `moved_at` tells when the loop
last came round, for the liveness probe.
"""

import asyncio
from collections.abc import Callable
from typing import Final

import structlog

from openpanel_operator.kube.client import Kube
from openpanel_operator.kube.errors import Expired, KubeError, Unavailable
from openpanel_operator.kube.index import Index, Listener
from openpanel_operator.kube.kinds import Kind
from openpanel_operator.kube.objects import Object, Ref, ref_of, version

FIRST_PAUSE_S: Final = 0.5
LONGEST_PAUSE_S: Final = 30.0

_log = structlog.get_logger(__name__)


class Watching:
    """The watch of one kind in one namespace, or everywhere."""

    def __init__(
        self,
        kube: Kube,
        kind: Kind,
        *,
        namespace: str | None,
        selector: str,
        index: Index,
        tell: Listener,
        chance: Callable[[], float],
    ) -> None:
        """`tell` hears of each resource that has a changed object."""
        self._kube = kube
        self.kind = kind
        self.namespace = namespace
        self._selector = selector
        self._index = index
        self._tell = tell
        self._chance = chance
        self.listed = asyncio.Event()
        self.moved_at = asyncio.get_running_loop().time()

    async def run(self) -> None:
        """For ever."""
        pause = FIRST_PAUSE_S
        while True:
            try:
                since = await self._list()
                pause = FIRST_PAUSE_S
                await self._follow(since)
            except Expired:
                _log.info("watch expired", kind=self.kind.name, namespace=self.namespace)
            except KubeError as error:
                _log.warning("watch failed", kind=self.kind.name, error=error.message)
                await asyncio.sleep(pause * (0.5 + self._chance()))
                pause = min(pause * 2, LONGEST_PAUSE_S)
            self._moved()

    async def _list(self) -> str:
        seen: list[Ref] = []
        pages = self._kube.pages(self.kind, namespace=self.namespace, selector=self._selector)
        since = ""
        async for items, since in pages:  # noqa: B007 - the version of the last page is used below
            for body in items:
                self._take(body)
                seen.append(ref_of(body, kind=self.kind))
            self._moved()
        gone = self._index.retain(
            self.kind, namespace=self.namespace or "", seen=seen, until=int(since) if since.isdecimal() else 0
        )
        for owner in gone:
            self._tell(owner)
        self.listed.set()
        return since

    async def _follow(self, since: str) -> None:
        """Watch from that version on, over and over; an expired version or a refusal ends it."""
        pause = FIRST_PAUSE_S
        while True:
            try:
                async for what, body in self._kube.watch(
                    self.kind, namespace=self.namespace, selector=self._selector, since=since
                ):
                    self._moved()
                    since = str(body["metadata"].get("resourceVersion", since))
                    pause = FIRST_PAUSE_S
                    self._heard(what, body)
            except Unavailable as error:
                _log.debug("watch ended", kind=self.kind.name, error=error.message)
            self._moved()
            await asyncio.sleep(pause * (0.5 + self._chance()))
            pause = min(pause * 2, LONGEST_PAUSE_S)

    def _heard(self, what: str, body: Object) -> None:
        if what == "DELETED":
            owner = self._index.drop(ref_of(body, kind=self.kind), version=version(body))
            if owner is not None:
                self._tell(owner)
        elif what != "BOOKMARK":
            self._take(body)

    def _take(self, body: Object) -> None:
        owner = self._index.put(body, kind=self.kind)
        if owner is not None:
            self._tell(owner)

    def _moved(self) -> None:
        self.moved_at = asyncio.get_running_loop().time()
