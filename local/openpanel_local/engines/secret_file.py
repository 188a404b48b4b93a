"""A generated password in a file that only its owner reads. Made once, then always the same."""

import os
import secrets
from pathlib import Path

_BYTES = 24  # 192 bits: never guessed, and short enough for a connection URL


def ensure(path: Path) -> str:
    """The password in `path`, made on the first call; safe when two processes make it at once."""
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    if not path.exists():
        _write(fresh, secrets.token_hex(_BYTES))
        try:
            os.link(fresh, path)  # unlike a rename it does not replace what another process just made
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    return read(path)


def read(path: Path) -> str:
    """The password in `path`."""
    return path.read_text("ascii").strip()


def _write(path: Path, secret: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secret + "\n")
        file.flush()
        os.fsync(file.fileno())
