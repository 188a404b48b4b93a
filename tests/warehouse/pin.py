"""Writes the pinned statements of the schema: `python -m tests.warehouse.pin`."""

from pathlib import Path
from typing import Final

from openpanel.warehouse import tables, views
from openpanel.warehouse.schema import Clustered, Form, Single, Table, View, render

FOLDER: Final = Path(__file__).parent / "fixtures"
FORMS: Final[tuple[Form, ...]] = (Single(), Clustered())
SUBJECTS: Final[tuple[Table | View, ...]] = (*tables.ALL, tables.SCHEMA_MIGRATIONS, *views.ALL)


def text(subject: Table | View, form: Form) -> str:
    """All statements of a table or a view."""
    return "".join(f"{statement};\n" for statement in render(subject, form=form))


def pinned_name(subject: Table | View, form: Form) -> str:
    """The file that holds them."""
    return f"{subject.name}.{type(form).__name__.lower()}.sql"


def main() -> None:
    """Write all files, and remove those of tables that are gone."""
    for path in FOLDER.glob("*.sql"):
        path.unlink()
    for subject in SUBJECTS:
        for form in FORMS:
            (FOLDER / pinned_name(subject, form)).write_text(text(subject, form))


if __name__ == "__main__":
    main()
