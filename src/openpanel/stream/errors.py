"""What can go wrong on the way through the stream, and whether it passes.

Errors of Redis itself that a caller should see as such (the worker's side) come through as they are.
"""


class StreamError(Exception):
    """Everything this room raises by itself."""


class Overloaded(StreamError):
    """Passes: the stream takes nothing more for now, and nothing of the append was kept."""

    def __init__(self, reason: str, *, retry_after_s: int) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s


class CommitRefused(StreamError):
    """Final: the append cannot be written down, or Redis refuses it for good. A defect, not overload."""


class LeaseLost(StreamError):
    """Final for this hold of the shard: another worker has taken it, or its range is another's."""


class BadFrame(StreamError):
    """Final: a frame cannot be read; the text says why."""


class SpoolFull(StreamError):
    """Passes: the record does not fit (limit reached, or disk full), and nothing of it was kept."""


class Away(StreamError):
    """Passes: Redis cannot be reached, does not answer in time, or takes no writes for now.

    Whether the commands of the exchange were carried out is not known.
    """

    def __init__(self, reason: str, *, lost: bool = False) -> None:
        super().__init__(reason)
        self.lost = lost
        """The connection broke (and a new one may do), rather than Redis being slow or unwilling."""


class Full(StreamError):
    """Passes: Redis is at its memory limit or the stream past its mark, and nothing was changed."""


class Held(StreamError):
    """Passes: another request is answering an idempotency key, and nothing was sent."""
