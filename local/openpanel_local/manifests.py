"""Reads manifest files: one file, every file of a folder, or standard input. Text only; parsing is elsewhere."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from openpanel_local.exits import CommandError, ExitCode

STANDARD_INPUT: Final = "-"
SUFFIXES: Final = (".yaml", ".yml", ".json")
_HERE: Final = Path(__file__).parent
# In a wheel it lies beside this module, in a checkout where people look for it.
_FIRST: Final = (
    _HERE / "first-project.yaml",
    _HERE.parents[1] / "manifests" / "examples" / "01-first-project.yaml",
)

Texts = tuple[tuple[str, str], ...]  # (source, text)


def read(sources: Sequence[str]) -> Texts:
    """The texts behind what the command line named; `CommandError` names what cannot be read."""
    return tuple(text for source in sources for text in _read(source))


def first() -> Texts:
    """The manifest of the project that a new installation begins with."""
    path = next((path for path in _FIRST if path.exists()), _FIRST[-1])
    return (_file(path),)


def _read(source: str) -> Texts:
    if source == STANDARD_INPUT:
        return ((source, _decoded(source, sys.stdin.buffer.read())),)
    path = Path(source)
    if not path.is_dir():
        return (_file(path),)
    files = sorted(file for file in path.iterdir() if file.suffix in SUFFIXES and file.is_file())
    if not files:
        raise CommandError(ExitCode.USAGE, f"{source} has no file that ends in {', '.join(SUFFIXES)}")
    return tuple(_file(file) for file in files)


def _file(path: Path) -> tuple[str, str]:
    try:
        return str(path), _decoded(str(path), path.read_bytes())
    except OSError as error:
        raise CommandError(ExitCode.USAGE, f"{path} cannot be read: {error.strerror}") from error


def _decoded(source: str, text: bytes) -> str:
    """UTF-8, whatever the terminal speaks."""
    try:
        return text.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise CommandError(ExitCode.USAGE, f"{source} cannot be read: is not UTF-8 text") from error
