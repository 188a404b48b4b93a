"""Volumes of StatefulSets, enlarged where the spec asks for more: a set never touches the claims it has made or found.

A claim that an earlier cluster left behind is adopted by the set of its name, and grows like any other.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from openpanel_operator.kube import Kube, KubeError, Object, Ref
from openpanel_operator.kube.kinds import STATEFUL_SET, kind_of
from openpanel_operator.reconcile.comparing import amount
from openpanel_operator.reconcile.passing import explain
from openpanel_operator.resources.reasons import Reason

CLAIM = kind_of("v1", "PersistentVolumeClaim")


@dataclass(slots=True)
class Volumes:
    """How the claims are that have less than their set says, or had until now."""

    asked: list[Ref] = field(default_factory=list)
    """Just asked for more."""
    growing: list[Ref] = field(default_factory=list)
    """Asked for more than their volume has yet."""
    refused: dict[Ref, str] = field(default_factory=dict)
    """What their class cannot give, in the API server's words."""


async def grow(kube: Kube, objects: Iterable[Object]) -> Volumes:
    """Ask for more room where a claim has less than its set says."""
    seen = Volumes()
    for ref, size in _claims(objects):
        claim = await kube.get(CLAIM, ref.name, namespace=ref.namespace)
        if claim is None:
            continue
        if _is_less(claim["spec"]["resources"]["requests"]["storage"], size):
            await _ask(kube, ref, size, seen)
        elif _is_less((claim.get("status") or {}).get("capacity", {}).get("storage"), size):
            seen.growing.append(ref)
    return seen


async def _ask(kube: Kube, ref: Ref, size: str, seen: Volumes) -> None:
    try:
        await kube.patch(ref, {"spec": {"resources": {"requests": {"storage": size}}}})
    except KubeError as error:
        reason, message = explain(error)
        if reason is not Reason.VOLUME_NOT_EXPANDABLE:
            raise
        seen.refused[ref] = message
    else:
        seen.asked.append(ref)


def _is_less(has: str | None, size: str) -> bool:
    """Whether a volume has less than the size; one that is not bound yet has nothing to compare."""
    there, wanted = amount(has) if has else None, amount(size)
    return there is not None and wanted is not None and there < wanted


def _claims(objects: Iterable[Object]) -> Iterator[tuple[Ref, str]]:
    for body in objects:
        if body["kind"] != STATEFUL_SET.name:
            continue
        meta, spec = body["metadata"], body["spec"]
        for template in spec.get("volumeClaimTemplates") or ():
            for ordinal in range(int(spec.get("replicas", 1))):
                name = f"{template['metadata']['name']}-{meta['name']}-{ordinal}"
                yield (
                    Ref(CLAIM, meta["namespace"], name),
                    template["spec"]["resources"]["requests"]["storage"],
                )
