"""Start a program as an unprivileged account that may still walk through closed folders (Linux, from root).

Run as a script: `lowered.py UID GID PROGRAM ARGUMENT…`, with nothing but the standard library, since it stands
between the supervisor and the engine. It keeps one capability: reading and walking folders regardless of their
modes, or, where a container does not have that one, the wider override.
"""

import ctypes
import os
import sys

_PR_SET_PDEATHSIG, _PR_GET_PDEATHSIG, _PR_SET_KEEPCAPS = 1, 2, 8  # linux/prctl.h
_PR_CAPBSET_READ, _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE = 23, 47, 2
_CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH = 1, 2  # linux/capability.h
_CAPABILITY_VERSION_3 = 0x20080522


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Sets(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


def main(arguments: list[str]) -> None:
    """Give up root and become the program."""
    user, group, program = int(arguments[0]), int(arguments[1]), arguments[2:]
    libc = ctypes.CDLL(None, use_errno=True)
    parent_death = ctypes.c_int()
    _check(libc.prctl(_PR_GET_PDEATHSIG, ctypes.byref(parent_death), 0, 0, 0))
    _lower(libc, user, group)
    # A change of the account clears it; the supervisor set it so that we end with it.
    _check(libc.prctl(_PR_SET_PDEATHSIG, parent_death.value, 0, 0, 0))
    os.execv(program[0], program)  # noqa: S606 - that is this script's purpose


def _lower(libc: ctypes.CDLL, user: int, group: int) -> None:
    kept = _CAP_DAC_READ_SEARCH
    if libc.prctl(_PR_CAPBSET_READ, kept, 0, 0, 0) != 1:
        kept = _CAP_DAC_OVERRIDE
    _check(libc.prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0))
    os.setgroups([])
    os.setresgid(group, group, group)
    os.setresuid(user, user, user)
    only = _Sets(1 << kept, 1 << kept, 1 << kept)
    _check(libc.capset(ctypes.byref(_Header(_CAPABILITY_VERSION_3, 0)), (_Sets * 2)(only, _Sets())))
    _check(libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, kept, 0, 0))


def _check(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


if __name__ == "__main__":
    main(sys.argv[1:])
