"""Whose address a call has, for every way in which proxies and forgers write it down."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openpanel_api.ingest.addresses import Hop, Networks, canonical, forwarded, listed, nearest_hop, truncated

TRUSTED = Networks(["10.0.0.0/8", "fd00::/8", "127.0.0.1"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("198.51.100.7", "198.51.100.7"),
        (" 198.51.100.7 ", "198.51.100.7"),
        ("198.51.100.7:443", "198.51.100.7"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
        ("[::ffff:198.51.100.7]:80", "198.51.100.7"),
        ("2001:DB8::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ('"[2001:db8::1]:4711"', "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("999.999.999.999", ""),
        ("198.51.100", ""),
        ("0198.51.100.7", ""),
        ("unknown", ""),
        ("_hidden", ""),
        ("", ""),
        ("1.2.3.4, 5.6.7.8", ""),
        ("١٩٨.٥١.١٠٠.٧", ""),
    ],
)
def test_address_is_written_one_way(text: str, expected: str) -> None:
    assert canonical(text) == expected


@pytest.mark.parametrize(
    ("peer", "chain", "expected"),
    [
        pytest.param("198.51.100.7", [], Hop("198.51.100.7", trusted=False), id="no proxy"),
        pytest.param("198.51.100.7", ["203.0.113.9"], Hop("198.51.100.7", trusted=False), id="forged chain"),
        pytest.param("10.0.0.1", ["203.0.113.9"], Hop("203.0.113.9", trusted=False), id="one proxy"),
        pytest.param(
            "10.0.0.1", ["6.6.6.6", "203.0.113.9"], Hop("203.0.113.9", trusted=False), id="forged first hop"
        ),
        pytest.param(
            "10.0.0.1", ["203.0.113.9", "10.0.0.2"], Hop("203.0.113.9", trusted=False), id="two proxies"
        ),
        pytest.param("10.0.0.1", ["10.0.0.9"], Hop("10.0.0.9", trusted=True), id="from inside"),
        pytest.param("10.0.0.1", [], Hop("10.0.0.1", trusted=True), id="the proxy itself"),
        pytest.param("10.0.0.1", ["unknown"], Hop("10.0.0.1", trusted=False), id="hidden sender"),
        pytest.param(
            "10.0.0.1", ["203.0.113.9", "junk", "10.0.0.2"], Hop("10.0.0.2", trusted=False), id="junk between"
        ),
        pytest.param(
            "::ffff:10.0.0.1", ["203.0.113.9:1"], Hop("203.0.113.9", trusted=False), id="mapped proxy"
        ),
        pytest.param("fd00::1", ["[2001:db8::9]:1"], Hop("2001:db8::9", trusted=False), id="IPv6"),
        pytest.param("", ["203.0.113.9"], Hop("", trusted=False), id="no socket address"),
    ],
)
def test_nearest_untrusted_hop_is_the_sender(peer: str, chain: list[str], expected: Hop) -> None:
    assert nearest_hop(peer, chain=chain, trusted=TRUSTED) == expected


def test_endless_chain_is_cut() -> None:
    hop = nearest_hop("10.0.0.1", chain=["203.0.113.9"] + ["10.0.0.2"] * 100, trusted=TRUSTED)

    assert hop == Hop("10.0.0.2", trusted=True)


def test_lines_of_a_header_are_one_list() -> None:
    assert listed(["1.1.1.1, 2.2.2.2", "3.3.3.3,"]) == ["1.1.1.1", " 2.2.2.2", "3.3.3.3"]


def test_forwarded_is_read_as_the_standard_has_it() -> None:
    lines = ['for=192.0.2.43, For="[2001:db8:cafe::17]:4711"', "proto=http;for=198.51.100.17;by=203.0.113.43"]

    assert [canonical(hop) for hop in forwarded(lines)] == [
        "192.0.2.43",
        "2001:db8:cafe::17",
        "198.51.100.17",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("198.51.100.77", "198.51.100.0"), ("2001:db8:1:2:3:4:5:6", "2001:db8:1::"), ("", ""), ("junk", "")],
)
def test_truncated_address_names_a_network(text: str, expected: str) -> None:
    assert truncated(text) == expected


def test_network_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="does not appear"):
        Networks(["10.0.0.0/8", "lan"])


@given(st.text(max_size=60), st.lists(st.text(max_size=40), max_size=5))
def test_no_text_is_too_odd(peer: str, chain: list[str]) -> None:
    hop = nearest_hop(peer, chain=chain, trusted=TRUSTED)

    assert hop.address == canonical(hop.address)
    assert not hop.trusted or TRUSTED.has(hop.address)
