"""kopf's part: it watches our two kinds, and every handler is one call that only notes what is there and asks for a pass.

No handler changes anything, returns anything or has kopf set a finalizer or an annotation of its own: what is to be
done follows from what is there, not from what happened. Objects that are made for resources are watched by
`kube.Watching`, which tells the same `Resources`.
"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import kopf
import structlog

from openpanel_operator.kube import Index, Key, Kind, Kube, KubeError, Ref, ref_of
from openpanel_operator.kube.kinds import CLUSTER, PROJECT
from openpanel_operator.kube.objects import version
from openpanel_operator.reconcile.claims import Claims, ref_of_key
from openpanel_operator.reconcile.keys import Queue
from openpanel_operator.reconcile.vacancies import Vacancies

PREFIX: Final = "operator.openpanel.dev"
PAGE: Final = 500  # objects per page of kopf's first list
AUDIT_S: Final = 300.0  # seconds between two comparisons of what is known with what there is
LATE: Final = timedelta(seconds=120)  # that a watch may be behind; a dropped connection is noticed after 70

KINDS: Final = (CLUSTER, PROJECT)

_log = structlog.get_logger(__name__)


class Resources:
    """Hears of resources of our kinds, keeps index and claims, and asks for passes."""

    def __init__(self, index: Index, claims: Claims, queue: Queue, *, vacancies: Vacancies) -> None:
        self._index = index
        self._claims = claims
        self._queue = queue
        self._vacancies = vacancies

    def seen(self, body: Mapping[str, Any], *, kind: Kind) -> None:
        """A resource is there, or is other than before."""
        key = self._index.put(body, kind=kind)
        if key is None:
            return
        known = self._claims.is_known(key)
        others = self._claims.put(body, key=key)
        self._ask(key, *others)
        if key.kind == CLUSTER.name and not known:
            self._ask(*self._claims.projects_of(key))

    def gone(self, ref: Ref, *, version: int | None = None) -> None:
        """A resource is no longer there."""
        key = self._index.drop(ref, version=version)
        if key is None:
            return
        served = list(self._claims.projects_of(key)) if key.kind == CLUSTER.name else []
        others = self._claims.drop(key)
        self._queue.forget(key)
        self._ask(key, *others, *served, *self._vacancies.for_owner(key))

    def owned_changed(self, key: Key) -> None:
        """An object of the resource is other than before."""
        self._ask(key)

    def _ask(self, *keys: Key) -> None:
        for key in keys:
            self._queue.add(key)


def registry_of(resources: Resources, *, connect: Callable[[], kopf.ConnectionInfo]) -> kopf.OperatorRegistry:
    """kopf's handlers."""
    registry = kopf.OperatorRegistry()

    def log_in(**_: object) -> kopf.ConnectionInfo:
        return connect()

    def cluster_event(event: kopf.RawEvent, **_: object) -> None:
        _heard(resources, event, kind=CLUSTER)

    def project_event(event: kopf.RawEvent, **_: object) -> None:
        _heard(resources, event, kind=PROJECT)

    kopf.on.login(registry=registry)(log_in)
    for kind, handler in ((CLUSTER, cluster_event), (PROJECT, project_event)):
        group, _, version_ = kind.api_version.partition("/")
        kopf.on.event(group, version_, kind.plural, registry=registry)(_asynchronous(handler))
    return registry


def settings_of(*, namespaced: bool) -> kopf.OperatorSettings:
    """kopf's settings, each for a reason."""
    settings = kopf.OperatorSettings()
    settings.persistence.finalizer = (
        f"{PREFIX}/kopf"  # the default is shared with every operator made with kopf
    )
    settings.persistence.progress_storage = kopf.AnnotationsProgressStorage(prefix=PREFIX)
    settings.persistence.diffbase_storage = kopf.AnnotationsDiffBaseStorage(prefix=PREFIX)
    settings.watching.chunk_size = PAGE
    settings.networking.request_timeout = 60.0  # the default of 300 hides a dead API server
    settings.networking.connect_timeout = 10.0
    settings.posting.enabled = False  # Events are told by `reconcile.events`
    settings.peering.standalone = True  # a Lease decides who works
    settings.scanning.disabled = namespaced  # else it would list CustomResourceDefinitions and namespaces
    settings.queueing.worker_limit = None  # a limit would leave each worker idle for a while per resource
    settings.queueing.idle_timeout = 1.0
    settings.queueing.exit_timeout = 1.0
    settings.process.ultimate_exiting_timeout = None  # the kubelet ends a process that does not end
    return settings


class Audit:
    """Compares what is known of our kinds with what there is, and notices a watch that has gone deaf.

    What the watch has missed is made up for. A watch that stays behind for long is taken for deaf: `moved_at` then
    stands, and liveness ends the process.
    """

    def __init__(
        self,
        kube: Kube,
        index: Index,
        resources: Resources,
        *,
        namespaces: tuple[str, ...],
        clock: Callable[[], datetime],
    ) -> None:
        self._kube = kube
        self._index = index
        self._resources = resources
        self._namespaces: tuple[str | None, ...] = namespaces or (None,)
        self._clock = clock
        self._behind: dict[Ref, datetime] = {}
        self.moved_at = asyncio.get_running_loop().time()

    async def run(self, *, every_s: float = AUDIT_S) -> None:
        """Compare for ever."""
        while True:
            await asyncio.sleep(every_s if not self._behind else every_s / 10)
            try:
                deaf = await self.compare()
            except KubeError as error:
                _log.warning("audit failed", error=error.message)
                deaf = False  # nothing was compared, so nothing is known
            if not deaf:
                self.moved_at = asyncio.get_running_loop().time()

    async def compare(self) -> bool:
        """Look once; whether a watch has missed something for too long."""
        behind: dict[Ref, datetime] = {}
        for kind in KINDS:
            for namespace in self._namespaces:
                await self._compare(kind, namespace, behind)
        now = self._clock()
        self._behind = {ref: self._behind.get(ref, now) for ref in behind}
        late = [ref for ref, since in self._behind.items() if now - since >= LATE]
        if late:
            _log.error("watch is deaf", missed=str(late[0]), count=len(late))
        return bool(late)

    async def _compare(self, kind: Kind, namespace: str | None, behind: dict[Ref, datetime]) -> None:
        there: set[Ref] = set()
        async for items, _ in self._kube.pages(kind, namespace=namespace):
            for body in items:
                ref = ref_of(body, kind=kind)
                there.add(ref)
                if version(body) > self._index.version(ref):
                    behind[ref] = self._clock()
        known = [ref_of_key(key) for key in self._index.keys(kind)]
        for ref in known:
            if ref in there or (namespace is not None and ref.namespace != namespace):
                continue
            if await self._kube.get(kind, ref.name, namespace=ref.namespace) is None:
                self._resources.gone(ref)


def _heard(resources: Resources, event: kopf.RawEvent, *, kind: Kind) -> None:
    body = event["object"]
    if event["type"] == "DELETED":
        resources.gone(ref_of(body, kind=kind), version=version(body))
    else:
        resources.seen(body, kind=kind)


def _asynchronous(handler: Callable[..., None]) -> Callable[..., Any]:
    """On the loop's own thread: a plain function would be called in another."""

    async def handle(**arguments: Any) -> None:
        handler(**arguments)

    return handle
