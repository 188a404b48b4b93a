"""How images are made: five files that differ where their services do, and packages without what nobody runs."""

import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path, PurePath

import pyarrow as pa  # type: ignore[import-untyped]  # it has no types
import pyarrow.parquet as pq  # type: ignore[import-untyped]  # it has no types
import pytest

from openpanel import metadata

ROOT = Path(__file__).parents[3]
TRIM = ROOT / "images" / "trim.py"
EXPORTS = Path(__file__).with_name("exports_written.py")
LOADED = Path(__file__).with_name("service_loaded.py")
ROOMS = {
    "openpanel": ROOT / "src",
    "openpanel_operator": ROOT / "operator",
    **{f"openpanel_{name}": ROOT / "images" / name for name in ("api", "worker", "dashboard")},
}
FILES = {
    "operator": ROOT / "operator" / "Dockerfile",
    **{name: ROOT / "images" / name / "Dockerfile" for name in ("api", "worker", "dashboard", "engine")},
}
# What a service has of its own: where it listens, how it starts, what it is told.
OWN = re.compile(r"^(EXPOSE .*|  CMD .*|ENTRYPOINT .*|    [A-Z_]+=.*|.*trim\.py \S+ \w+ .*)$", re.MULTILINE)
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


@pytest.mark.parametrize("name", FILES)
def test_image_keeps_what_it_starts(name: str) -> None:
    text = FILES[name].read_text("utf-8")

    kept = re.findall(r"trim\.py \S+ (\w+) ", text)
    assert kept == re.findall(r'^ENTRYPOINT \["python", "-m", "openpanel_(\w+)', text, re.MULTILINE)
    assert len(kept) == 1


def required() -> list[Distribution]:
    """What is installed here of all that the images install, but for the engine."""
    files = [ROOT / "operator", *(ROOT / "images" / name for name in ("api", "worker", "dashboard"))]
    texts = [(file / "requirements.txt").read_text("utf-8") for file in files]
    names = sorted({name for text in texts for name in re.findall(r"^([\w.-]+)==", text, re.MULTILINE)})
    found = []
    for name in names:
        try:
            found.append(distribution(name))
        except PackageNotFoundError:  # of another Python or another system
            continue
    return found


def installed(package: Distribution) -> list[PurePath]:
    """Its files that lie among the packages, as an installation leaves them."""
    return [file for file in package.files or () if file.parts[0] != ".." and file.suffix != ".pyc"]


@pytest.fixture(scope="module")
def trimmed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Packages as they are in an image."""
    if shutil.which("strip") is None:
        pytest.skip("strip not found; install binutils")
    folder = tmp_path_factory.mktemp("packages")
    for package in required():
        for file in installed(package):
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(str(package.locate_file(file)), folder / file)
    subprocess.run([sys.executable, TRIM, folder], check=True)
    return folder


@pytest.fixture
def run(trimmed: Path) -> Callable[..., str]:
    """Runs Python on these packages and our own, and on no others; answers what it says."""
    paths = (trimmed, *ROOMS.values())

    def output(*arguments: str | Path) -> str:
        done = subprocess.run(
            [sys.executable, "-S", *arguments],
            env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(map(str, paths))},
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
        return done.stdout

    return output


def weight(folder: Path) -> int:
    """Bytes of all files in it."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_trimmed_packages_weigh_less_than_two_thirds(trimmed: Path) -> None:
    files = [Path(str(package.locate_file(file))) for package in required() for file in installed(package)]

    assert weight(trimmed) < 2 / 3 * sum(file.stat().st_size for file in files)


@pytest.mark.parametrize("name", ROOMS)
def test_trimmed_packages_are_all_that_a_service_loads(name: str, run: Callable[..., str]) -> None:
    assert run(LOADED, name) == ""


def test_trimmed_packages_migrate_a_database(
    run: Callable[..., str], postgres_database: Callable[[], str]
) -> None:
    url = postgres_database()

    run("-c", "import sys; from openpanel import metadata; metadata.migrate(sys.argv[1])", url)

    with metadata.Database(url) as database:
        assert metadata.is_current(database)


def test_an_image_holds_its_own_service(tmp_path: Path) -> None:
    for name in (
        "openpanel",
        "openpanel_api",
        "openpanel_worker",
        "openpanel_local",
        "openpanel-1.dist-info",
    ):
        (tmp_path / "site-packages" / name).mkdir(parents=True)

    subprocess.run([sys.executable, TRIM, tmp_path, "api"], check=True)

    left = {path.name for path in (tmp_path / "site-packages").iterdir()}
    assert left == {"openpanel", "openpanel_api", "openpanel-1.dist-info"}


def test_trimming_twice_is_trimming_once(trimmed: Path) -> None:
    before = weight(trimmed)

    subprocess.run([sys.executable, TRIM, trimmed], check=True)

    assert weight(trimmed) == before


def test_trimmed_packages_write_every_kind_of_export(
    trimmed: Path, run: Callable[..., str], tmp_path: Path
) -> None:
    library = run(EXPORTS, tmp_path)

    made = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    rows = [json.loads(line) for line in made["ndjson"].splitlines()]
    parquet = pq.read_table(io.BytesIO(made["parquet"])).to_pylist()
    arrow = pa.ipc.open_stream(io.BytesIO(made["arrow"])).read_all().to_pylist()
    assert Path(library).is_relative_to(trimmed), "not those of the tests"
    assert [row["id"] for row in rows] == [f"{number:016x}" for number in (1, 2)]
    assert len(made["csv"].splitlines()) == 3
    assert parquet == arrow
    assert [(row["id"], row["groups"], dict(row["properties"])) for row in arrow] == [
        (row["id"], row["groups"], row["properties"]) for row in rows
    ]
