"""Every answer with numbers, and every page that shows them, links to what says how they are counted."""

import re
from pathlib import Path

import pytest

from docs.generate import described_api
from openpanel_api.public.documented import DOCS

FOLDER = Path(__file__).parents[3] / "docs"
TEMPLATES = Path(__file__).parents[3] / "images/dashboard/openpanel_dashboard/templates"
NOTHING_IS_COUNTED = {"/export/events", "/insights/{projectId}/references"}


def anchors(page: Path) -> set[str]:
    """What can be linked to within a page."""
    heads = re.findall(r"^#+ (.+)$", page.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}


def is_there(address: str) -> bool:
    """Whether the page of the repository is there, and the part of it that is named."""
    name, _, part = address.removeprefix(f"{DOCS}/").partition("#")
    page = FOLDER / name
    return address.startswith(f"{DOCS}/") and page.is_file() and (not part or part in anchors(page))


def test_every_question_of_the_api_links_to_its_definition() -> None:
    links = {
        path: operation.get("externalDocs", {}).get("url", "")
        for path, operations in described_api()["paths"].items()
        if path.startswith(("/export/", "/insights/")) and path not in NOTHING_IS_COUNTED
        for operation in operations.values()
    }

    assert {path: address for path, address in links.items() if not is_there(address)} == {}
    assert len(set(links.values())) > 10


def test_the_overview_links_to_its_definitions() -> None:
    text = (TEMPLATES / "pages/overview_main.html").read_text()

    (address,) = re.findall(r'href="(https://[^"]+)"', text)
    assert is_there(address)


@pytest.mark.parametrize(
    "page",
    [FOLDER / "definitions.md", FOLDER / "concepts.md", *sorted((FOLDER / "definitions").glob("*.md"))],
)
def test_links_between_definitions_resolve(page: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", page.read_text()):
        name, _, part = target.partition("#")
        linked = (page.parent / name).resolve() if name else page
        assert linked.is_file(), target
        assert not part or part in anchors(linked), target
