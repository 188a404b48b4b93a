"""The documents, held to what they name: tests that back a promise, annotations, figures of the chart."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from openpanel_operator.desired import labels
from openpanel_operator.reconcile import annotations

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"
PROMISES = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", (DOCS / "failure-modes.md").read_text("utf-8"))
FILES = sorted(set(re.findall(r"`(tests/[\w/]+\.py)`", (DOCS / "failure-modes.md").read_text("utf-8"))))
ROWS = [
    line
    for line in (DOCS / "failure-modes.md").read_text("utf-8").splitlines()
    if line.startswith("|") and not line.startswith(("| when", "|---"))
]
# What a person may set, or may see, on resources and on what is made of them.
NOTES = sorted(
    value
    for module in (annotations, labels)
    for value in vars(module).values()
    if isinstance(value, str) and value.startswith(f"{labels.GROUP}/")
)


@cache
def functions(file: Path) -> frozenset[str]:
    tree = ast.parse(file.read_text("utf-8"))
    return frozenset(
        each.name for each in tree.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)
    )


@pytest.mark.parametrize(("file", "test"), PROMISES)
def test_test_that_backs_a_promise_exists(file: str, test: str) -> None:
    assert test in functions(ROOT / file)


@pytest.mark.parametrize("row", ROWS)
def test_every_promise_is_backed_by_a_test(row: str) -> None:
    assert "::test_" in row.rstrip(" |").rpartition("|")[2]


@pytest.mark.parametrize("file", FILES)
def test_file_of_tests_that_is_named_exists(file: str) -> None:
    assert (ROOT / file).is_file()


@pytest.mark.parametrize("note", NOTES)
def test_every_label_and_annotation_is_explained(note: str) -> None:
    assert f"`{note}" in (DOCS / "kubernetes.md").read_text("utf-8")
