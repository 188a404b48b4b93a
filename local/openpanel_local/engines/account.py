"""Which account an engine runs as that refuses root, and what that account needs to reach its files.

Started by an ordinary user, everything is that user's. Started by root, the engine gets an unprivileged
account that owns its data folder. Where that account may not walk down to the data or the programs (a checkout
under a home folder of mode 0700), it keeps the one capability that lets it walk: `lowered` says how. Folders
that are not ours are never given other modes.
"""

import os
import pwd
import stat
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from openpanel_local.engines import lowered

_ACCOUNTS = ("openpanel", "nobody")  # the first that the machine has


@dataclass(frozen=True, slots=True)
class Account:
    """An unprivileged account by its numbers."""

    user: int
    group: int


def unprivileged(data: Path) -> Account | None:
    """The account for an engine whose folder is `data`; None: the caller's own, which is not root."""
    if os.geteuid() != 0:
        return None
    if data.exists() and (owner := data.stat()).st_uid != 0:
        return Account(owner.st_uid, owner.st_gid)  # whoever ran it before goes on
    for name in _ACCOUNTS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    message = f"PostgreSQL refuses to run as root, and this machine has none of the accounts {_ACCOUNTS}"
    raise RuntimeError(message)


def give(path: Path, account: Account | None) -> None:
    """Make `account` the owner of `path`."""
    if account is not None:
        os.chown(path, account.user, account.group)


def runs_as(
    argv: Sequence[str], account: Account | None, *, reaches: Sequence[Path]
) -> tuple[tuple[str, ...], Account | None]:
    """The command line and the account to start it with, so that it can reach the folders `reaches`."""
    if account is None or all(_may_walk_to(path, account) for path in reaches):
        return tuple(argv), account
    launcher = (sys.executable, "-IS", str(Path(lowered.__file__)), str(account.user), str(account.group))
    return (*launcher, *argv), None


def _may_walk_to(path: Path, account: Account) -> bool:
    """Whether every folder above `path` lets `account` pass (by mode bits: the account has no other groups)."""
    return all(_may_pass(folder.stat(), account) for folder in path.resolve().parents)


def _may_pass(folder: os.stat_result, account: Account) -> bool:
    if folder.st_uid == account.user:
        return bool(folder.st_mode & stat.S_IXUSR)
    if folder.st_gid == account.group:
        return bool(folder.st_mode & stat.S_IXGRP)
    return bool(folder.st_mode & stat.S_IXOTH)
