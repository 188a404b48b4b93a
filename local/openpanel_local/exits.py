"""How a command of `openpanel` ends: one code per outcome a script may want to tell apart, and the error that carries it.

Raised anywhere below the commands, turned into a message and an exit code in `main` alone.
"""

from collections.abc import Sequence
from enum import IntEnum


class ExitCode(IntEnum):
    """The process's exit code; each value has its line."""

    OK = 0  # done, or for `status`: everything is ready
    FAILED = 1  # something went wrong that no other code names
    USAGE = 2  # the command line was not understood
    NOT_READY = 3  # `status`: it runs, but not everything is ready
    NOT_RUNNING = 4  # the command needs a running installation, and this one is not
    ALREADY_RUNNING = 5  # another `up` holds the data folder
    PORT_IN_USE = 6  # somebody else listens on one of the ports
    REFUSED = 7  # a manifest was refused; nothing of it was applied
    UNKNOWN = 8  # there is no project, client or service of that name
    NOT_STARTED = 9  # a service did not get ready; the log's end was shown
    INCOMPLETE = 10  # `demo`: not everything could be sent
    DECLINED = 11  # a question was answered with no


class CommandError(Exception):
    """A command cannot be carried out: why, in words for the person at the terminal, and the exit code.

    With the last lines of the log that tells more, where there is one.
    """

    def __init__(self, code: ExitCode, message: str, *, log: str = "", lines: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.log = log
        self.lines = tuple(lines)
