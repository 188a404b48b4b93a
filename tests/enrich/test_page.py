import pytest
from hypothesis import given
from hypothesis import strategies as st

from openpanel.enrich.page import NO_PAGE, Page, Utm, host_of
from openpanel.enrich.page import parse as parse_page


@pytest.mark.parametrize(
    ("address", "path", "origin", "hash_"),
    [
        ("https://example.com/pricing", "/pricing", "https://example.com", ""),
        ("https://example.com", "/", "https://example.com", ""),
        ("https://example.com/", "/", "https://example.com", ""),
        ("https://example.com?x=1", "/", "https://example.com", ""),
        ("HTTPS://Example.COM:443/A/b", "/A/b", "https://example.com", ""),
        ("http://example.com:8080/x#part", "/x", "http://example.com:8080", "#part"),
        ("http://user:secret@example.com/x", "/x", "http://example.com", ""),
        ("https://[2001:db8::1]:8443/x", "/x", "https://[2001:db8::1]:8443", ""),
        ("https://example.com/a%20b/ü", "/a%20b/ü", "https://example.com", ""),
        ("/docs?x=1#top", "/docs", "", "#top"),
        ("/", "/", "", ""),
        ("Home screen", "Home screen", "", ""),
        ("app://screen/one", "app://screen/one", "", ""),
        ("http:/broken", "http:/broken", "", ""),
        ("  /padded  ", "/padded", "", ""),
    ],
)
def test_address_is_split(address: str, path: str, origin: str, hash_: str) -> None:
    page = parse_page(address)

    assert (page.path, page.origin, page.hash) == (path, origin, hash_)


def test_empty_address_is_no_page() -> None:
    assert parse_page("") is NO_PAGE
    assert parse_page(" \x00 ") is NO_PAGE


def test_last_of_repeated_parameters_wins() -> None:
    assert parse_page("/x?a=1&b=&a=2&&=9&c").query == (("a", "2"), ("b", ""), ("c", ""))


def test_parameters_are_decoded() -> None:
    assert parse_page("/x?q=a+b%20c&%C3%BC=%FF").query == (("q", "a b c"), ("ü", "\ufffd"))


def test_campaign_is_read() -> None:
    page = parse_page(
        "https://example.com/?utm_source=NewsLetter&utm_medium=email&utm_campaign=May&utm_term=t&utm_content=c"
    )

    assert page.utm == Utm("NewsLetter", "email", "May", "t", "c")
    assert page.source == "newsletter"


@pytest.mark.parametrize(
    ("query", "source"),
    [
        ("utm_source=a&ref=b", "a"),
        ("utm_source=&ref=b", "b"),
        ("ref=&utm_referrer=C", "c"),
        ("x=1", ""),
    ],
)
def test_empty_parameters_are_absent(query: str, source: str) -> None:
    assert parse_page(f"/?{query}").source == source


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("https://www.Example.com:8080/x", "www.example.com"),
        ("http://[::1]:3000/", "[::1]"),
        ("ftp://example.com", ""),
        ("example.com", ""),
        ("", ""),
    ],
)
def test_host_of_an_address(address: str, host: str) -> None:
    assert host_of(address) == host


_pieces = st.sampled_from(
    ["http", "https", "://", "/", "?", "#", "&", "=", "%", "%00", "@", ":", "[", "]", "utm_source"]
)
_address = st.lists(
    st.one_of(_pieces, st.text(alphabet=st.characters(codec=None), max_size=8)), max_size=20
).map("".join)


@given(address=_address)
def test_any_address_gives_storable_text(address: str) -> None:
    page = parse_page(address)

    for text in _texts(page):
        text.encode()
        assert "\x00" not in text


def _texts(page: Page) -> list[str]:
    query = [text for pair in page.query for text in pair]
    return [page.path, page.origin, page.host, page.hash, page.source, *page.utm, *query]
