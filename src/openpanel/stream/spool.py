"""Accepted commits on local disk while Redis is away: appended durably, read back in order, never lost.

One file per process, locked for as long as the process lives; a file in the folder that nobody locks belonged
to a dead process and is adopted at start. A record is a length, a CRC-32 and opaque bytes: what they mean is
`commit`'s. Blocking, so the committer calls `append` in a thread. Knows neither Redis nor sessions.
"""

import contextlib
import fcntl
import os
import secrets
import shutil
import struct
import threading
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from zlib import crc32

import structlog

from openpanel.stream.errors import SpoolFull

SUFFIX: Final = ".spool"
DAMAGED_SUFFIX: Final = ".damaged"  # the rest of a file after a record whose checksum is wrong
REFUSED_SUFFIX: Final = ".refused"  # records that Redis will never take
DEFAULT_LIMIT_BYTES: Final = 1024 * 1024 * 1024
MAX_RECORD_BYTES: Final = 512 * 1024 * 1024

_HEAD: Final = struct.Struct(">II")  # length, CRC-32

_log = structlog.get_logger(__name__)


class Spool:
    """The spool of one process and pool, with the spools it adopted."""

    def __init__(self, folder: Path, *, pool: str, limit_bytes: int = DEFAULT_LIMIT_BYTES) -> None:
        self._folder = folder
        self._pool = pool
        self._limit_bytes = limit_bytes
        self._adopted: deque[_File] = deque()
        self._own: _File | None = None
        self._lock = threading.Lock()  # `append` runs in a thread beside `read` and `advance`

    def open(self) -> None:
        """Adopt what dead processes left behind and make the file of this one."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for path in sorted(self._folder.glob(f"{self._pool}.*{SUFFIX}"), key=_age):
            file = _File.adopt(path)
            if file is not None:
                _log.info("spool.adopted", file=path.name, bytes=file.size)
                self._adopted.append(file)
        self._own = _File.create(self._folder, self._pool)

    @property
    def empty(self) -> bool:
        """Whether everything that was appended or adopted has been advanced over."""
        return not self._adopted and (self._own is None or self._own.drained)

    @property
    def size_bytes(self) -> int:
        """Bytes on disk that wait for Redis."""
        own = 0 if self._own is None else self._own.size - self._own.position
        return own + sum(file.size - file.position for file in self._adopted)

    def append(self, record: bytes) -> None:
        """Keep a record (not an empty one); it is on disk when this returns. Raises SpoolFull."""
        own = self._opened()
        with self._lock:
            taken = own.size + sum(file.size for file in self._adopted)
            if taken + _HEAD.size + len(record) > self._limit_bytes:
                raise SpoolFull(f"{taken} of {self._limit_bytes} bytes are taken")
            own.append(record)

    def read(self, *, limit_bytes: int) -> list[bytes]:
        """The next records in order, at least one if there is any, all from one file."""
        with self._lock:
            while True:
                file = self._adopted[0] if self._adopted else self._opened()
                records = file.read(limit_bytes)
                if records or (file.drained and not self._adopted):
                    return records
                file.cut()  # spoiled since it was written; what can be read has been
                self._finish(file)

    def advance(self, records: int) -> None:
        """The first so many records of the last `read` need no keeping any more."""
        with self._lock:
            file = self._adopted[0] if self._adopted else self._opened()
            file.advance(records)
            self._finish(file)

    def set_aside(self, record: bytes) -> None:
        """Keep a record that Redis refuses for good beside the spools, for a person to look at."""
        path = self._folder / f"{self._pool}{REFUSED_SUFFIX}"
        with path.open("ab") as file:
            file.write(_framed(record))
            file.flush()
            os.fsync(file.fileno())

    def close(self) -> None:
        """Give up the locks; what waits stays on disk for the next process."""
        with self._lock:
            if self._own is not None:
                if self._own.size == 0:
                    self._own.remove()
                else:
                    self._own.close()
                self._own = None
            while self._adopted:
                self._adopted.popleft().close()

    def _finish(self, file: "_File") -> None:
        if not file.drained:
            return
        if file is self._own:
            file.restart()
        else:
            self._adopted.popleft().remove()

    def _opened(self) -> "_File":
        if self._own is None:
            raise RuntimeError("the spool is not open")
        return self._own


class _File:
    """One locked spool file: records up to `size`, those before `position` in Redis already."""

    def __init__(self, path: Path, handle: int, size: int) -> None:
        self.path = path
        self.size = size
        self.position = 0
        self._handle = handle
        self._read_ends: list[int] = []  # where the records of the last read end

    @classmethod
    def create(cls, folder: Path, pool: str) -> "_File":
        """A new file with a name that no process had, locked."""
        path = folder / f"{pool}.{secrets.token_hex(8)}{SUFFIX}"
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        if not _lock(handle):  # adopted by another process in this very moment
            os.close(handle)
            return cls.create(folder, pool)
        _sync_folder(folder)
        return cls(path, handle, 0)

    @classmethod
    def adopt(cls, path: Path) -> "_File | None":
        """The file of a dead process, cut where it was torn; None: its process lives, or nothing is in it."""
        try:
            handle = os.open(path, os.O_RDWR)
        except FileNotFoundError:
            return None
        if not _lock(handle) or not _still_there(path, handle):
            os.close(handle)
            return None
        file = cls(path, handle, os.fstat(handle).st_size)
        file.cut()
        if file.size == 0:
            file.remove()
            return None
        return file

    @property
    def drained(self) -> bool:
        return self.position >= self.size

    def append(self, record: bytes) -> None:
        framed = _framed(record)
        try:
            written = 0
            while written < len(framed):
                written += os.pwrite(self._handle, memoryview(framed)[written:], self.size + written)
            os.fsync(self._handle)
        except OSError as error:
            with contextlib.suppress(OSError):
                os.ftruncate(self._handle, self.size)
            raise SpoolFull(f"{type(error).__name__}: {error.strerror}") from error
        self.size += len(framed)

    def read(self, limit_bytes: int) -> list[bytes]:
        records: list[bytes] = []
        self._read_ends.clear()
        taken = 0
        for record, end in self._records(self.position):
            if records and taken + len(record) > limit_bytes:
                break
            records.append(record)
            self._read_ends.append(end)
            taken += len(record)
        return records

    def advance(self, records: int) -> None:
        if records:
            self.position = self._read_ends[records - 1]
            del self._read_ends[:records]

    def restart(self) -> None:
        """Everything is in Redis: begin again with an empty file."""
        os.ftruncate(self._handle, 0)
        self.size = self.position = 0

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)
        self.close()

    def close(self) -> None:
        os.close(self._handle)

    def _records(self, position: int) -> Iterator[tuple[bytes, int]]:
        """Whole records from here on, with where they end; stops where the file is torn or damaged."""
        while position + _HEAD.size <= self.size:
            length, checksum = _HEAD.unpack(os.pread(self._handle, _HEAD.size, position))
            end = position + _HEAD.size + length
            if not length or length > MAX_RECORD_BYTES or end > self.size:
                return  # no length: zeros that a crash of the machine left
            record = os.pread(self._handle, length, position + _HEAD.size)
            if crc32(record) != checksum:
                return
            yield record, end
            position = end

    def cut(self) -> None:
        """Drop what cannot be read: the tail that a process did not finish writing was never acknowledged.

        The bytes stay in a file beside it all the same, in case it was the disk that spoiled them.
        """
        end = 0
        for _, end in self._records(0):  # noqa: B007 - the last end counts
            pass
        if end == self.size:
            return
        _log.warning("spool.tail_cut", file=self.path.name, bytes=self.size - end)
        shutil.copyfile(self.path, self.path.with_suffix(DAMAGED_SUFFIX))
        os.ftruncate(self._handle, end)
        os.fsync(self._handle)
        self.size = end


def _framed(record: bytes) -> bytes:
    return _HEAD.pack(len(record), crc32(record)) + record


def _lock(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _still_there(path: Path, handle: int) -> bool:
    """Whether the path still leads to the file that is open: its adopter may have just removed it."""
    try:
        return os.path.samestat(path.stat(), os.fstat(handle))
    except FileNotFoundError:
        return False


def _age(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
