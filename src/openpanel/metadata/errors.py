"""The errors of this room, and the one place where the driver's become them.

MetadataError
├── Unavailable    the database does not answer now: try again
├── NotFound       what the caller named does not exist: give up
├── Conflict       it exists already, or others still refer to it: give up
├── Managed        a manifest says what it is: change it there
├── Full           there are as many as there may be: take one away first
├── Stale          somebody else has changed it since it was read: read it again
├── Invalid        a value the database cannot keep: give up
├── SchemaMissing  the tables are not there: run the migrations
└── SchemaNewer    a later version of the program made them: run that one
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy import exc


class MetadataError(Exception):
    """Any trouble with metadata."""


class Unavailable(MetadataError):
    """The database does not answer now; the same call may succeed later."""


class NotFound(MetadataError):
    """What the caller named does not exist."""


class Conflict(MetadataError):
    """It exists already, or something else still refers to it."""


class Managed(MetadataError):
    """A manifest says what this is, and would say so again; `fields` are those that were to be changed."""

    def __init__(self, subject: str, *, fields: tuple[str, ...] = ()) -> None:
        super().__init__(f"{subject} is described by a manifest")
        self.subject = subject
        self.fields = fields


class Full(MetadataError):
    """There are as many as there may be; the message says of what and how many."""


class Stale(MetadataError):
    """It is not what it was when it was read; `version` is what it is now."""

    def __init__(self, subject: str, *, version: int) -> None:
        super().__init__(f"{subject} was changed meanwhile")
        self.version = version


class Invalid(MetadataError):
    """A value that the database cannot keep, such as text with a NUL."""


class SchemaMissing(MetadataError):
    """The tables are not there or are of another version; the migrations have not run."""


class SchemaNewer(MetadataError):
    """The tables were made by a later version of the program."""


# First match wins: the driver's classes are subclasses of one another.
_TRANSLATIONS: Final[tuple[tuple[type[Exception], type[MetadataError]], ...]] = (
    (exc.IntegrityError, Conflict),
    (exc.DataError, Invalid),
    (exc.ProgrammingError, SchemaMissing),
    (exc.NotSupportedError, SchemaMissing),
    (
        exc.DBAPIError,
        Unavailable,
    ),  # operational, interface and internal errors: lost connections, timeouts, shutdown
    (exc.TimeoutError, Unavailable),  # no connection became free
)


@contextmanager
def translated() -> Iterator[None]:
    """Turn what SQLAlchemy and the driver raise into the errors of this room."""
    try:
        yield
    except (exc.DBAPIError, exc.TimeoutError) as error:
        raise _ours(error) from error


def _ours(error: Exception) -> MetadataError:
    kind = next(ours for theirs, ours in _TRANSLATIONS if isinstance(error, theirs))
    cause = getattr(error, "orig", None) or error
    return kind(str(cause).strip().split("\n", 1)[0])
