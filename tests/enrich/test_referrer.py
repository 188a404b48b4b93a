import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openpanel.enrich.compile_referrers import DATA, TableError, compiled
from openpanel.enrich.page import Page
from openpanel.enrich.page import parse as parse_page
from openpanel.enrich.referrer import DIRECT, Referral, Referrers

HERE = parse_page("https://example.com/")


@pytest.fixture(scope="module")
def referrers() -> Referrers:
    return Referrers.shipped()


@pytest.mark.parametrize(
    ("url", "name", "kind"),
    [
        ("https://www.google.com/", "Google", "search"),
        ("https://google.co.kr/search?q=x", "Google", "search"),
        ("https://www.bing.com/", "Bing", "search"),
        ("https://duckduckgo.com/", "DuckDuckGo", "search"),
        ("https://search.naver.com/search.naver?query=x", "Naver", "search"),
        ("https://yandex.ru/", "Yandex", "search"),
        ("https://l.instagram.com/", "Instagram", "social"),
        ("https://m.facebook.com/", "Facebook", "social"),
        ("https://t.co/abc", "X", "social"),
        ("https://news.ycombinator.com/item?id=1", "Hacker News", "social"),
        ("https://old.reddit.com/r/x", "Reddit", "social"),
        ("https://mail.google.com/", "Gmail", "email"),
        ("https://chatgpt.com/", "ChatGPT", "ai"),
        ("https://www.perplexity.ai/", "Perplexity", "ai"),
        ("https://gemini.google.com/app", "Gemini", "ai"),
        ("https://www.amazon.de/dp/1", "Amazon", "commerce"),
        ("https://medium.com/@a/b", "Medium", "content"),
        ("https://github.com/x/y", "GitHub", "tech"),
        ("https://googleads.g.doubleclick.net/x", "Google Ads", "paid"),
        ("android-app://com.google.android.gm/", "Gmail", "email"),
    ],
)
def test_known_hosts_have_name_and_kind(referrers: Referrers, url: str, name: str, kind: str) -> None:
    assert referrers.referral(url, HERE) == Referral(url.removesuffix("/"), name, kind)


def test_unknown_host_is_named_by_its_address(referrers: Referrers) -> None:
    assert referrers.referral("https://blog.unheard.example/post/", HERE) == Referral(
        "https://blog.unheard.example/post", "https://blog.unheard.example/post", "unknown"
    )


@pytest.mark.parametrize(
    "url",
    ["", "https://example.com/other", "https://www.example.com/", "utm_source=google-play", "about:blank"],
)
def test_own_pages_and_non_addresses_are_no_referrers(referrers: Referrers, url: str) -> None:
    assert referrers.referral(url, HERE) == DIRECT


@pytest.mark.parametrize(
    ("query", "url", "expected"),
    [
        ("utm_source=google", "", Referral("", "Google", "search")),
        ("utm_source=Facebook.com", "", Referral("", "Facebook", "social")),
        ("utm_source=hacker+news", "", Referral("", "Hacker News", "social")),
        ("ref=producthunt", "https://t.co/x", Referral("https://t.co/x", "Product Hunt", "social")),
        (
            "utm_source=newsletter",
            "https://www.bing.com/",
            Referral("https://www.bing.com", "newsletter", "search"),
        ),
        ("utm_source=newsletter", "", Referral("", "newsletter", "")),
        ("utm_source=&ref=chatgpt.com", "", Referral("", "ChatGPT", "ai")),
        ("utm_source=constructor", "", Referral("", "constructor", "")),
        (
            "utm_source=__proto__",
            "https://www.google.com/",
            Referral("https://www.google.com", "__proto__", "search"),
        ),
    ],
)
def test_campaign_parameters_win(referrers: Referrers, query: str, url: str, expected: Referral) -> None:
    assert referrers.referral(url, parse_page(f"https://example.com/?{query}")) == expected


def test_lookalikes_of_a_family_do_not_belong_to_it(referrers: Referrers) -> None:
    assert referrers.by_host("notfacebook.com") is None
    assert referrers.by_host("facebook.com.evil.example") is None


def test_compiled_table_is_that_of_the_source() -> None:
    source = (DATA / "referrers.txt").read_text(encoding="utf-8")

    assert compiled(source) == (DATA / "referrers.json").read_text(encoding="utf-8")


def test_table_is_large_enough_to_be_useful() -> None:
    table = compiled((DATA / "referrers.txt").read_text(encoding="utf-8"))

    assert len(json.loads(table)["hosts"]) >= 800


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[games]", "line 1: unknown kind 'games'"),
        ("[search]\nGoogle google.com", "line 2: expected"),
        ("[search]\nA: a.com\nB: a.com", "line 3: 'a.com' is already"),
        ("[search]\nA: a.@nowhere", "line 2: endings @nowhere are not defined"),
    ],
)
def test_mistakes_in_the_table_are_refused(text: str, message: str) -> None:
    with pytest.raises(TableError, match=message):
        compiled(text)


@given(url=st.text(max_size=80), host=st.text(max_size=20), source=st.text(max_size=20))
def test_any_text_gives_a_referral(url: str, host: str, source: str) -> None:
    for text in _REFERRERS.referral(f"https://{url}", Page("/", host=host, source=source)):
        assert isinstance(text, str)


_REFERRERS = Referrers.shipped()
