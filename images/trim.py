"""Takes out of a folder of installed packages what no service runs. Called while an image is built, and by its test.

Packages bring their own tests, the sources of what they compiled, and others that only some of their users need.
Extension modules come with tens of megabytes of symbols that only debuggers read. And our own distribution holds all
services: where one is named, the others go. Needs `strip`.
"""

import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

# Nobody here loads these. The first are for those who want the answers of the engine, or of the library that writes
# Arrow streams, as their objects; the others compile bindings, which come compiled.
UNUSED: Final = ("numpy", "numpy.libs", "pandas", "pyarrow", "cffi", "pycparser")
UNUSED_PARTS: Final = (
    "*/tests",
    "*/testing",
    "sqlalchemy/dialects/mssql",
    "sqlalchemy/dialects/mysql",
    "sqlalchemy/dialects/oracle",
    "sqlalchemy/dialects/sqlite",
    "clickhouse_connect/cc_sqlalchemy",
    "zstandard/_cffi.*.so",  # what it takes on PyPy
    "zstandard/backend_cffi.py",
)
NOTES_OF_PIP: Final = (
    "INSTALLER",
    "RECORD",
    "REQUESTED",
    "WHEEL",
    "direct_url.json",
)  # the images have no pip
SOURCES: Final = frozenset({".c", ".cpp", ".h", ".pxd", ".pxi", ".pyi", ".pyx"})
SERVICES: Final = ("api", "dashboard", "local", "operator", "worker")
SMALLEST: Final = 200_000  # bytes; less is not worth a process
LARGEST: Final = 64_000_000  # bytes; the engine's library is larger, and unpacks itself by its symbols


def main(folder: Path, service: str | None = None) -> None:
    """Trim all packages in `folder`, and keep of ours only those that `service` runs; once more changes nothing."""
    for packages in (folder, *folder.rglob("site-packages")):
        _remove(path for name in UNUSED for path in (packages / name, *packages.glob(f"{name}-*.dist-info")))
        _remove(path for part in UNUSED_PARTS for path in packages.glob(part))
        _remove(path for name in NOTES_OF_PIP for path in packages.glob(f"*.dist-info/{name}"))
        if service is not None:
            _remove(packages / f"openpanel_{other}" for other in SERVICES if other != service)
    _remove(path for path in folder.rglob("*") if path.suffix in SOURCES)
    for library in _libraries(folder):
        subprocess.run(["strip", "--strip-unneeded", library], check=True)


def _remove(paths: Iterable[Path]) -> None:
    for path in list(paths):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _libraries(folder: Path) -> Iterator[Path]:
    """Compiled files, but for those that were moved into a folder of libraries: their headers were rewritten."""
    for path in folder.rglob("*.so*"):
        moved = any(part.endswith(".libs") for part in path.parts)
        if not moved and not path.is_symlink() and SMALLEST < path.stat().st_size < LARGEST:
            yield path


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
