"""What a start has to tell, as values: rendered by `commands.up`, or sent as lines from the detached process to it."""

import msgspec


class Progress(msgspec.Struct, frozen=True, tag="progress"):
    """A step is done."""

    text: str


class Way(msgspec.Struct, frozen=True):
    """One client's way in."""

    client: str
    type: str
    id: str
    secret: str


class Started(msgspec.Struct, frozen=True, tag="started"):
    """Everything is ready."""

    pid: int
    seconds: float
    ingest_url: str
    dashboard_url: str
    api_url: str
    sign_in_url: str
    project: str = ""
    ways: tuple[Way, ...] = ()


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """The start failed; what ran is stopped."""

    code: int
    message: str
    log: str = ""  # whose last lines follow
    lines: tuple[str, ...] = ()


class Stopped(msgspec.Struct, frozen=True, tag="stopped"):
    """It was asked to stop, and has."""


News = Progress | Started | Failed | Stopped
