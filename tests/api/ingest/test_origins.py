"""Which origins an entry of the list lets in."""

import itertools
import re

import pytest

from openpanel_api.ingest.origins import Origins


@pytest.mark.parametrize(
    ("entry", "origin"),
    [
        ("https://example.com", "https://example.com"),
        ("https://example.com/", "https://example.com"),
        ("example.com", "https://example.com"),
        ("https://example.com", "http://example.com"),
        ("https://www.example.com", "https://example.com"),
        ("https://example.com", "https://www.example.com"),
        ("HTTPS://Example.com", "https://example.com"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("https://*.example.com", "https://shop.example.com"),
        ("https://*.example.com", "https://a.b.example.com"),
        ("*.example.com", "https://shop.example.com"),
        ("http://localhost:*", "http://localhost:5173"),
        ("https://preview-*.example.app", "https://preview-17.example.app"),
        ("https://*-*-*.example.app", "https://a-b-c-d.example.app"),
        ("https://*aa*.example.app", "https://aaaa.example.app"),
        ("https://**.example.app", "https://ab.example.app"),
        ("*", "https://anything.example"),
        ("*", "null"),
    ],
)
def test_origin_is_let_in(entry: str, origin: str) -> None:
    assert Origins([entry]).allow(origin)


@pytest.mark.parametrize(
    ("entry", "origin"),
    [
        ("https://example.com", "https://example.com.evil.net"),
        ("https://example.com", "https://evil-example.com"),
        ("https://example.com", "https://shop.example.com"),
        ("https://example.com", "https://example.com:8443"),
        ("https://*.example.com", "https://example.com"),
        ("https://*.example.com", "https://shop.example.com.evil.net"),
        ("https://*.example.com", "https://evil.net/.example.com"),
        ("https://*.example.com", "http://shop.example.com"),
        ("*.example.com", "https://shop.example.com.evil.net"),
        ("*.example.com", "https://shopXexample.com"),
        ("https://*-*-*.example.app", "https://a-b.example.app"),
        ("https://*-*.example.app", "https://-b.example.app"),
        ("https://**.example.app", "https://a.example.app"),
        ("https://example.com", "null"),
        ("https://example.com", ""),
        ("*", ""),
        ("", "https://example.com"),
    ],
)
def test_origin_is_kept_out(entry: str, origin: str) -> None:
    assert not Origins([entry]).allow(origin)


def test_many_stars_are_no_work_for_an_origin_that_almost_fits() -> None:
    """With looking back it would take longer than anybody lives."""
    entry = "*a" * 12 + "b"

    assert not Origins([entry]).allow("http://" + "a" * 505)
    assert Origins([entry]).allow("http://" + "a" * 500 + "b")


def test_stars_mean_what_they_always_did() -> None:
    for entry in map("".join, itertools.product("a*b", repeat=5)):
        plain = re.compile("[^/]+".join(map(re.escape, entry.split("*"))))
        for host in map("".join, itertools.product("ab", repeat=6)):
            if "*" in entry and entry != "*":
                assert Origins([entry]).allow(host) == bool(plain.fullmatch(host)), (entry, host)


def test_empty_list_lets_nobody_in() -> None:
    assert not Origins([]).allow("https://example.com")
