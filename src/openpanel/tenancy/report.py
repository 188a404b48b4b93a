"""What bringing a project to its manifest did: the changes, and the secrets that are shown this once."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Self


class Issued(NamedTuple):
    """Credentials at the only moment when the secret is known."""

    client_id: str
    secret: str

    def __repr__(self) -> str:
        return f"Issued(client_id={self.client_id!r}, secret=…)"


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is other than before."""

    step: str
    subject: str
    what: str
    issued: Issued | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return f"{self.step} {self.subject}: {self.what}"


@dataclass(frozen=True, slots=True)
class Report:
    """What was done to one project; no changes: it was as wanted."""

    project: str
    changes: tuple[Change, ...]
    issued: Mapping[str, Issued] = field(repr=False)  # client name → credentials

    @classmethod
    def of(cls, project: str, changes: Iterable[Change]) -> Self:
        """The report on these changes."""
        done = tuple(changes)
        return cls(project, done, {change.subject: change.issued for change in done if change.issued})
