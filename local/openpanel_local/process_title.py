"""What `ps` and `top` call a process. Only on Linux; elsewhere it keeps the name it was started with."""

import ctypes
import sys
from pathlib import Path
from typing import Final

_STAT: Final = Path("/proc/self/stat")
_ARGUMENTS_START, _ARGUMENTS_END = 48, 49  # fields of proc(5), counted from 1
_AFTER_NAME: Final = 3  # the number of the first field behind the name in brackets
_PR_SET_NAME: Final = 15  # linux/prctl.h
_NAME_BYTES: Final = 15


def entitle(title: str) -> None:
    """Write the title over the command line that this process was started with, cut to its length."""
    if sys.platform != "linux":
        return
    text = title.encode()
    ctypes.CDLL(None).prctl(_PR_SET_NAME, text[:_NAME_BYTES], 0, 0, 0)
    fields = _STAT.read_text().rpartition(")")[2].split()
    start, end = (int(fields[number - _AFTER_NAME]) for number in (_ARGUMENTS_START, _ARGUMENTS_END))
    room = end - start
    if start and room > 1:  # 0: a kernel that does not tell
        ctypes.memmove(start, text[: room - 1].ljust(room, b"\0"), room)
