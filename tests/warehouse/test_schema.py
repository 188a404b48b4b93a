"""What is told to ClickHouse, as pinned text, in both forms.

The text is in `fixtures`; after a change that is meant, `python -m tests.warehouse.pin` writes it anew.
"""

import pytest

from openpanel.warehouse import tables, views
from openpanel.warehouse.schema import Clustered, Form, Single, Table, View, render
from tests.warehouse.pin import FOLDER, FORMS, SUBJECTS, pinned_name, text


@pytest.mark.parametrize("form", FORMS, ids=lambda form: type(form).__name__.lower())
@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject.name)
def test_statements_are_the_pinned_ones(subject: Table | View, form: Form) -> None:
    assert text(subject, form) == (FOLDER / pinned_name(subject, form)).read_text()


def test_no_fixture_is_left_behind() -> None:
    assert {path.name for path in FOLDER.glob("*.sql")} == {
        pinned_name(subject, form) for subject in SUBJECTS for form in FORMS
    }


@pytest.mark.parametrize("form", FORMS, ids=lambda form: type(form).__name__.lower())
def test_every_table_remembers_the_tokens_of_inserts(form: Form) -> None:
    for table in (*tables.ALL, tables.SCHEMA_MIGRATIONS):
        assert "deduplication_window = 10000" in render(table, form=form)[0]


def test_views_read_and_fill_the_tables_of_their_shard() -> None:
    (statement,) = render(views.SESSIONS, form=Clustered())

    assert "TO `sessions_local`" in statement
    assert "FROM `events_local`" in statement


def test_tables_of_a_server_are_not_distributed() -> None:
    assert render(tables.RETENTION, form=Clustered()) == render(tables.RETENTION, form=Single())
