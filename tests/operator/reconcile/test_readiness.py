"""What workloads, pods and stages are taken for. Pure."""

from typing import Any

import pytest

from openpanel.tenancy.spec import Retention
from openpanel_operator.desired import Stage
from openpanel_operator.desired.labels import COMPONENT, Component
from openpanel_operator.kube.kinds import DEPLOYMENT
from openpanel_operator.kube.objects import Ref
from openpanel_operator.reconcile import retention
from openpanel_operator.reconcile.readiness import rollout, trouble_of
from openpanel_operator.reconcile.staging import progress
from openpanel_operator.reconcile.workloads import Owned, Workload
from openpanel_operator.resources.cluster import PanelClusterSpec
from openpanel_operator.resources.project import ALLOW_DATA_LOSS
from openpanel_operator.resources.reasons import Reason

DONE = {"observedGeneration": 2, "replicas": 3, "readyReplicas": 3, "updatedReplicas": 3}


@pytest.mark.parametrize(
    ("status", "complete"),
    [
        (DONE, True),
        (DONE | {"observedGeneration": 1}, False),
        (DONE | {"updatedReplicas": 1}, False),
        (DONE | {"readyReplicas": 2}, False),
        (DONE | {"replicas": 4}, False),
        ({}, False),
    ],
)
def test_rollout_is_complete_when_every_pod_is_new_and_serves(status: dict[str, int], complete: bool) -> None:
    workload = {"metadata": {"generation": 2}, "spec": {"replicas": 3}, "status": status}

    assert rollout(workload).complete is complete


def test_workload_without_pods_is_complete() -> None:
    workload = {"metadata": {"generation": 1}, "spec": {"replicas": 0}, "status": {"observedGeneration": 1}}

    assert rollout(workload).complete
    assert not rollout(None).complete


def pod(**status: Any) -> dict[str, Any]:
    return {"metadata": {"name": "one"}, "status": status}


def container(**state: Any) -> dict[str, Any]:
    return {"containerStatuses": [{"name": "main", "image": "example.org/x:1", **state}]}


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (container(state={"waiting": {"reason": "ImagePullBackOff"}}), Reason.IMAGE_UNAVAILABLE),
        (container(state={"waiting": {"reason": "CrashLoopBackOff"}}), Reason.CRASH_LOOPING),
        (container(lastState={"terminated": {"reason": "OOMKilled"}}), Reason.OUT_OF_MEMORY),
        (
            {"conditions": [{"type": "PodScheduled", "status": "False", "message": "0/3 nodes: cpu"}]},
            Reason.UNSCHEDULABLE,
        ),
        (
            {
                "conditions": [
                    {
                        "type": "PodScheduled",
                        "status": "False",
                        "message": "pod has unbound immediate PersistentVolumeClaims",
                    }
                ]
            },
            Reason.VOLUME_UNBOUND,
        ),
    ],
)
def test_trouble_of_a_pod_is_named(status: dict[str, Any], reason: Reason) -> None:
    found = trouble_of([pod(), pod(**status)])

    assert found is not None
    assert found.reason is reason
    assert "one" in found.message


def test_pods_that_start_have_no_trouble() -> None:
    assert trouble_of([pod(**container(state={"waiting": {"reason": "ContainerCreating"}}))]) is None


def workload(component: Component, image: str, *, ready: bool = True) -> Workload:
    body = {
        "metadata": {"generation": 1, "labels": {COMPONENT: component.value}},
        "spec": {
            "replicas": 1,
            "template": {"spec": {"containers": [{"image": image}]}},
        },
        "status": {
            "observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "readyReplicas": int(ready),
        },
    }  # fmt: skip
    return Workload(Ref(DEPLOYMENT, "a", component.value), body)


def owned(version: str, *, behind: Component | None = None, ready: bool = True) -> Owned:
    images = {
        Component.WORKER: "worker",
        Component.INGEST: "api",
        Component.API: "api",
        Component.DASHBOARD: "dashboard",
    }
    workloads = [
        workload(
            component,
            f"openpanel-{part}:{'old' if component is behind and ready else version}",
            ready=ready or component is not behind,
        )
        for component, part in images.items()
    ]
    return Owned(tuple(workloads), {})


@pytest.mark.parametrize("ready", [True, False])
@pytest.mark.parametrize(
    ("behind", "stage"),
    [
        (Component.WORKER, Stage.WORKERS),
        (Component.INGEST, Stage.API),
        (Component.API, Stage.API),
        (Component.DASHBOARD, Stage.DASHBOARD),
    ],
)
def test_first_service_that_is_not_there_yet_holds_the_rest(
    behind: Component, stage: Stage, ready: bool
) -> None:
    found = progress(
        PanelClusterSpec(), version="2", owned=owned("2", behind=behind, ready=ready), schema_ready=True
    )

    assert (found.stage, found.held_by, found.done) == (stage, behind, False)


def test_nothing_goes_before_the_schema() -> None:
    spec = PanelClusterSpec()

    assert progress(spec, version="2", owned=owned("2"), schema_ready=False).stage is Stage.SCHEMA
    assert progress(spec, version="2", owned=owned("2"), schema_ready=True).done


def test_shorter_retention_needs_consent() -> None:
    wanted = Retention(events=30, replays=10)

    assert retention.cuts(wanted, applied=None, annotations={}) == {}
    assert retention.cuts(wanted, applied={"events": 30, "replays": 10}, annotations={}) == {}
    assert retention.cuts(wanted, applied={"events": 20}, annotations={}) == {"replays": (None, 10)}
    assert retention.cuts(wanted, applied={}, annotations={}) == {"events": (None, 30), "replays": (None, 10)}
    assert retention.cuts(wanted, applied={}, annotations={ALLOW_DATA_LOSS: "true"}) == {}
