import ipaddress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openpanel.enrich.geo import NOWHERE, Geo, Networks, Place, normalized, truncated
from openpanel.enrich.hosting import HOSTING_NETWORKS
from tests.enrich.mmdb import mmdb

LONDON = {
    "country": {"iso_code": "GB", "names": {"en": "United Kingdom"}},
    "subdivisions": [{"iso_code": "ENG", "names": {"en": "England"}}],
    "city": {"names": {"en": "London", "ko": "런던"}},
    "location": {"latitude": 51.5142, "longitude": -0.0931, "time_zone": "Europe/London"},
}
CITIES = {
    "81.2.69.128/25": LONDON,
    "2001:db8::/32": {"country": {"iso_code": "SE"}, "city": {"names": {"en": "Västerås"}}},
    "8.8.8.0/24": {"location": {"latitude": 37.5, "longitude": -122.0}},  # no country is known of it
}


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


def test_file_of_another_kind_is_no_city_file(tmp_path: Path) -> None:
    file = tmp_path / "country.mmdb"
    file.write_bytes(mmdb("GeoLite2-Country", CITIES))

    with pytest.raises(ValueError, match="is a GeoLite2-Country file; the city file must be a City one"):
        Geo(city_file=file)


@pytest.fixture
def city_file(tmp_path: Path) -> Path:
    """What GeoLite2 and DB-IP distribute, with three networks."""
    file = tmp_path / "city.mmdb"
    file.write_bytes(mmdb("GeoLite2-City", CITIES))
    return file


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("81.2.69.142", Place("GB", "England", "London", -0.0931, 51.5142)),
        ("::ffff:81.2.69.255", Place("GB", "England", "London", -0.0931, 51.5142)),
        ("2001:db8:1::5", Place("SE", "", "Västerås", 0.0, 0.0)),
        ("8.8.8.8", Place("US", "", "", -122.0, 37.5)),
        ("10.0.0.1", NOWHERE),
    ],
)
def test_city_file_says_more_than_the_country(city_file: Path, address: str, place: Place) -> None:
    with Geo(city_file=city_file) as geo:
        assert geo.lookup(address) == place


def test_address_that_the_city_file_does_not_have_keeps_its_country(city_file: Path) -> None:
    with Geo(city_file=city_file) as geo:
        assert geo.lookup("1.1.1.1") == Geo().lookup("1.1.1.1") != NOWHERE


def test_network_file_tells_hosting_from_access(tmp_path: Path) -> None:
    file = tmp_path / "asn.mmdb"
    access = {"autonomous_system_number": 4_294_967_290, "autonomous_system_organization": "Rural Cable"}
    known = {
        "autonomous_system_number": min(HOSTING_NETWORKS),
        "autonomous_system_organization": "Of a number",
    }
    named = {"autonomous_system_number": 4_294_967_291, "autonomous_system_organization": "Example Hosting"}
    file.write_bytes(
        mmdb(
            "GeoLite2-ASN",
            {"203.0.113.0/25": access, "203.0.113.128/25": known, "198.51.100.0/24": named},
        )
    )
    networks = Networks(asn_file=file)

    found = [
        networks.hosting(each) for each in ("203.0.113.1", "203.0.113.200", "198.51.100.7", "192.0.2.1", "?")
    ]
    networks.close()

    assert found == [False, True, True, False, False]


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
