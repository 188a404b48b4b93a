"""Looks after objects that may be read by name only: a role cannot allow to watch some Secrets and not others.

One after the other, spread over a round, so that no burst meets the API server. What is gone or other than known is
told as a watch would tell it, within a round; where there are many, a round takes longer rather than asking faster.
"""

import asyncio
from typing import Final

import structlog

from openpanel_operator.kube.client import Kube
from openpanel_operator.kube.errors import KubeError
from openpanel_operator.kube.index import Index, Listener
from openpanel_operator.kube.kinds import Kind
from openpanel_operator.kube.objects import Ref

ROUND_S: Final = 20.0  # seconds in which everything is looked at once
FASTEST_S: Final = 0.05  # between two looks, however many there are: above 400 objects a round is longer

_log = structlog.get_logger(__name__)


class Patrol:
    """Looks at every known object of a kind, over and over."""

    def __init__(
        self, kube: Kube, kind: Kind, *, index: Index, tell: Listener, round_s: float = ROUND_S
    ) -> None:
        self._kube = kube
        self.kind = kind
        self._index = index
        self._tell = tell
        self._round_s = round_s
        self.moved_at = asyncio.get_running_loop().time()
        """When it last looked at something, or found nothing to look at: a round of many may take very long."""

    async def run(self) -> None:
        """For ever."""
        while True:
            refs = self._index.of(self.kind)
            pause = max(FASTEST_S, self._round_s / (len(refs) + 1))
            for ref in refs:
                await asyncio.sleep(pause)
                await self._look(ref)
                self._moved()
            await asyncio.sleep(pause)
            self._moved()

    async def _look(self, ref: Ref) -> None:
        try:
            body = await self._kube.get(ref.kind, ref.name, namespace=ref.namespace)
        except KubeError as error:
            _log.debug("not readable", object=str(ref), error=error.message)
            return
        owner = self._index.drop(ref) if body is None else self._index.put(body, kind=ref.kind)
        if owner is not None:
            self._tell(owner)

    def _moved(self) -> None:
        self.moved_at = asyncio.get_running_loop().time()
