"""Which of several operators works: the holder of a Lease that it keeps renewing.

A lease is free when nobody renewed it for its duration by the clock of whoever wants it, so clocks need not agree.
Taken over within `DURATION_S` + `RETRY_S` of the holder's last sign, at once when the holder gave it back. A holder
that cannot renew stops before another may take over: counted from before the renewal that was taken last, and in the
middle of a try if need be. One that is not there although it was held a moment ago counts as held still: its holder
makes it again.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import structlog

from openpanel_operator.kube import Conflict, Kube, KubeError, Object, Ref
from openpanel_operator.kube.kinds import LEASE

DURATION_S: Final = 12.0
RENEW_S: Final = 4.0
GIVE_UP_S: Final = 9.0  # after the last renewal; the rest of the duration is for what is under way to end
RETRY_S: Final = 2.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Times:
    """How long things take, in seconds."""

    duration: float = DURATION_S
    renew: float = RENEW_S
    give_up: float = GIVE_UP_S
    retry: float = RETRY_S


class Lease:
    """One candidate's view of the lease."""

    def __init__(
        self,
        kube: Kube,
        *,
        name: str,
        namespace: str,
        identity: str,
        clock: Callable[[], datetime],
        times: Times | None = None,
    ) -> None:
        """`identity` is this process's own."""
        self._kube = kube
        self._ref = Ref(LEASE, namespace, name)
        self._identity = identity
        self._clock = clock
        self._times = times or Times()
        self._seen: tuple[str, str] = ("", "")  # holder and time of renewal, as last read
        self._seen_at = 0.0
        self._renewed_at = 0.0  # before the write that was taken last
        self.held = False

    async def acquire(self) -> None:
        """Wait until the lease is this candidate's."""
        while not await self._try():  # noqa: ASYNC110 - what is waited for happens elsewhere
            await asyncio.sleep(self._times.retry)
        self.held = True
        _log.info("lease acquired", identity=self._identity)

    async def keep(self) -> None:
        """Renew the lease; returns when it is lost."""
        pause = self._times.renew
        try:
            while not self._taken:
                async with asyncio.timeout_at(self._renewed_at + self._times.give_up):
                    await asyncio.sleep(pause)
                    pause = self._times.renew if await self._renew() else self._times.retry
        except TimeoutError:
            _log.warning("lease not renewed in time", identity=self._identity)
        finally:
            self.held = False
        _log.warning("lease lost", identity=self._identity, holder=self._seen[0])

    async def release(self) -> None:
        """Give the lease back, so that the next one need not wait."""
        self.held = False
        try:
            try:
                await self._give_back()
            except Conflict:  # a renewal that was cut off has come through meanwhile; there is no second one
                await self._give_back()
        except KubeError as error:
            _log.warning("lease not released", error=error.message)

    async def _give_back(self) -> None:
        body = await self._read()
        if body is not None and _holder(body) == self._identity:
            await self._write(body, holder="", duration_s=1.0)

    @property
    def _taken(self) -> bool:
        """Whether another was seen to have it."""
        return self._seen[0] not in {self._identity, ""}

    async def _try(self) -> bool:
        try:
            body = await self._read()
            if not self._free(body):
                return False
            await self._hold(body)
        except Conflict:
            return False
        except KubeError as error:
            _log.warning("lease not readable", error=error.message)
            return False
        return True

    async def _renew(self) -> bool:
        try:
            body = await self._read()
            if body is not None and _holder(body) not in {self._identity, ""}:
                return False
            await self._hold(body)
        except KubeError as error:
            _log.warning("lease not renewed", error=error.message)
            return False
        return True

    async def _hold(self, body: Object | None) -> None:
        """Write that this candidate has it, as of now; make it if it is not there."""
        began = asyncio.get_running_loop().time()
        if body is None:
            await self._kube.create(self._body(self._identity))
        else:
            await self._write(body, holder=self._identity, duration_s=self._times.duration)
        self._renewed_at = began
        self._seen = (self._identity, "")

    async def _read(self) -> Object | None:
        body = await self._kube.get(LEASE, self._ref.name, namespace=self._ref.namespace)
        if body is None:
            return None  # who had it is remembered, and may not know yet
        spec = body.get("spec", {})
        seen = (str(spec.get("holderIdentity") or ""), str(spec.get("renewTime") or ""))
        if seen != self._seen:
            self._seen = seen
            self._seen_at = asyncio.get_running_loop().time()
        return body

    def _free(self, body: Object | None) -> bool:
        holder = self._seen[0] if body is None else _holder(body)
        if holder in {"", self._identity}:
            return True
        told = body["spec"].get("leaseDurationSeconds") if body is not None else None
        duration = float(told or self._times.duration)
        return asyncio.get_running_loop().time() - self._seen_at >= duration

    async def _write(self, body: Object, *, holder: str, duration_s: float) -> None:
        changed = _holder(body) != holder
        spec = self._spec(holder, duration_s)
        if not changed:
            del spec["acquireTime"]
        else:
            spec["leaseTransitions"] = int(body["spec"].get("leaseTransitions") or 0) + bool(holder)
        meta = {"resourceVersion": body["metadata"]["resourceVersion"]}  # only if nobody was faster
        await self._kube.patch(self._ref, {"metadata": meta, "spec": spec})

    def _body(self, holder: str) -> Object:
        return {
            "apiVersion": LEASE.api_version,
            "kind": LEASE.name,
            "metadata": {"name": self._ref.name, "namespace": self._ref.namespace},
            "spec": self._spec(holder, self._times.duration),
        }

    def _spec(self, holder: str, duration_s: float) -> dict[str, Any]:
        now = self._clock().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        return {
            "holderIdentity": holder,
            "leaseDurationSeconds": max(1, round(duration_s)),
            "acquireTime": now,
            "renewTime": now,
        }


def _holder(body: Object) -> str:
    return str(body["spec"].get("holderIdentity") or "")
