"""This process shut off from the machine: of all files it writes those of the engine, and it calls nobody.

Linux's Landlock does it for an ordinary process, for good and for every thread and child; a machine without it
has the other fences (`configuration`, `statements`, `engine`) only. Call it before the first thread starts:
threads that run already stay outside.
"""

import ctypes
import os
import struct
import sys
from collections.abc import Iterable
from pathlib import Path

_SYS_CREATE_RULESET, _SYS_ADD_RULE, _SYS_RESTRICT_SELF = 444, 445, 446  # the same on every architecture
_CREATE_VERSION = 1
_RULE_PATH_BENEATH = 1
_PR_SET_NO_NEW_PRIVS = 38

# linux/landlock.h. Bits of later versions are unknown to earlier kernels.
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_REFER, _TRUNCATE, _IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
_FIRST_VERSION = (1 << 13) - 1
_READ = _READ_FILE | _READ_DIR
_CONNECT_TCP = 2
_SCOPE_SIGNAL = 2  # the engine's shutdown sends SIGTERM to its process group and its parent's
_READABLE = (
    *("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/share/zoneinfo"),
    *("/sys/fs/cgroup", "/dev/urandom"),
)
# What the engine wants to know of its own process. Not all of the folder: the environment may hold secrets.
_OWN_PROCESS = ("maps", "smaps", "statm", "stat", "status", "cgroup", "mountinfo")


def confine(*, writable: Iterable[Path], readable: Iterable[Path] = ()) -> bool:
    """Shut this process off but for these folders and what Python reads; False: the kernel cannot."""
    if sys.platform != "linux":
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    version = libc.syscall(_SYS_CREATE_RULESET, None, 0, _CREATE_VERSION)
    if version < 1:
        return False
    handled = _handled(version)
    ruleset = _create(libc, handled, version)
    try:
        for path in writable:
            _allow(libc, ruleset, path, handled & ~_EXECUTE)
        for path in (*readable, *_python_reads()):
            _allow(libc, ruleset, path, handled & _READ)
        _allow(libc, ruleset, Path("/dev/null"), handled & (_READ_FILE | _WRITE_FILE))
        _check(libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        _check(libc.syscall(_SYS_RESTRICT_SELF, ruleset, 0))
    finally:
        os.close(ruleset)
    return True


def _handled(version: int) -> int:
    later = (
        (_REFER if version >= 2 else 0)
        | (_TRUNCATE if version >= 3 else 0)
        | (_IOCTL_DEV if version >= 5 else 0)
    )
    return _FIRST_VERSION | later


def _create(libc: ctypes.CDLL, handled: int, version: int) -> int:
    fields = [handled]
    if version >= 4:
        fields.append(_CONNECT_TCP)
    if version >= 6:
        fields.append(_SCOPE_SIGNAL)
    attributes = struct.pack(f"={len(fields)}Q", *fields)
    ruleset = int(libc.syscall(_SYS_CREATE_RULESET, attributes, len(attributes), 0))
    if ruleset < 0:
        _check(-1)
    return ruleset


def _allow(libc: ctypes.CDLL, ruleset: int, path: Path, access: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # nothing there that could be read
    try:
        if not path.is_dir():
            access &= _READ_FILE | _WRITE_FILE | _EXECUTE | _TRUNCATE
        rule = struct.pack("=Qi", access, descriptor)
        _check(libc.syscall(_SYS_ADD_RULE, ruleset, _RULE_PATH_BENEATH, rule, 0))
    finally:
        os.close(descriptor)


def _python_reads() -> set[Path]:
    """Where modules still to be imported may lie."""
    folders = {Path(entry).resolve() for entry in (sys.prefix, sys.base_prefix, *sys.path) if entry}
    own = {Path("/proc/self", name) for name in _OWN_PROCESS}
    return folders | own | {Path(path) for path in _READABLE}


def _check(result: int) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
