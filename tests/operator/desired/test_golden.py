"""What the operator renders is what its last release rendered, but for differences that somebody declared."""

import pytest

from openpanel_operator.desired import desired_cluster, desired_project
from openpanel_operator.desired.labels import REVISION
from tests.operator.desired import cases, golden

RENDERED = cases.all_rendered()
RELEASED = {case: golden.released(case) for case in RENDERED}
TEMPLATE = "spec.template"


@pytest.mark.parametrize("case", RENDERED)
def test_every_difference_to_the_last_release_is_declared(case: str) -> None:
    found = golden.differences(RELEASED[case], RENDERED[case])

    declared = golden.declared()
    assert [each for each in found if not any(entry.covers(each) for entry in declared)] == []


def test_nothing_is_declared_that_does_not_differ() -> None:
    found = [
        each for case, objects in RENDERED.items() for each in golden.differences(RELEASED[case], objects)
    ]

    for entry in golden.declared():
        assert any(entry.covers(each) for each in found), entry


def test_every_case_was_released() -> None:
    assert {path.stem for path in golden.FOLDER.glob("*.yaml")} - {"differences"} == RENDERED.keys()


@pytest.mark.parametrize("case", RENDERED)
def test_upgraded_operator_restarts_only_what_is_declared_to_restart(case: str) -> None:
    before = RELEASED[case]
    recorded = cases.recorded(before)
    kind, _, name = case.partition("-")
    if kind == "cluster":
        facts = cases.cluster_facts(revisions=recorded)
        after = desired_cluster(cases.cluster(cases.CLUSTERS[name]), facts=facts)
    else:
        own, host = cases.project(cases.PROJECTS[name]), cases.cluster(cases.CLUSTERS["everything"])
        after = desired_project(own, cluster=host, facts=cases.project_facts(revisions=recorded))

    # A Job runs once under its name; all other pods would restart for the least difference.
    found = [
        each
        for each in golden.differences(before, after)
        if each.path.startswith(TEMPLATE) and not each.object.startswith("Job/")
    ]

    restarting = [entry for entry in golden.declared() if entry.restarts]
    assert [
        each
        for each in found
        if REVISION not in each.path and not any(entry.covers(each) for entry in restarting)
    ] == []


def test_difference_is_found_where_it_begins() -> None:
    before = [{"kind": "A", "metadata": {"name": "x"}, "spec": {"a": [{"b": 1}], "c": 1}}]
    after = [
        {"kind": "A", "metadata": {"name": "x"}, "spec": {"a": [{"b": 2}]}},
        {"kind": "B", "metadata": {"name": "y"}},
    ]

    assert golden.differences(before, after) == [
        golden.Difference("A/x", "spec.a[0].b"),
        golden.Difference("A/x", "spec.c"),
        golden.Difference("B/y", ""),
    ]
    assert golden.Declaration("A/x", "spec.a", "why", restarts=False).covers(
        golden.Difference("A/x", "spec.a[0].b")
    )
    assert not golden.Declaration("A/x", "spec.a", "why", restarts=False).covers(
        golden.Difference("A/x", "spec.ab")
    )
