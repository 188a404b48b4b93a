"""The engine as a library, with the two rules that keep it honest: one connection per request, closed after it.

Every method blocks and is called from a pool of threads. A connection's `USE`, `SET` and parameters are the
request's alone. While a stream is open on a connection, nothing else is asked of it: the engine would silently
answer with an empty result. Errors come out as `Refusal`.

The library's own insert in pieces answers well what fails after its data was read: a view, a constraint, a
limit, a KILL. So the data of an insert goes to a file without a name, and the engine reads it from there.
"""

import contextlib
import os
import re
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

from openpanel_local.clickhouse import configuration, errors
from openpanel_local.clickhouse.configuration import Config
from openpanel_local.clickhouse.memory import give_back

# The engine takes no id for a query, so a setting carries it: one that does nothing without its table engine,
# which nobody may use, and that no client has a reason to set.
MARK = "s3queue_default_zookeeper_path"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_KILL_ALL = "KILL QUERY WHERE query NOT ILIKE 'KILL%' ASYNC"


@dataclass(frozen=True, slots=True)
class Figures:
    """What the summary of an answer says."""

    read_rows: int = 0
    read_bytes: int = 0
    written_rows: int = 0
    written_bytes: int = 0
    result_rows: int = 0
    result_bytes: int = 0


def lay_out(config: Config) -> None:
    """The folders and files that the engine finds when it starts."""
    shutil.rmtree(config.temporary, ignore_errors=True)
    for folder in (config.store, config.backups, config.temporary):
        folder.mkdir(exist_ok=True)
    config.users_file.write_text(configuration.users_xml(config))
    config.engine_file.write_text(configuration.engine_xml(config))


class Engine:
    """The engine on one data folder; laid out before; the process has one. Close it last."""

    def __init__(self, config: Config) -> None:
        # The engine reads both nowhere else.
        os.environ.update(TZ="UTC", TMPDIR=str(config.temporary))
        # The library would load it to hand results over as its objects, which nobody here asks for: 37 MiB.
        sys.modules.setdefault("pyarrow", None)  # type: ignore[arg-type]  # that is how an import is forbidden
        from chdb import _chdb  # noqa: PLC0415 - loads 500 MiB of engine, once the environment is set

        self._library = _chdb
        self._path = str(config.store)
        self._temporary = config.temporary
        # The engine lives as long as one connection is open.
        self._keeper = _open(_chdb, f"{self._path}?config-file={config.engine_file}")
        self._keeper_free = threading.Lock()
        # A function of the machine's files that no grant covers; a function of ours goes before the engine's.
        _chdb.create_function("file", _no_files, ["String"], "String")
        self._ask(f"CREATE DATABASE IF NOT EXISTS {identifier(configuration.DATABASE_INSTEAD)}")
        self.version = self._ask("SELECT version()")
        give_back(Path(_chdb.__file__))

    def connect(self, setup: Sequence[str]) -> "Connection":
        """A new connection that has run `setup`, in which the setting MARK is what `kill` finds it by."""
        connection = Connection(_open(self._library, self._path), temporary=self._temporary)
        try:
            for statement in setup:
                connection.run(statement)
        except BaseException:
            connection.close()
            raise
        return connection

    def kill(self, mark: str) -> None:
        """Stop the queries with that mark; returns before they have stopped."""
        self._ask(f"KILL QUERY WHERE Settings['{MARK}'] = {literal(mark)} ASYNC")

    def kill_all(self) -> None:
        """Stop every query."""
        self._ask(_KILL_ALL)

    def broken_parts(self) -> list[str]:
        """Folders of parts that the engine put aside because it could not read them."""
        listed = self._ask("SELECT path FROM system.detached_parts WHERE reason LIKE 'broken%' ORDER BY path")
        return listed.splitlines()

    def close(self) -> None:
        """Stop the engine; no connection may be open."""
        with self._keeper_free:
            self._keeper.close()

    def _ask(self, statement: str) -> str:
        with self._keeper_free, _translated():
            answer = self._keeper.query(statement, "TabSeparated")
            return bytes(answer.bytes()).decode().strip()


class Connection:
    """One request's connection."""

    def __init__(self, raw: Any, *, temporary: Path) -> None:
        self._raw = raw
        self._temporary = temporary
        self._stream: Any = None
        self._data: IO[bytes] | None = None
        self.figures = Figures()

    def run(self, statement: str | bytes) -> None:
        """A statement whose result does not matter."""
        with _translated():
            self._note(self._raw.query(statement, "Null"))

    def whole(self, statement: bytes, output: str) -> bytes:
        """The whole result in a format."""
        with _translated():
            answer = self._raw.query(statement, output)
            self._note(answer)
            return bytes(answer.bytes())

    def begin_stream(self, statement: bytes, output: str) -> None:
        """Start a query whose result is fetched block by block."""
        with _translated():
            self._raw.set_progress_callback(self._note_progress)
            self._stream = self._raw.send_query(statement, output)

    def fetch(self) -> bytes | None:
        """The next piece of the result; None: there is no more."""
        with _translated():
            block = self._raw.streaming_fetch_result(self._stream)
            if block.rows_read() == 0:
                self._stream = None
                return None
            data = bytes(block.bytes())
            self.figures = replace(
                self.figures,
                result_rows=self.figures.result_rows + block.rows_read(),
                result_bytes=self.figures.result_bytes + len(data),
            )
            return data

    def append(self, data: bytes) -> None:
        """More data of an insert; nothing of it is written to a table before `insert`."""
        with _room_for_data():
            if self._data is None:
                self._data = tempfile.TemporaryFile(dir=self._temporary)  # noqa: SIM115 - `close` closes it
            self._data.write(data)

    def insert(self, target: bytes, settings: bytes, data_format: str) -> None:
        """Write what was appended; `settings` is the clause of the statement that follows its target."""
        self.append(b"")
        assert self._data is not None
        with _room_for_data():
            self._data.flush()
            self._data.seek(0)
        source = f"\nFROM INFILE '/dev/fd/{self._data.fileno()}' COMPRESSION 'none'\n".encode()
        self.run(target + source + settings + f"\nFORMAT {identifier(data_format)}".encode())

    def close(self) -> None:
        """Give up what is unfinished and close."""
        with contextlib.suppress(Exception):
            if self._stream is not None:
                self._raw.streaming_cancel_query(self._stream)
        self._raw.close()
        if self._data is not None:
            with contextlib.suppress(OSError):  # what it still held back finds no room
                self._data.close()

    def _note_progress(self, progress: Mapping[str, int]) -> None:
        """Called by the engine now and then and at the end; blocks do not say what was read for them."""
        rows, size = progress["read_rows"], progress["read_bytes"]
        self.figures = replace(self.figures, read_rows=rows, read_bytes=size)

    def _note(self, answer: Any) -> None:
        self.figures = Figures(
            read_rows=answer.storage_rows_read(),
            read_bytes=answer.storage_bytes_read(),
            written_rows=answer.rows_written(),
            written_bytes=answer.bytes_written(),
            result_rows=answer.rows_read(),
            result_bytes=len(answer.bytes()),
        )


def literal(text: str) -> str:
    """A string as SQL."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def setting(name: str, value: str) -> str:
    """An assignment for `SET`; a name that cannot be one is refused as the engine refuses an unknown one."""
    if not _NAME.match(name):
        raise errors.refusal(errors.UNKNOWN_SETTING, f"Unknown setting {name[:100]!r}")
    return f"`{name}` = {literal(value)}"


def identifier(name: str) -> str:
    """A name as SQL."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def _open(library: Any, path: str) -> Any:
    with _translated():
        return library.connect(path)


def _no_files(_path: str) -> str:
    raise PermissionError("the function file is not available")


@contextlib.contextmanager
def _room_for_data() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        message = f"the data of the insert cannot be kept: {error.strerror}"
        raise errors.refusal(errors.NOT_ENOUGH_SPACE, message) from error


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except errors.Refusal:
        raise
    except Exception as error:  # the library raises RuntimeError and classes of its own
        raise errors.from_engine(error) from error
