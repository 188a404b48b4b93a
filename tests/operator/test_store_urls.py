"""Addresses that a person has mistyped: named with the cure, and never with a part of what may be the password."""

import traceback
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from openpanel_operator.real_stores import RealStores
from openpanel_operator.store_urls import SCHEMES, fault_of, hidden
from openpanel_operator.stores import Addresses, PoolAsk, Store, StoreError

PIECES = ("quartz", "zephyr")
PASSWORDS = [
    "quartz/zephyr",
    "quartz#zephyr",
    "quartz?zephyr",
    "quartz@zephyr",
    "quartz:zephyr",
    "quartz zephyr",
    "quartz%zephyr",
    "quartz[zephyr",
    "quartz]zephyr",
    "quartz\\zephyr",
    "quartz&zephyr=",
    "12345#zephyr",
    "quartz@12345/zephyr",
    "qu@artz?zephyr=1",
    "quartz@zephyr#zephyr",
    "zephyr\u2100quartz",
]
FORMS: dict[Store, str] = {
    "Redis": "redis://:{}@127.0.0.1:1/0",
    "PostgreSQL": "postgresql://someone:{}@127.0.0.1:1/panel",
    "ClickHouse": "http://someone:{}@127.0.0.1:1",
}
NOBODY = Addresses(
    redis="redis://127.0.0.1:1/0", postgres="postgresql://x:y@127.0.0.1:1/z", clickhouse="http://127.0.0.1:1"
)


@pytest.fixture
async def stores() -> AsyncIterator[RealStores]:
    opened = RealStores(clock=lambda: datetime.now(UTC))
    yield opened
    await opened.close()


@pytest.mark.parametrize(
    ("store", "url"),
    [
        ("Redis", "redis://:pw@redis.example:6379/0"),
        ("Redis", "rediss://user:p%2Fw@redis.example/1?ssl_cert_reqs=none"),
        ("Redis", "redis://[fd00::1]:6379\n"),
        ("Redis", "redis://:p@w@redis.example"),
        ("PostgreSQL", "postgresql://u:p@host:5432/db"),
        ("PostgreSQL", "postgres://u:p/w#x@host/db?sslmode=require&application_name=a@b"),
        ("PostgreSQL", "postgresql+psycopg://u:p@/db?host=/run/postgresql"),
        ("PostgreSQL", "postgresql://u:p@[fd00::1]:5432/db"),
        ("ClickHouse", "http://u:p@host:8123"),
        ("ClickHouse", "https://host"),
        ("ClickHouse", "HTTPS://u:p@w@host:8443/\n"),
    ],
)
def test_what_works_has_no_fault(store: Store, url: str) -> None:
    assert fault_of(store, url) == ""


@pytest.mark.parametrize("store", SCHEMES)
@pytest.mark.parametrize(
    ("url", "cure"),
    [
        ("", "write the"),
        ("  \n", "write the"),
        ("host.example:6379", "nothing in it says"),
        ("mysql://u:quartz@host", "begin it with"),
        ("{}://u:quartz@host:zephyr", "percent-encode"),
        ("{}://u:quartz@host:99999", "port"),
        ("{}://u:quartz@", "names no host"),
        ("{}://us/er:quartz@host/zephyr", "percent-encode"),
    ],
)
def test_each_slip_is_named_with_its_cure(store: Store, url: str, cure: str) -> None:
    told = fault_of(store, url.format(SCHEMES[store][0]))

    assert cure in told
    assert not any(piece in told for piece in PIECES)


def test_line_break_at_the_end_of_a_database_is_named() -> None:
    assert "line break" in fault_of("PostgreSQL", "postgresql://u:p@host/db\n")


@pytest.mark.parametrize("password", PASSWORDS)
async def test_no_part_of_a_password_is_told_by_any_store(stores: RealStores, password: str) -> None:
    for store, form in FORMS.items():
        at = with_address(store, form.format(password))

        faults = await stores.faults(at)

        assert store in faults
        told = [str(faults), *[text async for text in raised(stores, at)]]
        assert not [text for text in told for piece in PIECES if piece in text], store


def with_address(store: Store, url: str) -> Addresses:
    if store == "Redis":
        return replace(NOBODY, redis=url)
    return replace(NOBODY, postgres=url) if store == "PostgreSQL" else replace(NOBODY, clickhouse=url)


async def raised(stores: RealStores, at: Addresses) -> AsyncIterator[str]:
    """What a log would have of the calls of passes, removals and the scaler."""
    for call in (
        stores.projects(at),
        stores.schema_is_current(at),
        stores.pools([PoolAsk("shared", 1)], at),
        stores.remove("shop", policy="Delete", user=True, at=at),
    ):
        try:
            await call
        except StoreError as error:
            yield "".join(traceback.format_exception(error))
        else:
            raise AssertionError("nobody is there")


@pytest.mark.parametrize("option", ["nobody_knows=1", "socket_timeout=soon"])
async def test_option_that_redis_does_not_take_is_named_and_nothing_breaks(
    stores: RealStores, option: str
) -> None:
    at = replace(NOBODY, redis=f"redis://127.0.0.1:1/0?{option}")

    faults = await stores.faults(at)

    assert "option" in faults["Redis"]
    assert "address of Redis" in faults["PostgreSQL"]


def test_words_of_a_driver_lose_what_may_be_of_a_password() -> None:
    url = "postgresql://u:quartz@zephyr@127.0.0.1/db"

    assert hidden("failed to resolve host 'zephyr@127.0.0.1'", urls=[url]) == (
        "failed to resolve host '***@127.0.0.1'"
    )
    assert hidden("user u, database db", urls=[url]) == "user u, database db"
