"""Public documents: generated pages match the code, links lead somewhere, examples are real files."""

import re
from pathlib import Path

import pytest

from docs.generate import pages

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


@pytest.mark.parametrize("name", sorted(pages()))
def test_generated_page_matches_the_code(name: str) -> None:
    assert (ROOT / "docs/reference" / name).read_text() == pages()[name]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_to_files_lead_to_files(document: Path) -> None:
    targets = re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", document.read_text())

    missing = [target for target in targets if not (document.parent / target).exists()]

    assert missing == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_tests_that_back_a_promise_exist(document: Path) -> None:
    named = re.findall(r"`(tests/[\w/.]+)`", document.read_text())

    assert [path for path in named if not (ROOT / path).exists()] == []


def test_every_setting_is_documented() -> None:
    text = pages()["settings.md"]

    assert "OPENPANEL_REDIS_URL" in text
    assert " | None |" not in text
