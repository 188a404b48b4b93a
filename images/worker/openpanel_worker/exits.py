"""How a command that does one thing and ends tells how it ended."""

from enum import IntEnum

import pydantic


class Exit(IntEnum):
    """How it ended, as a process tells it."""

    DONE = 0  # everything is as it should be, whether or not there was something to do
    REFUSED = 1  # a store is not one that this may be done to: somebody must look
    BAD_SETTINGS = 2  # what was told from outside cannot be right
    AWAY = 75  # a store does not answer now: try again


def wrong_settings(error: pydantic.ValidationError) -> str:
    """What is wrong with which setting; never what was given, which may be a password."""
    wrong = (f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors(include_input=False))
    return "; ".join(wrong)
