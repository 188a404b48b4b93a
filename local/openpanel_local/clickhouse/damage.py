"""A data folder that the engine does not take, in words for whoever has to mend it.

As a library the engine raises an empty error then, and prints the reason to standard error: it is caught there.
"""

import contextlib
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from typing import Final

from openpanel_local.clickhouse.configuration import Config
from openpanel_local.clickhouse.engine import Engine
from openpanel_local.clickhouse.errors import Refusal

_STDERR: Final = 2
_LONGEST: Final = 600  # characters of the engine's own words
_PLACE: Final = re.compile(r"(?:file|path|directory) ((?:metadata|store|data)/[\w./%-]*[\w%-])")


class DamagedError(Exception):
    """The engine cannot open its folder: what, where, and what to do."""


def opened(config: Config) -> Engine:
    """The engine on its folder; DamagedError when it does not take it."""
    with _heard(config) as words:
        try:
            return Engine(config)
        except Refusal as refusal:
            raise DamagedError(_complaint(config, words() or refusal.text)) from refusal


def _complaint(config: Config, words: str) -> str:
    named = _PLACE.search(words)
    place = config.store / named[1] if named else config.store
    return (
        "ClickHouse cannot open its data; nothing was changed.\n"
        f"what:  {words[-_LONGEST:]}\n"
        f"where: {place}\n"
        f"to do: put {config.store} back from a backup, or move it away and start again: the tables are made anew,"
        " what waits in the stream is stored, and what was stored before stays in the folder that was moved"
    )


@contextlib.contextmanager
def _heard(config: Config) -> Iterator[Callable[[], str]]:
    """What is printed to standard error until the end of the block, which lets it out there."""
    kept = os.dup(_STDERR)
    with tempfile.TemporaryFile(dir=config.temporary) as file:
        os.dup2(file.fileno(), _STDERR)

        def words() -> str:
            file.seek(0)
            return " ".join(file.read().decode("utf-8", "replace").split())

        try:
            yield words
        finally:
            os.dup2(kept, _STDERR)
            os.close(kept)
            file.seek(0)
            while piece := file.read(65_536):
                os.write(_STDERR, piece)
