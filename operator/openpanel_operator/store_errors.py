"""What the rooms of the stores raise, as the errors of `stores`, and no word of a password in them.

The one place of the operator that knows the drivers' classes. A library that has misread an address may take part of
a password for a host and name it: such words go into no condition, no Event and no log.
"""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Final

import redis

from openpanel import metadata
from openpanel.tenancy.snapshot_errors import SnapshotError
from openpanel.warehouse import errors
from openpanel_operator import store_urls
from openpanel_operator.stores import (
    Addresses,
    SnapshotFailed,
    SnapshotUnderWay,
    StillDraining,
    Store,
    StoreAway,
    StoreError,
    StoreRefused,
)

# Of a copy that cannot be made: what passes by itself.
NOT_YET: Final[Mapping[str, type[StoreError]]] = {"Settling": SnapshotUnderWay, "Draining": StillDraining}


def urls_of(at: Addresses) -> dict[Store, str]:
    """The addresses that a person may have written."""
    return {"Redis": at.redis, "PostgreSQL": at.postgres, "ClickHouse": at.clickhouse}


def must_be_usable(at: Addresses) -> None:
    """Raise `StoreRefused` for an address that cannot be used."""
    for store, url in urls_of(at).items():
        fault = store_urls.fault_of(store, url)
        if fault:
            raise StoreRefused(store, f"its address {fault}")


@contextlib.contextmanager
def translated(store: Store, *, at: Addresses) -> Iterator[None]:
    """Raise the operator's own errors; `store` is told of what does not say whose it is."""
    try:
        with _as_store_errors(store):
            yield
    except StoreError as error:
        urls = tuple(urls_of(at).values())
        if any(store_urls.hidden(words, urls=urls) != words for words in _words(error)):
            raise type(error)(error.store, store_urls.hidden(error.message, urls=urls)) from None
        raise


def _words(error: BaseException | None) -> Iterator[str]:
    """Everything that a log would say of an error: its words, and those of what it came from."""
    while error is not None:
        yield str(error)
        error = error.__cause__ or error.__context__


@contextlib.contextmanager
def _as_store_errors(store: Store) -> Iterator[None]:
    try:
        yield
    except SnapshotError as error:
        kind = NOT_YET.get(error.reason, SnapshotFailed)
        raise kind("ClickHouse", f"{error.reason}: {error}") from error
    except metadata.Unavailable as error:
        raise StoreAway("PostgreSQL", str(error)) from error
    except metadata.MetadataError as error:
        raise StoreRefused("PostgreSQL", str(error)) from error
    except errors.Unavailable as error:
        raise StoreAway("ClickHouse", str(error)) from error
    except errors.WarehouseError as error:
        raise StoreRefused("ClickHouse", str(error)) from error
    except (redis.ConnectionError, redis.TimeoutError, redis.BusyLoadingError) as error:
        raise _redis_fault(error) from error
    except redis.RedisError as error:
        raise StoreRefused("Redis", str(error)) from error
    except (OSError, ValueError) as error:
        raise StoreAway(store, str(error)) from error


def _redis_fault(error: redis.RedisError) -> StoreAway | StoreRefused:
    kind = StoreRefused if isinstance(error, redis.AuthenticationError) else StoreAway
    return kind("Redis", str(error))
