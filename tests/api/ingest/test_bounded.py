"""The bounded cache, the buckets, and the folder of the metrics."""

import os
import socket
from pathlib import Path

import pytest

from openpanel_api.ingest.bounded import TwoGenerations
from openpanel_api.ingest.buckets import BadCredentials, Bucket
from openpanel_api.metrics_folder import VARIABLE, prepare
from openpanel_api.sockets import listening


def test_cache_never_grows_past_twice_its_size() -> None:
    cache: TwoGenerations[int, int] = TwoGenerations(size=10)

    for number in range(1_000):
        cache.put(number, number)
        assert len(cache) <= 20

    assert cache.get(999) == 999
    assert cache.get(0) is None


def test_what_is_asked_for_stays() -> None:
    cache: TwoGenerations[str, int] = TwoGenerations(size=10)
    cache.put("kept", 1)

    for number in range(1_000):
        cache.put(str(number), number)
        assert cache.get("kept") == 1


def test_dropped_entry_is_gone_from_both_generations() -> None:
    cache: TwoGenerations[str, int] = TwoGenerations(size=1)
    cache.put("a", 1)
    cache.put("b", 2)
    cache.put("a", 3)

    cache.drop("a")

    assert cache.get("a") is None


def test_bucket_fills_up_again() -> None:
    bucket = Bucket(per_second=2, burst=4, now_ms=0)

    assert [bucket.take(1, 0) for _ in range(5)] == [True] * 4 + [False]
    assert bucket.wait_s(1) == 1
    assert [bucket.take(1, 1_000) for _ in range(3)] == [True, True, False]
    assert bucket.take(4, 100_000)


def test_more_than_the_burst_never_fits() -> None:
    bucket = Bucket(per_second=1, burst=4, now_ms=0)

    assert not bucket.take(5, 1_000_000)
    assert bucket.take(4, 1_000_000)


def test_clock_that_goes_back_gives_nothing() -> None:
    bucket = Bucket(per_second=1, burst=1, now_ms=10_000)

    assert bucket.take(1, 10_000)
    assert not bucket.take(1, 5_000)


def test_bad_credentials_are_counted_by_address() -> None:
    bad = BadCredentials(burst=1, per_second=1)
    bad.count("one", 0)

    assert bad.exhausted("one", 0)
    assert bad.exhausted("other", 0) is None
    assert bad.exhausted("one", 1_000) is None


def test_bad_credentials_of_an_ipv6_household_are_counted_together() -> None:
    bad = BadCredentials(burst=2, per_second=0)
    bad.count("2001:db8:0:1::1", 0)
    bad.count("2001:db8:0:1:ffff::2", 0)

    assert bad.exhausted("2001:db8:0:1::3", 0)
    assert bad.exhausted("2001:db8:0:2::1", 0) is None
    assert bad.untold() == {"2001:db8:0:1::": 2}


def test_metrics_begin_anew_when_nobody_uses_them(tmp_path: Path) -> None:
    gone = 2**22 + 1  # beyond the highest process id
    (tmp_path / f"counter_{gone}.db").touch()
    environment: dict[str, str] = {}

    prepare(tmp_path, environment=environment)

    assert environment == {VARIABLE: str(tmp_path)}
    assert list(tmp_path.iterdir()) == []


def test_metrics_of_ended_processes_stay_beside_running_ones(tmp_path: Path) -> None:
    gone = tmp_path / f"counter_{2**22 + 1}.db"
    for path in (gone, tmp_path / f"counter_{os.getppid()}.db"):
        path.touch()

    prepare(tmp_path, environment={})

    assert gone.exists()


def test_folder_that_is_named_already_is_used(tmp_path: Path) -> None:
    environment = {VARIABLE: str(tmp_path / "named")}

    prepare(tmp_path / "other", environment=environment)

    assert (tmp_path / "named").is_dir()
    assert not (tmp_path / "other").exists()


def test_two_processes_may_share_a_port_and_strangers_may_not() -> None:
    with listening("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        listening("127.0.0.1", port).close()
        with socket.socket() as stranger, pytest.raises(OSError, match="in use"):
            stranger.bind(("127.0.0.1", port))
