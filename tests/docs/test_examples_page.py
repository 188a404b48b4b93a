"""The page on the examples, held to the examples and to the list of those that the end-to-end run applies."""

import re
from pathlib import Path

from tests.e2e import examples

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"\| \[([\w-]+)\]\(\.\./manifests/examples/\1\.yaml\) \| [^|]+ \| (yes|no) \| ([^|]+) \|")


def rows() -> dict[str, tuple[str, str]]:
    """Of each example that the page names: whether it is run, and the last column."""
    text = (ROOT / "docs" / "examples.md").read_text("utf-8")
    return {name: (run, said) for name, run, said in ROW.findall(text)}


def test_the_page_names_every_example() -> None:
    assert list(rows()) == [path.stem for path in sorted((ROOT / "manifests" / "examples").glob("*.yaml"))]


def test_the_page_says_which_examples_are_run_and_why_the_others_are_not() -> None:
    run = {name for name, (answer, _) in rows().items() if answer == "yes"}

    assert run == {*examples.RUN, examples.PLATFORM}
    assert {name: said for name, (answer, said) in rows().items() if answer == "no"} == examples.NOT_RUN
