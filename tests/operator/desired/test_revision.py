"""An operator that renders pods differently leaves those alone that run already, unless it says why not."""

import copy
from typing import Any

from openpanel_operator.desired import desired_cluster
from openpanel_operator.desired.changes import Change
from openpanel_operator.desired.labels import REVISION, Component
from openpanel_operator.desired.objects import Object
from openpanel_operator.desired.revision import revision_of, settle
from tests.operator.desired import cases

OLD: Object = {
    "metadata": {"labels": {"a": "b"}},
    "spec": {"containers": [{"name": "api", "image": "api:1"}]},
}


def newer(template: Object) -> Object:
    """What a newer operator renders of the same resource."""
    changed = copy.deepcopy(template)
    changed["spec"]["priorityClassName"] = "high"
    return changed


def undone(template: Object) -> Object:
    del template["spec"]["priorityClassName"]
    return template


QUIET = Change(2, "pods have a priority", frozenset({Component.API}), undo=undone)
LOUD = Change(3, "closes a hole", frozenset({Component.API}), undo=None)


def settled(template: Object, recorded: str, *changes: Change) -> Object:
    return settle(template, component=Component.API, recorded=recorded, changes=changes)


def test_quiet_change_leaves_running_pods_alone() -> None:
    first = settled(OLD, "")

    assert settled(newer(OLD), revision_of(first), QUIET) == first


def test_new_workload_gets_the_newest_form() -> None:
    rendered = settled(newer(OLD), "", QUIET)

    assert rendered["spec"]["priorityClassName"] == "high"
    assert revision_of(rendered).startswith("2-")


def test_changed_resource_brings_the_newest_form_along() -> None:
    recorded = revision_of(settled(OLD, ""))
    wanted = copy.deepcopy(OLD)
    wanted["spec"]["containers"][0]["image"] = "api:2"

    rendered = settled(newer(wanted), recorded, QUIET)

    assert rendered["spec"]["priorityClassName"] == "high"
    assert revision_of(rendered).startswith("2-")


def test_declared_restart_is_not_put_off() -> None:
    recorded = revision_of(settled(OLD, ""))

    rendered = settled(newer(OLD), recorded, QUIET, LOUD)

    assert rendered["spec"]["priorityClassName"] == "high"
    assert revision_of(rendered).startswith("3-")


def test_change_of_another_component_is_none_of_its_business() -> None:
    first = settled(OLD, "")
    other = Change(2, "keeper restarts", frozenset({Component.KEEPER}), undo=None)

    assert settled(OLD, revision_of(first), other) == first


def test_template_that_somebody_edited_is_restored() -> None:
    first = settled(OLD, "")

    assert settled(OLD, "1-0123456789ab") == first
    assert settled(OLD, "nonsense") == first


def test_every_workload_carries_its_revision() -> None:
    objects = desired_cluster(cases.cluster(cases.EVERYTHING), facts=cases.cluster_facts(schema_ready=True))
    facts = cases.cluster_facts(schema_ready=True, revisions=cases.recorded(objects))

    templates = cases.pod_templates(objects)

    assert all(REVISION in template["metadata"]["annotations"] for template in templates.values())
    assert cases.pod_templates(desired_cluster(cases.cluster(cases.EVERYTHING), facts=facts)) == templates


def test_change_of_the_spec_reaches_the_pods() -> None:
    objects = desired_cluster(cases.cluster(), facts=cases.cluster_facts())
    recorded = cases.recorded(objects)
    spec: dict[str, Any] = {"ingest": {"resources": {"requests": {"cpu": "2"}}}}

    changed = desired_cluster(cases.cluster(spec), facts=cases.cluster_facts(revisions=recorded))

    before, after = (cases.pod_templates(each) for each in (objects, changed))
    assert {name for name in before if before[name] != after[name]} == {"Deployment/main-ingest"}
