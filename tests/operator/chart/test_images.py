"""How images are made: five files that differ where their services do, and packages without what nobody runs."""

import io
import json
import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

import pyarrow as pa  # type: ignore[import-untyped]  # it has no types
import pyarrow.parquet as pq  # type: ignore[import-untyped]  # it has no types
import pytest

ROOT = Path(__file__).parents[3]
TRIM = ROOT / "images" / "trim.py"
EXPORTS = Path(__file__).with_name("exports_written.py")
COMPILED = ("pyarrow", "msgspec", "zstandard")  # packages whose compiled parts an export loads
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


@pytest.fixture(scope="module")
def trimmed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Packages as they are in an image."""
    missing = [tool for tool in ("readelf", "strip") if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"{' and '.join(missing)} not found; install binutils")
    folder = tmp_path_factory.mktemp("packages")
    for name in COMPILED:
        package = Path(str(distribution(name).locate_file(name)))
        shutil.copytree(package, folder / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run([sys.executable, TRIM, folder], check=True)
    return folder


def weight(folder: Path) -> int:
    """Bytes of all files in it."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_trimmed_packages_weigh_less_than_half(trimmed: Path) -> None:
    whole = sum(weight(Path(str(distribution(name).locate_file(name)))) for name in COMPILED)

    assert weight(trimmed) < whole / 2


def test_trimmed_packages_write_every_kind_of_export(trimmed: Path, tmp_path: Path) -> None:
    paths = (trimmed, ROOT / "src", ROOT / "images" / "api")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths))}
    done = subprocess.run(
        [sys.executable, EXPORTS, tmp_path], env=environment, check=True, capture_output=True, text=True
    )
    made = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    rows = [json.loads(line) for line in made["ndjson"].splitlines()]
    parquet = pq.read_table(io.BytesIO(made["parquet"])).to_pylist()
    arrow = pa.ipc.open_stream(io.BytesIO(made["arrow"])).read_all().to_pylist()
    assert Path(done.stdout).is_relative_to(trimmed), "not those of the tests"
    assert [row["id"] for row in rows] == [f"{number:016x}" for number in (1, 2)]
    assert len(made["csv"].splitlines()) == 3
    assert parquet == arrow
    assert [(row["id"], row["groups"], dict(row["properties"])) for row in arrow] == [
        (row["id"], row["groups"], row["properties"]) for row in rows
    ]
