"""Volumes of StatefulSets, enlarged where the spec asks for more: a set never touches the claims it has made."""

from collections.abc import Iterable, Iterator

from openpanel_operator.kube import Kube, Object, Ref
from openpanel_operator.kube.kinds import STATEFUL_SET, kind_of
from openpanel_operator.reconcile.comparing import amount

CLAIM = kind_of("v1", "PersistentVolumeClaim")


async def grow(kube: Kube, objects: Iterable[Object]) -> list[Ref]:
    """Ask for more room where a claim has less than its set says; which."""
    grown = []
    for ref, size in _claims(objects):
        claim = await kube.get(CLAIM, ref.name, namespace=ref.namespace)
        if claim is None:
            continue
        has = amount(claim["spec"]["resources"]["requests"]["storage"])
        wants = amount(size)
        if has is not None and wants is not None and has < wants:
            await kube.patch(ref, {"spec": {"resources": {"requests": {"storage": size}}}})
            grown.append(ref)
    return grown


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
