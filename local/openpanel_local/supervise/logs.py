"""Log files: kept small by size, their end, and following them as they grow.

A process writes to its file directly, in append mode; so the file can be copied away and cut while it is written.
"""

import shutil
from pathlib import Path
from typing import Final

LIMIT_BYTES: Final = 16 * 1024 * 1024
_BLOCK: Final = 64 * 1024


def rotate(log: Path, *, limit: int = LIMIT_BYTES) -> bool:
    """Move what a file over the limit holds to `<log>.1`; a line written in that very moment may be lost."""
    if not log.exists() or log.stat().st_size <= limit:
        return False
    partial = log.with_name(f".{log.name}.partial")
    shutil.copyfile(log, partial)
    partial.chmod(0o600)
    partial.replace(log.with_name(f"{log.name}.1"))
    with log.open("r+b") as file:
        file.truncate(0)
    return True


def tail(log: Path, *, lines: int) -> list[str]:
    """The last lines of a log; none when there is no log."""
    if lines <= 0 or not log.exists():
        return []
    with log.open("rb") as file:
        end = start = file.seek(0, 2)
        text = b""
        while start > 0 and text.count(b"\n") <= lines:
            start = max(0, start - _BLOCK)
            file.seek(start)
            text = file.read(end - start)
    return text.decode("utf-8", "replace").splitlines()[-lines:]


class Growing:
    """A log from now on; it may be missing yet, or be rotated meanwhile."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self._place = self._size()

    def new(self) -> str:
        """What was written since the last time."""
        size = self._size()
        if size < self._place:  # it was rotated
            self._place = 0
        if size == self._place:
            return ""
        with self.log.open("rb") as file:
            file.seek(self._place)
            text = file.read(size - self._place)
        self._place += len(text)
        return text.decode("utf-8", "replace")

    def _size(self) -> int:
        return self.log.stat().st_size if self.log.exists() else 0
