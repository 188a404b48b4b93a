"""Stands in the child between fork and exec: the child becomes the program, and ends when its supervisor does.

Run as a script with nothing but the standard library: `launcher.py PARENT SIGNAL UID GID PROGRAM ARGUMENT…`, where
UID and GID `-` keep the caller's account. A function run between fork and exec (`preexec_fn`) could deadlock
in a process with threads; this cannot.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Sequence

KEEP = "-"
PR_SET_PDEATHSIG = 1  # linux/prctl.h
CANNOT_RUN = 127  # as shells answer


def command_line(
    argv: Sequence[str],
    *,
    death_signal: signal.Signals = signal.SIGKILL,
    user: int | None = None,
    group: int | None = None,
) -> tuple[str, ...]:
    """What becomes `argv` in a child of this process, and ends with this process."""
    account = (KEEP, KEEP) if user is None else (str(user), str(group))
    return (sys.executable, "-IS", __file__, str(os.getpid()), str(int(death_signal)), *account, *argv)


def main(arguments: list[str]) -> None:
    parent, death_signal, user, group, *program = arguments
    if user != KEEP:
        os.setgroups([])
        os.setresgid(int(group), int(group), int(group))
        os.setresuid(int(user), int(user), int(user))
    # After the account, because a change of account clears it.
    end_with(int(parent), int(death_signal))
    try:
        os.execvp(program[0], program)  # noqa: S606 - that is this script's purpose
    except OSError as error:
        print(f"cannot run {program[0]}: {error.strerror}", file=sys.stderr)  # noqa: T201 - goes into the program's log
        sys.exit(CANNOT_RUN)


def end_with(parent: int, death_signal: int) -> None:
    """From now on this process gets the signal when its parent ends; it ends at once when that happened already."""
    if sys.platform != "linux":
        return  # elsewhere the next start ends what was left over
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
    if os.getppid() != parent:  # it died before the line above: nobody would tell us
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main(sys.argv[1:])
