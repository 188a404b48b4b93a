"""Takes out of a folder of installed packages what no service runs. Called while an image is built, and by its test.

Extension modules come with tens of megabytes of symbols that only debuggers read. Arrow comes as two dozen modules
over a dozen libraries, for networks, query plans and compilers: of these stay the modules that write the files of an
export, and the libraries that their own headers name. Needs `readelf` and `strip`.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

ARROW: Final = "pyarrow"
ARROW_MODULES: Final = ("lib", "_parquet", "_fs")
ARROW_SOURCES: Final = ("tests", "include", "includes", "src")
SMALLEST: Final = 200_000  # bytes; less is not worth a process
LARGEST: Final = 64_000_000  # bytes; the engine's library is larger, and unpacks itself by its symbols


def main(folder: Path) -> None:
    """Trim all packages in `folder`."""
    for arrow in folder.rglob(ARROW):
        if (arrow / "lib.pxd").exists() or list(arrow.glob("lib.*.so")):
            _trim_arrow(arrow)
    for library in _libraries(folder):
        subprocess.run(["strip", "--strip-unneeded", library], check=True)


def _trim_arrow(arrow: Path) -> None:
    for name in ARROW_SOURCES:
        shutil.rmtree(arrow / name, ignore_errors=True)
    for source in [path for kind in ("*.pxi", "*.pyx", "*.pxd") for path in arrow.glob(kind)]:
        source.unlink()
    needed = _needed(next(arrow.glob(f"{name}.*.so")) for name in ARROW_MODULES)
    for compiled in arrow.glob("*.so*"):
        if compiled not in needed:
            compiled.unlink()


def _needed(modules: Iterable[Path]) -> set[Path]:
    """These and all libraries beside them that they cannot be loaded without."""
    found: set[Path] = set()
    waiting = list(modules)
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += [path.with_name(name) for name in _named(path) if path.with_name(name).exists()]
    return found


def _named(path: Path) -> list[str]:
    read = subprocess.run(["readelf", "--dynamic", path], check=True, capture_output=True, text=True)
    return re.findall(r"\(NEEDED\).*\[(.+)\]", read.stdout)


def _libraries(folder: Path) -> Iterator[Path]:
    """Compiled files, but for those that were moved into a folder of libraries: their headers were rewritten."""
    for path in folder.rglob("*.so*"):
        moved = any(part.endswith(".libs") for part in path.parts)
        if not moved and not path.is_symlink() and SMALLEST < path.stat().st_size < LARGEST:
            yield path


if __name__ == "__main__":
    main(Path(sys.argv[1]))
