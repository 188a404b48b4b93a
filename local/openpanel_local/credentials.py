"""The secrets of this machine's clients, kept in clear in a file of its owner, because they are issued only once.

A secret is written here before the client is made: a crash in between leaves one that opens nothing, and the next
attempt replaces it.
"""

import contextlib
import fcntl
import os
from collections.abc import Collection, Iterator, Mapping
from typing import Final

import msgspec

from openpanel_local import files
from openpanel_local.exits import CommandError, ExitCode
from openpanel_local.layout import Layout

UNKNOWN_SECRET: Final = ""  # the client was not made here, or its secret was changed elsewhere


class Secret(msgspec.Struct, frozen=True):
    """One client's way in."""

    id: str
    type: str
    secret: str = UNKNOWN_SECRET


class Known(msgspec.Struct, frozen=True):
    """Project → client name → its way in."""

    projects: dict[str, dict[str, Secret]] = {}


def load(layout: Layout) -> Known:
    """All that is known."""
    otherwise = "clients go on working with the secrets they have, which are then no longer known here"
    return files.read(layout.credentials, Known, otherwise=otherwise) or Known()


def clients(layout: Layout, project: str) -> dict[str, Secret]:
    """The project's clients by name; an unknown project is refused with the names there are."""
    known = load(layout).projects
    if project not in known:
        raise CommandError(ExitCode.UNKNOWN, no_such("project", project, there=known))
    return known[project]


def client(layout: Layout, project: str, *, name: str | None) -> tuple[str, Secret]:
    """One client with its name; without one the first that may send."""
    there = clients(layout, project)
    if name is None:
        sending = (entry for entry in there.items() if entry[1].type == "write")
        chosen = next(sending, next(iter(there.items()), None))
        if chosen is None:
            raise CommandError(ExitCode.UNKNOWN, f"project {project} has no clients")
        return chosen
    if name not in there:
        raise CommandError(
            ExitCode.UNKNOWN, no_such("client", name, there=there, of=f" in project {project}")
        )
    return name, there[name]


def no_such(what: str, name: str, *, there: Collection[str], of: str = "") -> str:
    """The sentence for a name that nothing has."""
    names = f"are: {', '.join(sorted(there))}" if there else "are none"
    return f"there is no {what} {name}{of}; there {names}"


def put(layout: Layout, project: str, *, client: str, secret: Secret) -> None:
    """Keep what one client was issued."""
    with _changing(layout) as known:
        there = {**known.projects.get(project, {}), client: secret}
        files.write(layout.credentials, Known({**known.projects, project: there}))


def keep_only(layout: Layout, project: str, *, there: Mapping[str, tuple[str, str]]) -> None:
    """Bring the project's entry to the clients it has: name → (id, type)."""
    with _changing(layout) as known:
        before = known.projects.get(project, {})
        now = {
            name: Secret(id_, type_, before[name].secret if name in before and before[name].id == id_ else "")
            for name, (id_, type_) in there.items()
        }
        files.write(layout.credentials, Known({**known.projects, project: now}))


def forget(layout: Layout, project: str) -> None:
    """The project is gone."""
    with _changing(layout) as known:
        rest = {name: entry for name, entry in known.projects.items() if name != project}
        files.write(layout.credentials, Known(rest))


@contextlib.contextmanager
def _changing(layout: Layout) -> Iterator[Known]:
    """What is known, while nobody else changes it."""
    descriptor = os.open(layout.credentials.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield load(layout)
    finally:
        os.close(descriptor)
