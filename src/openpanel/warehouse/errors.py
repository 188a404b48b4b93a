"""What can go wrong between this project and ClickHouse, and what to do about it.

    WarehouseError
    ├── Unavailable   the same call may succeed later: nobody answers, too much at once, no memory, a timeout
    └── Refused       the same call will be refused again: narrow it down, or tell who asked

An insert is refused for its rows alone; whatever else is the matter, its rows wait. The kind is decided here, by
ClickHouse's error code, and never by its text.
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
    74,  # CANNOT_READ_FROM_FILE_DESCRIPTOR
    75,  # CANNOT_WRITE_TO_FILE_DESCRIPTOR: also where the volume is full
    76,  # CANNOT_OPEN_FILE: no inodes or no file handles are left, or the volume became read-only
    95,  # CANNOT_READ_FROM_SOCKET
    96,  # CANNOT_WRITE_TO_SOCKET
    160,  # TOO_SLOW
    173,  # CANNOT_ALLOCATE_MEMORY
    198,  # DNS_ERROR
    201,  # QUOTA_EXCEEDED: its interval ends
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
    425,  # SYSTEM_ERROR
    439,  # CANNOT_SCHEDULE_TASK
    499,  # S3_ERROR
    574,  # DISTRIBUTED_TOO_MANY_PENDING_BYTES
    722,  # ASYNC_LOAD_WAIT_FAILED
    999,  # KEEPER_EXCEPTION
    1000,  # POCO_EXCEPTION: of the network and of files
    1001,  # STD_EXCEPTION: of files and of memory
})  # fmt: skip

# About the rows of an insert: what they hold cannot be read, kept or computed with. A row that meets one of these will
# meet it again. Everything else is about the place (a migration, a grant, a disk, a quota), also what nobody has
# thought of yet: rows must wait for it and not be put away one by one as if they were broken.
ROWS: Final = frozenset({
    6,  # CANNOT_PARSE_TEXT
    9,  # SIZES_OF_COLUMNS_DOESNT_MATCH
    11,  # POSITION_OUT_OF_BOUND
    12,  # PARAMETER_OUT_OF_BOUND
    13,  # SIZES_OF_COLUMNS_IN_TUPLE_DOESNT_MATCH
    19,  # SIZE_OF_FIXED_STRING_DOESNT_MATCH
    25,  # CANNOT_PARSE_ESCAPE_SEQUENCE
    26,  # CANNOT_PARSE_QUOTED_STRING
    27,  # CANNOT_PARSE_INPUT_ASSERTION_FAILED
    33,  # CANNOT_READ_ALL_DATA
    36,  # BAD_ARGUMENTS: of an expression in a column or a view
    38,  # CANNOT_PARSE_DATE
    41,  # CANNOT_PARSE_DATETIME
    49,  # LOGICAL_ERROR: one message must not hold up a shard because the server has a fault
    69,  # ARGUMENT_OUT_OF_BOUND
    70,  # CANNOT_CONVERT_TYPE
    72,  # CANNOT_PARSE_NUMBER
    117,  # INCORRECT_DATA
    128,  # TOO_LARGE_ARRAY_SIZE
    130,  # CANNOT_READ_ARRAY_FROM_TEXT
    131,  # TOO_LARGE_STRING_SIZE
    153,  # ILLEGAL_DIVISION
    190,  # SIZES_OF_ARRAYS_DONT_MATCH
    248,  # INVALID_PARTITION_VALUE
    321,  # VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE
    349,  # CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN
    407,  # DECIMAL_OVERFLOW
    469,  # VIOLATED_CONSTRAINT
})  # fmt: skip


def error_of(code: int, message: str, *, inserting: bool) -> WarehouseError:
    """The room's error for ClickHouse's `code`; 0: the driver did not even ask."""
    if (code not in ROWS) if inserting else (code in PASSING):
        return Unavailable(f"code {code}: {message}", code=code)
    return Refused(code, message)
