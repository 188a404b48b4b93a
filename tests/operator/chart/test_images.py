"""The files that images are made by: five that differ where their services do, and nowhere else."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
FILES = {
    "operator": ROOT / "operator" / "Dockerfile",
    **{name: ROOT / "images" / name / "Dockerfile" for name in ("api", "worker", "dashboard", "engine")},
}
# What a service has of its own: where it listens, how it starts, what it is told.
OWN = re.compile(r"^(EXPOSE .*|  CMD .*|ENTRYPOINT .*|    [A-Z_]+=.*)$", re.MULTILINE)
LOCALES = re.compile(r"^# Babel brings.*?\}\]\"\n", re.MULTILINE | re.DOTALL)


def shared(name: str) -> str:
    """The file without what is its service's own."""
    text = FILES[name].read_text("utf-8")
    folder = FILES[name].parent.relative_to(ROOT).as_posix()
    text = text.replace(f"{folder}/requirements.txt", "requirements.txt").replace(
        f"openpanel-{name}", "title"
    )
    return OWN.sub("", LOCALES.sub("", text)).replace("\n\n", "\n").strip()


@pytest.mark.parametrize("name", [name for name in FILES if name != "api"])
def test_images_are_made_alike(name: str) -> None:
    assert re.sub(r"\n+", "\n", shared(name)) == re.sub(r"\n+", "\n", shared("api"))


@pytest.mark.parametrize("name", FILES)
def test_image_runs_as_nobody_and_tells_how_it_is(name: str) -> None:
    text = FILES[name].read_text("utf-8")

    assert re.search(r"^USER 10001:10001$", text, re.MULTILINE)
    assert re.search(r"^HEALTHCHECK ", text, re.MULTILINE)
    assert re.search(r"^ARG PYTHON_IMAGE=", text, re.MULTILINE)  # so that a digest can be given
    assert "--require-hashes" in text
