"""How much a client may send. Every number that a refusal mentions stands here once."""

from typing import Final

BODY_BYTES: Final = 10 * 1024 * 1024  # of one request, packed and unpacked alike
MESSAGE_BYTES: Final = 1024 * 1024  # of one message that is no replay chunk
REPLAY_CHARACTERS: Final = 2 * 1024 * 1024  # of the payload of one replay chunk
BODY_BRACKETS: Final = 500_000  # objects and arrays of one body, counted before any of them is made
BATCH_MESSAGES: Final = 1_000  # of one call of /track/batch
IMPORT_ROWS: Final = 5_000  # of one call of /import/events
IMPORT_ERRORS: Final = 100  # refused rows that one answer lists
DEPTH: Final = 64  # objects and arrays inside one another

EVENT_NAME: Final = 80  # characters
PROFILE_ID: Final = 1_024  # characters
GROUPS: Final = 1_000  # of one message
SESSION_REF: Final = 64  # characters of a session id that a client sends
CHUNK_INDEX: Final = 65_535
EVENTS_OF_CHUNK: Final = 2**32 - 1
SAFE_INTEGER: Final = 2**53 - 1  # the biggest whole number that JavaScript is sure of
IDEMPOTENCY_KEY: Final = 256  # characters of an Idempotency-Key or a messageId

HEADERS: Final = 100  # lines of one request
HEADER_BYTES: Final = 64 * 1024  # of all of them together
