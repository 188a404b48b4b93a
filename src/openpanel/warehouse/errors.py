"""What can go wrong between this project and ClickHouse, and what to do about it.

    WarehouseError
    ├── Unavailable   the same call may succeed later: nobody answers, too much at once, no memory, a timeout
    └── Refused       the same call will be refused again: narrow it down, or tell who asked

The kind is decided here, by ClickHouse's error code, and never by its text.
"""

from typing import Final


class WarehouseError(Exception):
    """Base of everything this room raises. `code` is ClickHouse's; 0: it did not answer, or was not asked."""

    code: int = 0


class Unavailable(WarehouseError):
    """Nothing is wrong with the call; repeat it later (an insert with the same token)."""

    def __init__(self, message: str, *, code: int = 0) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Refused(WarehouseError):
    """ClickHouse does not take this call, now or later."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"code {code}: {message}")
        self.code = code
        self.message = message


TIMEOUT_EXCEEDED: Final = 159
MEMORY_LIMIT_EXCEEDED: Final = 241
TOO_MANY_PARTS: Final = 252
UNKNOWN_TABLE: Final = 60
UNKNOWN_DATABASE: Final = 81
REPLICA_ALREADY_EXISTS: Final = 253
TABLE_WAS_NOT_DROPPED: Final = 305

# The server or its surroundings are not ready for any call of this kind.
PASSING: Final = frozenset({
    TIMEOUT_EXCEEDED,
    MEMORY_LIMIT_EXCEEDED,
    TOO_MANY_PARTS,
    3,  # UNEXPECTED_END_OF_FILE: the connection broke within a body
    32,  # ATTEMPT_TO_READ_AFTER_EOF: a shard went away before it had answered
    95,  # CANNOT_READ_FROM_SOCKET
    96,  # CANNOT_WRITE_TO_SOCKET
    160,  # TOO_SLOW
    202,  # TOO_MANY_SIMULTANEOUS_QUERIES
    203,  # NO_FREE_CONNECTION
    209,  # SOCKET_TIMEOUT
    210,  # NETWORK_ERROR
    225,  # NO_ZOOKEEPER
    236,  # ABORTED: the server is going down
    242,  # TABLE_IS_READ_ONLY: its Keeper session is lost
    243,  # NOT_ENOUGH_SPACE
    279,  # ALL_CONNECTION_TRIES_FAILED
    285,  # TOO_FEW_LIVE_REPLICAS
    286,  # UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE
    319,  # UNKNOWN_STATUS_OF_INSERT
    336,  # UNKNOWN_DATABASE_ENGINE while tables are loading
    394,  # QUERY_WAS_CANCELLED
    439,  # CANNOT_SCHEDULE_TASK
    499,  # S3_ERROR
    574,  # DISTRIBUTED_TOO_MANY_PENDING_BYTES
    722,  # ASYNC_LOAD_WAIT_FAILED
    999,  # KEEPER_EXCEPTION
})  # fmt: skip

# Wrong about the place and not about the rows: a migration, a grant or a password is missing. Rows that meet
# one of these must wait for it and not be put away one by one as if they were broken.
SETUP: Final = frozenset({
    16,  # NO_SUCH_COLUMN_IN_TABLE
    47,  # UNKNOWN_IDENTIFIER
    UNKNOWN_TABLE,
    UNKNOWN_DATABASE,
    115,  # UNKNOWN_SETTING
    164,  # READONLY
    192,  # UNKNOWN_USER
    193,  # WRONG_PASSWORD
    218,  # TABLE_IS_DROPPED
    291,  # DATABASE_ACCESS_DENIED
    497,  # ACCESS_DENIED
    516,  # AUTHENTICATION_FAILED
})  # fmt: skip


def error_of(code: int, message: str, *, inserting: bool) -> WarehouseError:
    """The room's error for ClickHouse's `code`."""
    if code in PASSING or (inserting and code in SETUP):
        return Unavailable(f"code {code}: {message}", code=code)
    return Refused(code, message)
