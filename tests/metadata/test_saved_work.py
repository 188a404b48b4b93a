"""Dashboards, reports, cohorts and references: of one project each, versioned, gone with it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from openpanel.metadata import (
    Database,
    NotFound,
    Stale,
    cohorts,
    dashboards,
    projects,
    references,
    reports,
)
from openpanel.metadata.cohorts import Counted
from tests.metadata.builders import NOON, a_project

LATER = NOON + timedelta(hours=1)
QUESTION = {"chartType": "linear", "series": [{"name": "a"}]}


def a_dashboard(database: Database, project: str) -> str:
    return dashboards.create(database, dashboard=str(uuid4()), project=project, name="Board", at=NOON).id


def a_report(database: Database, project: str, dashboard: str) -> str:
    return reports.create(
        database, report=str(uuid4()), project=project, dashboard=dashboard, name="R", question=QUESTION, at=NOON
    ).id  # fmt: skip


def a_cohort(database: Database, project: str, **fields: Any) -> str:
    defaults: dict[str, Any] = {
        "name": "C", "description": "", "kind": "dynamic", "definition": {"kind": "events"},
        "counted": Counted(3, NOON),
    }  # fmt: skip
    return cohorts.create(database, cohort=str(uuid4()), project=project, **{**defaults, **fields}).id


def test_only_the_version_that_was_read_is_changed(database: Database) -> None:
    project = a_project(database).id
    board = a_dashboard(database, project)
    report, cohort = a_report(database, project, board), a_cohort(database, project)
    changes: list[Callable[[int | None, str], Any]] = [
        lambda expected, name: dashboards.rename(
            database, project=project, dashboard=board, name=name, expected=expected, at=LATER
        ),
        lambda expected, name: reports.change(
            database, project=project, report=report, name=name, expected=expected, at=LATER
        ),
        lambda expected, name: cohorts.change(
            database, project=project, cohort=cohort, values={"name": name}, expected=expected, at=LATER
        ),
    ]

    for change in changes:
        first = change(1, "First")
        with pytest.raises(Stale) as refused:
            change(1, "Second")
        same = change(2, "First")
        third = change(None, "Third")

        assert refused.value.version == 2
        assert (first.name, first.version, first.updated_at) == ("First", 2, LATER)
        assert (same.version, third.name, third.version) == (2, "Third", 3)


def test_what_is_asked_of_another_project_is_not_there(database: Database) -> None:
    mine, other = a_project(database).id, a_project(database).id
    board = a_dashboard(database, mine)
    report, cohort = a_report(database, mine, board), a_cohort(database, mine)

    assert dashboards.load(database, project=other, dashboard=board) is None
    assert reports.load(database, project=other, report=report) is None
    assert cohorts.load(database, project=other, cohort=cohort) is None
    for delete in (
        lambda: dashboards.delete(database, project=other, dashboard=board, expected=None),
        lambda: reports.delete(database, project=other, report=report, expected=None),
        lambda: cohorts.delete(database, project=other, cohort=cohort, expected=None),
    ):
        with pytest.raises(NotFound):
            delete()


@pytest.mark.parametrize("text", ["", "x", "{00000000-0000-0000-0000-000000000000}", "0" * 32, "\x00"])
def test_a_text_that_is_no_id_names_nothing(database: Database, text: str) -> None:
    project = a_project(database).id

    assert dashboards.load(database, project=project, dashboard=text) is None
    assert reports.load(database, project=project, report=text) is None
    assert reports.listed(database, project=project, dashboard=text) == ()
    assert cohorts.load(database, project=project, cohort=text) is None
    assert references.load(database, organization="x", reference=text) is None


def test_an_arrangement_with_a_stranger_moves_nothing(database: Database) -> None:
    project = a_project(database).id
    board, second = a_dashboard(database, project), a_dashboard(database, project)
    report, stranger = a_report(database, project, board), a_report(database, project, second)
    place = {"x": 0, "y": 0, "w": 6, "h": 4}

    with pytest.raises(NotFound):
        dashboards.arrange(
            database, project=project, dashboard=board, places={report: place, stranger: place}, expected=1, at=LATER
        )  # fmt: skip

    assert [each.place for each in reports.listed(database, project=project)] == [None, None]
    kept = dashboards.load(database, project=project, dashboard=board)
    assert kept is not None
    assert kept.version == 1


def test_an_older_count_does_not_replace_a_newer_one(database: Database) -> None:
    project = a_project(database).id
    cohort = a_cohort(database, project, kind="static", counted=Counted(3, NOON, 10))

    newer = cohorts.count(database, project=project, cohort=cohort, counted=Counted(5, LATER, 12))
    older = cohorts.count(database, project=project, cohort=cohort, counted=Counted(4, NOON, 11))

    assert (newer.members, newer.generation, newer.version) == (5, 12, 1)
    assert older == newer


def test_everything_goes_with_its_project(database: Database) -> None:
    record = a_project(database)
    board = a_dashboard(database, record.id)
    a_report(database, record.id, board)
    a_cohort(database, record.id)
    references.create(
        database, reference=str(uuid4()), project=record.id, title="T", description="", happened_at=NOON, at=NOON
    )  # fmt: skip

    assert projects.erase(database, project=record.id)

    assert dashboards.listed(database, project=record.id) == ()
    assert reports.listed(database, project=record.id) == ()
    assert cohorts.listed(database, project=record.id) == ()
    assert references.listed(database, organization=record.organization) == ()
