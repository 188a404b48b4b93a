"""Brings the objects of one resource to what is desired, and takes away what is no longer desired.

Server-side apply with the operator's field manager, and only for an object that differs from what is observed; so a
pass over a resource that is as it should be writes nothing. An object of the wanted name that is someone else's is
left alone. Knows neither kind of resource.
"""

import hashlib
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import Final, Literal

import msgspec
import structlog

from openpanel.tenancy.manifest import GROUP
from openpanel_operator.kube import Index, Key, Kube, Object, Ref, Refused, ref_of
from openpanel_operator.kube.client import SCALER
from openpanel_operator.kube.index import is_ours, owner_of
from openpanel_operator.kube.kinds import KEPT
from openpanel_operator.kube.objects import is_deleting
from openpanel_operator.reconcile.claims import ref_of_key
from openpanel_operator.reconcile.comparing import Path, applied, differences

Action = Literal["created", "updated", "recreated", "deleted"]

_log = structlog.get_logger(__name__)


class Taken(Exception):
    """There is an object of that name, and it is not this resource's."""

    def __init__(self, ref: Ref, owner: Key | None) -> None:
        whose = f"it belongs to {owner}" if owner else "it was not made by this operator"
        super().__init__(f"{ref} exists and {whose}")
        self.ref = ref
        self.owner = owner


@dataclass(frozen=True, slots=True)
class Change:
    """One write."""

    action: Action
    ref: Ref

    def __str__(self) -> str:
        return f"{self.action} {self.ref.kind.name} {self.ref.name}"


@dataclass(slots=True)
class _Seen:
    """What is remembered of an object between passes; lost without harm."""

    desired: bytes
    version: int
    left: frozenset[Path] = field(default_factory=frozenset)
    """Differences that applying does not end, because the server keeps the field otherwise: not tried again."""


class Applier:
    """Writes objects. One for all resources."""

    def __init__(self, kube: Kube, index: Index, *, drifted: Callable[[str], None]) -> None:
        """`drifted` hears the kind of each object that someone else had changed."""
        self._kube = kube
        self._index = index
        self._drifted = drifted
        self._seen: dict[Ref, _Seen] = {}
        self._swept = 0  # how many were left when those that are gone were last forgotten

    async def apply(self, objects: Iterable[Object], *, owner: Key) -> list[Change]:
        """Make the objects what they should be, in their order; what had to be written.

        One that has a `resourceVersion` is written over that version only: `Conflict` if somebody was faster.
        """
        changes = [await self._apply(desired, owner) for desired in objects]
        return [change for change in changes if change is not None]

    async def prune(self, *, owner: Key, keep: Collection[Ref]) -> list[Change]:
        """Delete what is the resource's and not in `keep`."""
        changes = []
        for ref, body in self._index.owned(owner):
            if ref in keep or ref.kind.name in KEPT or is_deleting(body) or is_kept(body):
                continue
            if _is_controlled_elsewhere(body):
                continue
            if Key(ref.kind.name, ref.namespace, ref.name) == owner:
                continue
            await self._kube.delete(ref, uid=body["metadata"]["uid"])
            self.forget(ref)
            changes.append(Change("deleted", ref))
        return changes

    def forget(self, ref: Ref) -> None:
        """The object is gone."""
        self._index.drop(ref)
        self._seen.pop(ref, None)

    async def _apply(self, desired: Object, owner: Key) -> Change | None:
        ref, wanted = ref_of(desired), _of_any_version(desired)
        digest = hashlib.blake2b(msgspec.json.encode(wanted, order="deterministic"), digest_size=16).digest()
        seen = self._seen.get(ref)
        if seen is not None and (seen.desired, seen.version) == (digest, self._index.version(ref)):
            return None
        observed = self._index.get(ref) or await self._look(ref)
        if observed is not None:
            self._must_be_ours(observed, ref, owner, kept=is_kept(desired))
            if is_deleting(observed):
                return None  # it is made anew when it is gone
            left = differences(wanted, observed)
            if not left or (seen is not None and seen.desired == digest and left <= seen.left):
                self._settle(ref, digest, left)
                return None
            if seen is not None and seen.desired == digest:
                self._drifted(ref.kind.name)
                _log.info("drift", object=str(ref), fields=sorted(".".join(path) for path in left)[:10])
            await self._hand_over_replicas(desired, observed)
        return await self._write(desired, ref, digest, there=observed is not None)

    async def _hand_over_replicas(self, desired: Object, observed: Object) -> None:
        """From now on something else scales it: with its only owner the number would go, and 1 is the default."""
        replicas = applied(observed, "spec", "replicas")
        if replicas is None or "replicas" in desired["spec"]:
            return
        meta = {name: observed["metadata"][name] for name in ("name", "namespace", "uid")}
        identity = {name: observed[name] for name in ("apiVersion", "kind")}
        await self._kube.apply({**identity, "metadata": meta, "spec": {"replicas": replicas}}, manager=SCALER)

    async def _write(self, desired: Object, ref: Ref, digest: bytes, *, there: bool) -> Change:
        action: Action = "updated" if there else "created"
        try:
            answer = await self._kube.apply(desired)
        except Refused as refusal:
            if not there:
                raise
            if UNCHANGEABLE in refusal.message:  # it is made anew around its running pods, once it is gone
                await self._kube.delete(ref, orphan=True)
                self.forget(ref)
                return Change("recreated", ref)
            if LEFT_OVER in refusal.message:
                answer = await self._apply_without_left_over(desired, ref)
            elif TWICE in refusal.message and "spec" in desired:
                answer = await self._apply_in_place_of_lists(desired, ref)
            else:
                raise
        self._settled(answer, desired, ref, digest)
        return Change(action, ref)

    async def _apply_without_left_over(self, desired: Object, ref: Ref) -> Object:
        """A default that the server put where somebody took the strategy away is nobody's: applying leaves it there."""
        strategy = {"rollingUpdate": None, **desired["spec"]["updateStrategy"]}
        await self._kube.patch(ref, {"spec": {"updateStrategy": strategy}})
        return await self._kube.apply(desired)

    async def _apply_in_place_of_lists(self, desired: Object, ref: Ref) -> Object:
        """An element whose key somebody changed, such as the number of a port, is theirs now, and applying adds ours.

        Where both together are refused, the lists become ours alone; whatever else somebody put into them goes.
        """
        await self._kube.patch(ref, {"spec": desired["spec"]})
        return await self._kube.apply(desired)

    def _settled(self, answer: Object, desired: Object, ref: Ref, digest: bytes) -> None:
        self._index.put(answer, kind=ref.kind)
        left = differences(_of_any_version(desired), self._index.get(ref) or answer)
        if left:
            _log.warning("fields not kept", object=str(ref), fields=sorted(".".join(path) for path in left))
        self._settle(ref, digest, left)

    async def _look(self, ref: Ref) -> Object | None:
        """The object itself, since what is not ours by its labels is not in the index."""
        observed = await self._kube.get(ref.kind, ref.name, namespace=ref.namespace)
        if observed is None or owner_of(observed, kind=ref.kind) is None:
            return observed
        self._index.put(observed, kind=ref.kind)
        return self._index.get(ref)

    def _must_be_ours(self, observed: Object, ref: Ref, owner: Key, *, kept: bool) -> None:
        """By its labels, or, if somebody changed those, by the owner that the API server knows.

        What is `kept` may have no such owner, since it outlives the resource: then by who applied it.
        """
        found = owner_of(observed, kind=ref.kind)
        if found == owner:
            return
        if kept and is_applied(observed) and (found is None or found.kind == owner.kind):
            return
        resource = self._index.get(ref_of_key(owner))
        uid = resource["metadata"].get("uid") if resource else None
        owners = observed["metadata"].get("ownerReferences") or ()
        if uid is None or all(each.get("uid") != uid for each in owners):
            raise Taken(ref, found)

    def _settle(self, ref: Ref, digest: bytes, left: frozenset[Path]) -> None:
        self._seen[ref] = _Seen(digest, self._index.version(ref), left)
        if len(self._seen) > 2 * self._swept + SWEPT_FROM:
            self._sweep()

    def _sweep(self) -> None:
        """Forget what is gone: of most objects nobody here hears when, since what they belonged to takes them along."""
        self._seen = {ref: seen for ref, seen in self._seen.items() if self._index.version(ref)}
        self._swept = len(self._seen)


# How the API server refuses a StatefulSet, and any object with two elements that should be one.
UNCHANGEABLE: Final = "updates to statefulset spec"
LEFT_OVER: Final = "spec.updateStrategy.rollingUpdate"
TWICE: Final = "Duplicate value"
SWEPT_FROM: Final = 64  # objects; below that nothing is worth forgetting
KEEP: Final = "openpanel.dev/keep"  # annotation of objects that are the resource's and are not rendered


def _of_any_version(desired: Object) -> Object:
    if "resourceVersion" not in desired["metadata"]:
        return desired
    meta = {name: value for name, value in desired["metadata"].items() if name != "resourceVersion"}
    return {**desired, "metadata": meta}


def is_applied(body: Object) -> bool:
    """Whether the API server says that the operator has applied it, whatever somebody did to its labels since."""
    return any(map(is_ours, body["metadata"].get("managedFields") or ()))


def _is_controlled_elsewhere(body: Object) -> bool:
    """Whether somebody else makes it, who only copied the labels of something of ours, as KEDA does for its autoscalers."""
    owners = body["metadata"].get("ownerReferences") or ()
    return any(
        owner.get("controller") and not owner["apiVersion"].startswith(f"{GROUP}/") for owner in owners
    )


def is_kept(body: Object) -> bool:
    """Whether the object stays although nobody renders it, such as credentials that were generated."""
    return (body["metadata"].get("annotations") or {}).get(KEEP) == "true"
