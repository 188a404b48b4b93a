"""Accepted commits on local disk while Redis is away: appended durably, read back in order, never lost.

One file per process, locked for as long as the process lives; a file in the folder that nobody locks belonged
to a dead process and is adopted at start. A record is a length, a CRC-32 and opaque bytes: what they mean is
`commit`'s. Blocking, so the committer calls `append` in a thread. Knows neither Redis nor sessions.

The limit is that of the folder, whose volume all spools share: those of every pool and process, and what was set
aside. In the worst case there lie, in a folder whose processes all have this limit,

    limit + one more limit, when all that waited is set aside + UNSEEN_BYTES for each process but one

bytes, because records that are set aside stay in their spool until all of it is read, and because processes see one
another's bytes only when they look (a record longer than UNSEEN_BYTES counts in its place). A process that dies while
it sets aside leaves its heir to do it once more.
"""

import contextlib
import fcntl
import os
import secrets
import shutil
import stat
import struct
import threading
from collections import deque
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final
from zlib import crc32

import structlog

from openpanel.stream.errors import SpoolFull

SUFFIX: Final = ".spool"
DAMAGED_SUFFIX: Final = ".damaged"  # the rest of a file after a record whose checksum is wrong
REFUSED_SUFFIX: Final = ".refused"  # records that Redis will never take
DEFAULT_LIMIT_BYTES: Final = 960 * 1024 * 1024  # of a folder, so that twice as much stays under 2 GiB
UNSEEN_BYTES: Final = 16 * 1024 * 1024  # that a process writes before it looks again what others have written
MAX_RECORD_BYTES: Final = 512 * 1024 * 1024

_HEAD: Final = struct.Struct(">II")  # length, CRC-32

_log = structlog.get_logger(__name__)


class Spool:
    """The spool of one process and pool, with the spools it adopted."""

    def __init__(self, folder: Path, *, pool: str, limit_bytes: int = DEFAULT_LIMIT_BYTES) -> None:
        self._folder = folder
        self._pool = pool
        self._limit_bytes = limit_bytes
        self._taken = _taken_in(folder.resolve())
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
        with self._lock, self._taken.room_for(_HEAD.size + len(record), limit_bytes=self._limit_bytes):
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
        framed = _framed(record)
        self._taken.add(len(framed))
        with path.open("ab") as file:
            file.write(framed)
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


class _Taken:
    """Bytes that lie in a folder, for all spools of this process: never fewer than this process knows of.

    A look at the folder says how many; what is written afterwards is added. What others write shows at the next
    look, which comes before this process has written UNSEEN_BYTES, and before anything is refused.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._bytes = 0
        self._under_way = 0  # taken, but perhaps not on disk yet
        self._unseen = UNSEEN_BYTES  # so that the first record looks
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def room_for(self, size: int, *, limit_bytes: int) -> Iterator[None]:
        """Take so many bytes while they are being written; raises SpoolFull."""
        with self._lock:
            if self._unseen + size > UNSEEN_BYTES or self._bytes + size > limit_bytes:
                self._look()
            if self._bytes + size > limit_bytes:
                raise SpoolFull(f"{self._bytes} of {limit_bytes} bytes are taken")
            self._count(size)
            self._under_way += size
        try:
            yield
        finally:
            with self._lock:
                self._under_way -= size

    def add(self, size: int) -> None:
        """Count bytes that are written whether there is room or not."""
        with self._lock:
            self._count(size)

    def _count(self, size: int) -> None:
        self._bytes += size
        self._unseen += size

    def _look(self) -> None:
        self._bytes = self._under_way + sum(_size(path) for path in self._folder.iterdir())
        self._unseen = self._under_way


@cache
def _taken_in(folder: Path) -> _Taken:
    return _Taken(folder)


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

        It stays in a file beside it all the same, in case it was the disk that spoiled it.
        """
        end = 0
        for _, end in self._records(0):  # noqa: B007 - the last end counts
            pass
        if end == self.size:
            return
        _log.warning("spool.tail_cut", file=self.path.name, bytes=self.size - end)
        with self.path.open("rb") as whole, self.path.with_suffix(DAMAGED_SUFFIX).open("ab") as damaged:
            whole.seek(end)
            shutil.copyfileobj(whole, damaged)
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


def _size(path: Path) -> int:
    """Bytes of a file; folders beside the spools have their own."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return 0
    return found.st_size if stat.S_ISREG(found.st_mode) else 0


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
