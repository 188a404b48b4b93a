"""Kubernetes Events: what a person sees under `kubectl describe`, once for each change.

Best effort: they are told in the background, and what cannot be told is dropped, since no event is worth a
reconcile that waits.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

import structlog

from openpanel_operator.kube import Key, Kube, KubeError
from openpanel_operator.kube.kinds import EVENT
from openpanel_operator.reconcile.conditions import stamp

COMPONENT: Final = "openpanel-operator"
MOST_WAITING: Final = 1_000  # events; past that new ones are dropped
LONGEST_MESSAGE: Final = 1_000  # characters, a bit less than the API server takes

Type = Literal["Normal", "Warning"]

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened to a resource."""

    type: Type
    reason: str
    message: str


class Recorder:
    """Takes events and tells them in the background."""

    def __init__(self, kube: Kube, *, clock: Callable[[], datetime], instance: str) -> None:
        self._kube = kube
        self._clock = clock
        self._instance = instance
        self._waiting: asyncio.Queue[dict[str, Any]] = asyncio.Queue(MOST_WAITING)
        self._told = 0
        self._dropped = 0

    def record(self, event: Event, *, about: Key, api_version: str, uid: str) -> None:
        """Tell `event` about the resource, soon."""
        self._told += 1
        body = self._body(event, about, api_version, uid)
        try:
            self._waiting.put_nowait(body)
        except asyncio.QueueFull:
            self._dropped += 1
            _log.debug("event dropped", resource=str(about), reason=event.reason)

    async def run(self) -> None:
        """Tell what comes, for ever."""
        while True:
            body = await self._waiting.get()
            try:
                await self._kube.create(body)
            except KubeError as error:
                _log.warning("event not told", reason=body["reason"], error=error.message)
            finally:
                self._waiting.task_done()
            self._tell_dropped()

    def _tell_dropped(self) -> None:
        """Once for a burst, when it is over: conditions say what the Events would have said."""
        if self._dropped and self._waiting.empty():
            _log.warning("events dropped", count=self._dropped)
            self._dropped = 0

    async def flush(self) -> None:
        """Wait until all is told; `run` must be running."""
        await self._waiting.join()

    def _body(self, event: Event, about: Key, api_version: str, uid: str) -> dict[str, Any]:
        now = self._clock()
        return {
            "apiVersion": EVENT.api_version,
            "kind": EVENT.name,
            "metadata": {
                "name": f"{about.name[:200]}.{int(now.timestamp() * 1_000_000):x}{self._told:x}",
                "namespace": about.namespace,
            },
            "involvedObject": {
                "apiVersion": api_version,
                "kind": about.kind,
                "name": about.name,
                "namespace": about.namespace,
                "uid": uid,
            },
            "type": event.type,
            "reason": event.reason,
            "message": event.message[:LONGEST_MESSAGE],
            "firstTimestamp": stamp(now),
            "lastTimestamp": stamp(now),
            "count": 1,
            "source": {"component": COMPONENT},
            "reportingComponent": f"openpanel.dev/{COMPONENT}",
            "reportingInstance": self._instance,
        }
