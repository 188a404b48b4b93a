"""Filters as somebody types them, in both languages."""

import pytest

from openpanel_dashboard import languages
from openpanel_dashboard.address import Condition
from openpanel_dashboard.pages.overview.typed_filters import countries, typed

LANGUAGES = languages.load()


@pytest.mark.parametrize(
    ("code", "text", "filter_"),
    [
        ("en", "country is kr", Condition("country", "is", ("KR",))),
        ("en", "Country South Korea", Condition("country", "is", ("KR",))),
        ("en", "country is not japan", Condition("country", "not", ("JP",))),
        ("en", "country: DE", Condition("country", "is", ("DE",))),
        ("en", "browser != Chrome Mobile", Condition("browser", "not", ("Chrome Mobile",))),
        ("en", "page contains /Docs", Condition("path", "has", ("/Docs",))),
        ("en", "path starts with /blog", Condition("path", "starts", ("/blog",))),
        ("en", "device is mobile", Condition("device", "is", ("mobile",))),
        ("en", "channel is advertising", Condition("channel", "is", ("ad", "ads", "paid"))),
        ("en", "referrer is direct", Condition("referrer", "is", ("",))),
        ("en", "utm.source = newsletter", Condition("utm.source", "is", ("newsletter",))),
        ("en", "utm source newsletter", Condition("utm.source", "is", ("newsletter",))),
        ("en", "event is sign up", Condition("event", "is", ("sign up",))),
        ("en", "referrer is set", Condition("referrer", "set")),
        ("en", "referrer is not set", Condition("referrer", "unset")),
        ("ko", "국가: 대한민국", Condition("country", "is", ("KR",))),
        ("ko", "국가 대한민국", Condition("country", "is", ("KR",))),
        ("ko", "country is kr", Condition("country", "is", ("KR",))),
        ("ko", "페이지 포함 docs", Condition("path", "has", ("docs",))),
        ("en", "countryside", None),
        ("en", "country", None),
        ("en", "country is", None),
        ("en", "nothing is x", None),
        ("en", "", None),
        ("en", "referrer is set again", None),
    ],
)
def test_text_is_the_filter_that_it_says(code: str, text: str, filter_: Condition | None) -> None:
    assert typed(text, LANGUAGES[code]) == filter_


def test_countries_are_found_by_the_beginning_of_their_names() -> None:
    assert countries("south k", LANGUAGES["en"], limit=5) == (Condition("country", "is", ("KR",)),)
    assert countries("대한", LANGUAGES["ko"], limit=5) == (Condition("country", "is", ("KR",)),)
    assert len(countries("s", LANGUAGES["en"], limit=5)) == 5
    assert countries("", LANGUAGES["en"], limit=5) == ()
