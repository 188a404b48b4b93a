"""A data folder in which something was spoiled while the engine was away."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from openpanel_local.engines import clickhouse, process


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder with one table of a thousand rows; nobody has it open."""
    folder = tmp_path / "clickhouse"
    with clickhouse.running(folder) as server, httpx.Client(base_url=server.url) as client:
        client.post(
            "/", content="CREATE TABLE spoiled (n UInt64) ENGINE = MergeTree ORDER BY n"
        ).raise_for_status()
        client.post("/", content="INSERT INTO spoiled SELECT number FROM numbers(1000)").raise_for_status()
    return folder


def definition(folder: Path) -> Path:
    return next(path for path in folder.rglob("spoiled.sql") if path.is_file())


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:10])


def empty(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("spoil", [cut, empty])
def test_damaged_table_is_named_with_its_place_and_what_to_do(
    data: Path, spoil: Callable[[Path], None]
) -> None:
    spoiled = definition(data)
    spoil(spoiled)

    command = clickhouse.command(data, port=process.free_port())
    ended = subprocess.run(command.argv, capture_output=True, text=True, timeout=100, check=False)

    what, where, to_do = ended.stderr.strip().splitlines()[-3:]
    assert ended.returncode == 65
    assert "Cannot parse definition from metadata file" in what
    assert where == f"where: {spoiled.resolve()}"
    assert "from a backup" in to_do
    assert "Traceback" not in ended.stderr


def test_folder_without_the_damaged_store_starts_anew(data: Path, tmp_path: Path) -> None:
    cut(definition(data))

    (data / "store").rename(tmp_path / "moved")

    with clickhouse.running(data) as server, httpx.Client(base_url=server.url) as client:
        assert client.post("/", content="EXISTS spoiled").text == "0\n"


def test_unreadable_part_is_told_in_the_log(data: Path) -> None:
    for path in data.rglob("data.bin"):
        cut(path)

    with clickhouse.running(data) as server, httpx.Client(base_url=server.url) as client:
        assert client.post("/", content="SELECT count() FROM spoiled").text == "0\n"

    said = (data / "clickhouse.log").read_text()
    assert '"event": "part.broken"' in said
    assert "broken-on-start_all_1_1_0" in said
