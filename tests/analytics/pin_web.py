"""Writes the pinned text of the questions about sites: `python -m tests.analytics.pin_web`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from openpanel.analytics.routing import Source
from tests.analytics.questions import scope
from tests.analytics.web import questions

FOLDER: Final = Path(__file__).parent / "web_fixtures"


def texts() -> Mapping[str, str]:
    """What each question asks of each source it can be answered from, by file name."""
    found = {}
    for name, question in questions(scope("demo")).items():
        sources = {question.exact, Source.ROLLUP} if question.rolled_up else {question.exact}
        for source in sorted(sources):
            found[f"{name}.{source}.sql"] = f"{question.statement(source).sql};\n"
    return found


def main() -> None:
    """Write all files, and remove those of questions that are gone."""
    FOLDER.mkdir(exist_ok=True)
    for path in FOLDER.glob("*.sql"):
        path.unlink()
    for name, text in texts().items():
        (FOLDER / name).write_text(text)


if __name__ == "__main__":
    main()
