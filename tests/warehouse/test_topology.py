"""Which servers a cluster has, and where each is asked for itself."""

import pytest

from openpanel.warehouse import topology


@pytest.mark.parametrize(
    ("url", "host", "expected"),
    [
        ("http://me:it%40s@entry:8123", "a-0", "http://me:it%40s@a-0:8123"),
        ("https://entry.example.com", "a.example.com", "https://a.example.com"),
        ("https://me@entry:8443/", "fd00::1", "https://me@[fd00::1]:8443/"),
    ],
)
def test_every_host_is_asked_as_the_one_that_is_known(url: str, host: str, expected: str) -> None:
    assert topology.at_host(url, host) == expected
