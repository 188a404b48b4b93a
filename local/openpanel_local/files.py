"""JSON files that are never half written and that only their owner reads. Knows nothing of what is in them."""

import os
from pathlib import Path
from typing import TypeVar

import msgspec

from openpanel_local.exits import CommandError, ExitCode

_Kept = TypeVar("_Kept", bound=msgspec.Struct)


def write(path: Path, value: msgspec.Struct, *, durable: bool = True) -> None:
    """Replace the file in one step; `durable`: it survives a loss of power, too."""
    partial = path.with_name(f".{path.name}.partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(value)) + b"\n")
        file.flush()
        if durable:
            os.fsync(file.fileno())
    partial.replace(path)


def read(path: Path, kind: type[_Kept], *, otherwise: str) -> _Kept | None:
    """What the file holds; None where there is no file.

    `CommandError` when it holds something else; `otherwise` says what happens without the file, which is the way out.
    """
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return None
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.DecodeError as error:
        raise CommandError(
            ExitCode.FAILED, f"{path} is damaged: {error}; move it away, and {otherwise}"
        ) from error
