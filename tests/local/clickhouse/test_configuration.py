"""The rendered files hold what the engine must not be left to choose."""

import ctypes
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from openpanel_local.clickhouse.configuration import Config, default_memory_mb, engine_xml, users_xml

GIB = 1024**3
CONFIG = Config(data=Path("/data & more"), password="secret", port=8123, memory_mb=1_000)


@pytest.mark.parametrize(
    ("machine", "expected"),
    [(GIB, 512), (2 * GIB, 512), (4 * GIB, 1_024), (8 * GIB, 2_048), (256 * GIB, 2_048)],
)
def test_memory_limit_follows_the_machine_within_bounds(machine: int, expected: int) -> None:
    assert default_memory_mb(machine) == expected


def test_engine_file_bounds_memory_and_names_its_folders() -> None:
    root = ET.fromstring(engine_xml(CONFIG))

    assert root.findtext("max_server_memory_usage") == str(1_000 * 1024 * 1024)
    assert root.findtext("users_config") == "/data & more/users.xml"
    assert root.findtext("backups/allowed_path") == "/data & more/backups/"
    assert root.find("remote_servers") is None


def test_cluster_has_one_shard_that_is_the_engine() -> None:
    root = ET.fromstring(engine_xml(Config(data=Path("/d"), password="", port=1, cluster="one")))

    assert root.findtext("remote_servers/one/shard/replica/port") == root.findtext("tcp_port")
    assert root.find("remote_servers/one/shard/replica/default_database") is None
    assert root.findtext("macros/cluster") == "one"


def test_users_file_grants_nothing_of_the_machine() -> None:
    root = ET.fromstring(users_xml(CONFIG))
    grants = " ".join(query.text or "" for query in root.iter("query"))

    assert "secret" not in users_xml(CONFIG)
    for right in ("FILE", "URL", "REMOTE", "SHUTDOWN", "DICTIONARY,", "FUNCTION", "ALL", "ENGINE ON *"):
        assert right not in grants
    assert root.findtext("profiles/default/async_insert") == "0"


CONFINED = """
import socket, sys
from pathlib import Path
from openpanel_local.clickhouse.confinement import confine
home = Path(sys.argv[1])
print(confine(writable=[home / "own"]))
(home / "own" / "file").write_text("written")
(home / "own" / "file").rename(home / "own" / "renamed")
for attempt in (
    lambda: (home / "other").read_text(),
    lambda: (home / "new").write_text("x"),
    lambda: Path("/etc/hostname").read_text(),
    lambda: Path("/proc/self/environ").read_text(),
    lambda: __import__("os").posix_spawn("/bin/true", ["true"], {}),
    lambda: socket.create_connection(("127.0.0.1", int(sys.argv[2]))),
):
    try:
        attempt()
        print("reached")
    except PermissionError:
        print("refused")
"""


def _has_landlock(version: int) -> bool:
    return sys.platform == "linux" and int(ctypes.CDLL(None).syscall(444, None, 0, 1)) >= version


def test_confined_process_reaches_its_own_folder_only(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "other").write_text("x")

    done = subprocess.run(
        [sys.executable, "-c", CONFINED, str(tmp_path), "9"], capture_output=True, text=True, check=True
    )

    assert (tmp_path / "own" / "renamed").read_text() == "written"
    if _has_landlock(4):
        assert done.stdout.split() == ["True", *["refused"] * 6]
    else:  # an old kernel or another system: the server relies on its other fences
        assert done.stdout.split()[0] == str(_has_landlock(1))
