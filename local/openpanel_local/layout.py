"""What lies where below the data folder. Only `create` touches the disk.

<data>/lock                 held by the running supervisor; names its process
<data>/installation.json    ports and sizes of this installation, kept from `up` to `up`
<data>/credentials.json     client secrets in clear, because they are shown once and this machine's owner needs them
<data>/secret_key           signs the dashboard's cookies and links
<data>/run/state.json       what runs now, written by the supervisor
<data>/run/furnish-*.json   what a start asks of its child process, and the answer; gone when it is over
<data>/logs/<service>.log   what each process said, rotated by size
<data>/valkey, postgres, clickhouse, spool    the stores and what ingest keeps while Redis is away
<data>/demo/<project>.json  how far an interrupted `demo` came
"""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from openpanel_local.exits import CommandError, ExitCode

DEFAULT_DATA: Final = Path(".openpanel")
DATA_VARIABLE: Final = "OPENPANEL_DATA"  # of the environment; names the folder where no option does

# What a first start takes twice over. With less, an engine would fail at some point in words of its own.
NEEDED_BYTES: Final = 128 * 1024 * 1024

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
    def furnish_order(self) -> Path:
        return self.run / "furnish-order.json"

    @property
    def furnish_outcome(self) -> Path:
        return self.run / "furnish-outcome.json"

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

    def demo_of(self, project: str) -> Path:
        """How far an interrupted `demo` of the project came."""
        return self.demo / f"{project}.json"

    def log(self, service: str) -> Path:
        """The log of one process."""
        return self.logs / f"{service}.log"

    def create(self) -> None:
        """Make the folders that are missing; `CommandError` when they cannot be used, or the disk is full."""
        try:
            self.data.mkdir(mode=_PASSABLE, parents=True, exist_ok=True)
            for folder in (self.run, self.logs, self.spool, self.demo):
                folder.mkdir(mode=_PRIVATE, exist_ok=True)
        except FileExistsError as error:
            message = f"{error.filename} is a file; name a folder with --data"
            raise CommandError(ExitCode.FAILED, message) from error
        except OSError as error:
            message = f"{self.data} cannot be used: {error.strerror} ({error.filename}); name a folder you may write to with --data"
            raise CommandError(ExitCode.FAILED, message) from error
        free = shutil.disk_usage(self.data).free
        if free < NEEDED_BYTES:
            message = f"only {free >> 20} MiB are left on the disk of {self.data}; {NEEDED_BYTES >> 20} MiB are needed to start: make room, or name another folder with --data"
            raise CommandError(ExitCode.FAILED, message)
        if not os.access(self.run, os.W_OK):
            raise CommandError(ExitCode.FAILED, f"{self.data} belongs to somebody else")
