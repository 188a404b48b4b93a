"""Writes the pinned text of the questions about lists: `python -m tests.analytics.pin_lists`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tests.analytics.lists import questions

FOLDER: Final = Path(__file__).parent / "list_fixtures"


def texts() -> Mapping[str, str]:
    """What each question asks, by file name."""
    return {
        f"{name}.{question.exact}.sql": f"{question.statement(question.exact).sql};\n"
        for name, question in questions("demo").items()
    }


def main() -> None:
    """Write all files, and remove those of questions that are gone."""
    FOLDER.mkdir(exist_ok=True)
    for path in FOLDER.glob("*.sql"):
        path.unlink()
    for name, text in texts().items():
        (FOLDER / name).write_text(text)


if __name__ == "__main__":
    main()
