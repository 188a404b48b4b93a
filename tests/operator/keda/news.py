"""The project of the example with KEDA's workers, its Redis, and what one sees of it in the API server."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import redis
import yaml

from openpanel.tenancy.pools import own_name
from openpanel_operator import pools
from openpanel_operator.kube import Key, Object
from openpanel_operator.kube.kinds import AUTOSCALER, CLUSTER, DEPLOYMENT, OPTIONAL, PROJECT, SECRET
from openpanel_operator.reconcile.conditions import found
from tests.operator.reconcile.waiting import until_true
from tests.operator.reconcile.worlds import Scene

EXAMPLE = Path(__file__).parents[3] / "manifests" / "examples" / "08-keda-workers.yaml"
PROJECT_NAME = "news"
NAME = f"{PROJECT_NAME}-worker"  # of the Deployment, and of KEDA's objects for it
KINDS = tuple(kind for kind in OPTIONAL if kind.group == "keda.sh")
(SCALED_OBJECT,) = (kind for kind in KINDS if kind.plural == "scaledobjects")
DRAINS = pools.DRAIN.format(own_name(PROJECT_NAME))
WAITING = pools.QUEUE.format(DRAINS)
IN_HAND = pools.IN_WORK.format(DRAINS)
AN_HOUR_S = 3_600
PATIENCE_S = 150.0  # KEDA looks every 15 seconds, and goes on after a fault with growing pauses


@dataclass(frozen=True, slots=True)
class News:
    """The project in a namespace of its own; `url` is that of the Redis that its cluster uses."""

    scene: Scene
    url: str

    async def made(self, *, secret: dict[str, str] | None = None, **workers: Any) -> None:
        """Make cluster and project, and let the operator bring them up. `workers` take the place of the example's."""
        self.scene.optional = KINDS
        self.scene.restart()
        await self.keep_secret(**(secret or {}))
        external = {"secretName": "our-redis"}
        spec = {
            "clickhouse": {"engine": "Embedded"},
            "redis": {"mode": "External", "external": external},
        }
        await self._say(CLUSTER.api_version, CLUSTER.name, "openpanel", spec)
        example = yaml.safe_load(EXAMPLE.read_text("utf-8"))
        spec = {**example["spec"], "workers": {**example["spec"]["workers"], **workers}}
        await self._say(PROJECT.api_version, PROJECT.name, PROJECT_NAME, spec)
        await self.scene.settle(*self.keys)

    @property
    def keys(self) -> tuple[Key, Key]:
        """Cluster and project."""
        here = self.scene.namespace
        return Key(CLUSTER.name, here, "openpanel"), Key(PROJECT.name, here, PROJECT_NAME)

    async def writes_of_a_pass(self) -> list[str]:
        """What the operator writes once it has heard of all that KEDA has written."""
        self.scene.listings.clear()
        return await self.scene.writes_of(*self.keys)

    async def keep_secret(self, **values: str) -> None:
        """Write what the Secret of the Redis says; what is not named is as it should be."""
        parts = urlsplit(self.url)
        address, password = f"{parts.hostname}:{parts.port}", parts.password or ""
        text = {"url": self.url, "address": address, "password": password, **values}
        await self._apply({"apiVersion": "v1", "kind": SECRET.name, "stringData": text}, "our-redis")

    def orders(self, *, waiting: int, in_hand: int) -> None:
        """As many orders as RQ would keep there: names in a list, names by the time at which they count as lost."""
        with redis.Redis.from_url(self.url) as client, client.pipeline() as at_once:
            at_once.delete(WAITING, IN_HAND)
            if waiting:
                at_once.rpush(WAITING, *(f"waiting-{number}" for number in range(waiting)))
            if in_hand:
                lost_at = time.time() + AN_HOUR_S
                at_once.zadd(IN_HAND, {f"in-hand-{number}": lost_at for number in range(in_hand)})
            at_once.execute()  # nobody who looks meanwhile finds nothing

    async def scaled(self) -> Object:
        """The ScaledObject."""
        body = await self.scene.kube.get(SCALED_OBJECT, NAME, namespace=self.scene.namespace)
        assert body is not None
        return body

    async def told(self, condition: str) -> dict[str, Any]:
        """A condition that KEDA has put into the ScaledObject's status."""
        status = (await self.scaled()).get("status") or {}
        return dict(found(status.get("conditions") or (), condition) or {})

    async def says(self, condition: str, status: str) -> None:
        """Wait until KEDA says so."""

        async def so() -> bool:
            return (await self.told(condition)).get("status") == status

        await self._until(so)

    async def replicas(self) -> int:
        """Workers that the Deployment asks for."""
        body = await self.scene.kube.get(DEPLOYMENT, NAME, namespace=self.scene.namespace)
        assert body is not None
        return int(body["spec"]["replicas"])

    async def has(self, workers: int) -> None:
        """Wait until the Deployment asks for that many."""

        async def so() -> bool:
            return await self.replicas() == workers

        await self._until(so)

    async def looked_again(self) -> None:
        """Wait until KEDA has looked and seen work, from now on."""
        before = (await self.scaled())["status"].get("lastActiveTime")

        async def so() -> bool:
            return bool((await self.scaled())["status"].get("lastActiveTime") != before)

        await self._until(so)

    async def autoscaler(self) -> Object:
        """The HorizontalPodAutoscaler that KEDA has made."""
        name = f"keda-hpa-{NAME}"

        async def there() -> bool:
            return await self.scene.kube.get(AUTOSCALER, name, namespace=self.scene.namespace) is not None

        await self._until(there)
        body = await self.scene.kube.get(AUTOSCALER, name, namespace=self.scene.namespace)
        assert body is not None
        return body

    async def change(self, **workers: Any) -> None:
        """Somebody changes what the project says of its workers, and the operator follows."""
        await self.scene.change(self.keys[1], workers=workers)
        self.scene.listings.clear()
        await self.scene.settle(*self.keys)

    async def _say(self, version: str, kind: str, name: str, spec: dict[str, Any]) -> None:
        await self._apply({"apiVersion": version, "kind": kind, "spec": spec}, name)

    async def _apply(self, body: dict[str, Any], name: str) -> None:
        meta = {"name": name, "namespace": self.scene.namespace}
        await self.scene.kube._inner.apply({**body, "metadata": meta}, manager="somebody")

    @staticmethod
    async def _until(condition: Callable[[], Awaitable[bool]]) -> None:
        await until_true(condition, within_s=PATIENCE_S)
