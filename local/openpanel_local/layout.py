"""What lies where below the data folder. Only `create` touches the disk.

<data>/lock                 held by the running supervisor; names its process
<data>/installation.json    ports and sizes of this installation, kept from `up` to `up`
<data>/credentials.json     client secrets in clear, because they are shown once and this machine's owner needs them
<data>/secret_key           signs the dashboard's cookies and links
<data>/run/state.json       what runs now, written by the supervisor
<data>/logs/<service>.log   what each process said, rotated by size
<data>/valkey, postgres, clickhouse, spool    the stores and what ingest keeps while Redis is away
<data>/demo/<project>.json  how far an interrupted `demo` came
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from openpanel_local.exits import CommandError, ExitCode

DEFAULT_DATA: Final = Path(".openpanel")

# Others may pass, but not look: started by root, the database's own account has to reach its folder.
_PASSABLE: Final = 0o711
_PRIVATE: Final = 0o700


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths of one installation."""

    data: Path

    @property
    def lock(self) -> Path:
        return self.data / "lock"

    @property
    def installation(self) -> Path:
        return self.data / "installation.json"

    @property
    def credentials(self) -> Path:
        return self.data / "credentials.json"

    @property
    def secret_key(self) -> Path:
        return self.data / "secret_key"

    @property
    def run(self) -> Path:
        return self.data / "run"

    @property
    def state(self) -> Path:
        return self.run / "state.json"

    @property
    def logs(self) -> Path:
        return self.data / "logs"

    @property
    def valkey(self) -> Path:
        return self.data / "valkey"

    @property
    def postgres(self) -> Path:
        return self.data / "postgres"

    @property
    def clickhouse(self) -> Path:
        return self.data / "clickhouse"

    @property
    def spool(self) -> Path:
        return self.data / "spool"

    @property
    def demo(self) -> Path:
        return self.data / "demo"

    def log(self, service: str) -> Path:
        """The log of one process."""
        return self.logs / f"{service}.log"

    def create(self) -> None:
        """Make the folders that are missing; `CommandError` when they cannot be used."""
        try:
            self.data.mkdir(mode=_PASSABLE, parents=True, exist_ok=True)
            for folder in (self.run, self.logs, self.spool, self.demo):
                folder.mkdir(mode=_PRIVATE, exist_ok=True)
        except OSError as error:
            message = f"{self.data} cannot be used: {error.strerror} ({error.filename})"
            raise CommandError(ExitCode.FAILED, message) from error
        if not os.access(self.run, os.W_OK):
            raise CommandError(ExitCode.FAILED, f"{self.data} belongs to somebody else")
