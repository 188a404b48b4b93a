"""The engine's library gives back the pages that only its start touched: about half of this process at rest.

Only pages that are exactly the library's file are let go; whatever is called again is read again from the
file, which the system usually still holds in memory.
"""

import ctypes
import re
import sys
from collections.abc import Iterator
from pathlib import Path

_SMAPS = Path("/proc/self/smaps")
_MADV_DONTNEED = 4  # linux/mman.h
_MAPPING = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (\S{4}) \S+ \S+ \S+\s+(\S.*)")
_UNWRITTEN = re.compile(r"Anonymous:\s+0 kB")


def give_back(library: Path) -> None:
    """Let go of the unwritten, unwritable pages of `library` in this process."""
    if sys.platform != "linux" or not _SMAPS.exists():
        return
    libc = ctypes.CDLL(None)
    for start, end in _clean_mappings(_SMAPS.read_text(), str(library)):
        libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), _MADV_DONTNEED)


def _clean_mappings(smaps: str, library: str) -> Iterator[tuple[int, int]]:
    """Where the library lies in memory as it lies on disk: nothing in there was written or can be."""
    found: tuple[int, int] | None = None
    for line in smaps.splitlines():
        if match := _MAPPING.fullmatch(line):
            ours = match[4] == library and "w" not in match[3]
            found = (int(match[1], 16), int(match[2], 16)) if ours else None
        elif found is not None and _UNWRITTEN.fullmatch(line):
            yield found
