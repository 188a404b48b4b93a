import ipaddress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openpanel.enrich.geo import NOWHERE, Geo, normalized, truncated


def test_country_comes_out_of_the_box() -> None:
    geo = Geo()

    assert geo.lookup("8.8.8.8").country == "US"
    assert geo.lookup("2001:4860:4860::8888").country == "US"
    assert geo.lookup("::ffff:8.8.8.8").country == "US"


@pytest.mark.parametrize(
    "address", ["", "127.0.0.1", "10.1.2.3", "fd12::1", "not an address", "999.1.1.1", "1.2.3"]
)
def test_other_addresses_are_nowhere(address: str) -> None:
    assert Geo().lookup(address) == NOWHERE


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("203.0.113.77", "203.0.113.0"),
        ("2001:db8:1234:5678::1", "2001:db8:1234::"),
        ("::ffff:203.0.113.77", "203.0.113.0"),
        ("nonsense", ""),
        ("", ""),
    ],
)
def test_truncation_forgets_the_host(address: str, kept: str) -> None:
    assert truncated(address) == kept


def test_wrong_city_file_is_told_when_it_is_opened(tmp_path: Path) -> None:
    file = tmp_path / "city.mmdb"
    file.write_bytes(b"no database")

    with pytest.raises(Exception, match="Error opening database file"):
        Geo(city_file=file)


@given(address=st.text(max_size=64))
def test_any_text_is_an_address_or_none(address: str) -> None:
    assert normalized(normalized(address)) == normalized(address)
    assert len(_GEO.lookup(address)) == 5
    truncated(address)


_GEO = Geo()


@given(parts=st.lists(st.from_regex(r"[0-9]{1,4}", fullmatch=True), min_size=3, max_size=5))
def test_written_addresses_are_read_as_the_standard_library_reads_them(parts: list[str]) -> None:
    address = ".".join(parts)
    try:
        expected = str(ipaddress.ip_address(address))
    except ValueError:
        expected = ""

    assert normalized(address) == expected
