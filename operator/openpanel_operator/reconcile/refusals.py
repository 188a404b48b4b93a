"""Pods that were never made: the API server refused them to the controller of their workload, for a quota perhaps.

A Deployment says so in its own conditions. StatefulSets and Jobs say so in Events only, which are asked for when pods
are missing and nothing else explains it.
"""

from collections.abc import Sequence
from typing import Final

from openpanel_operator.kube import Kube, Object, Ref
from openpanel_operator.kube.kinds import DEPLOYMENT, EVENT, POD
from openpanel_operator.reconcile import pods
from openpanel_operator.reconcile.readiness import (
    Trouble,
    lacks_pods,
    refusal_among,
    refusal_in,
    trouble_of,
)
from openpanel_operator.reconcile.workloads import Workload

JOB_NAME: Final = "batch.kubernetes.io/job-name"  # label that the Job's controller puts on its pods


async def trouble(kube: Kube, workloads: Sequence[Workload]) -> Trouble | None:
    """Why these workloads do not become ready, whether or not they have pods; None: they are only starting."""
    found = await pods.trouble(kube, workloads)
    if found is not None:
        return found
    for workload in workloads:
        refused = await _refused(kube, workload)
        if refused is not None:
            return refused
    return None


async def trouble_of_job(kube: Kube, ref: Ref) -> Trouble | None:
    """Why the Job does not come to its end; None: it is at work."""
    made = await kube.listed(POD, namespace=ref.namespace, selector=f"{JOB_NAME}={ref.name}")
    return trouble_of(made) if made else refusal_among(await _events(kube, ref))


async def _refused(kube: Kube, workload: Workload) -> Trouble | None:
    if workload.ref.kind == DEPLOYMENT:
        return refusal_in(workload.body)
    return refusal_among(await _events(kube, workload.ref)) if lacks_pods(workload.body) else None


async def _events(kube: Kube, ref: Ref) -> list[Object]:
    about = f"involvedObject.kind={ref.kind.name},involvedObject.name={ref.name}"
    return await kube.listed(EVENT, namespace=ref.namespace, fields=about)
