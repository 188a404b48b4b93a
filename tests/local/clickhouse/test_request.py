"""Who is let in, and what counts as what in a URL."""

import base64

import pytest

from openpanel_local.clickhouse import errors, request

USER, PASSWORD = "openpanel", "right: ü"


def _basic(text: str) -> bytes:
    return b"Basic " + base64.b64encode(text.encode())


LET_IN = {
    "basic": ({b"Authorization": _basic(f"{USER}:{PASSWORD}")}, b""),
    "headers": ({b"X-ClickHouse-User": b"openpanel", b"X-ClickHouse-Key": b"plain"}, b""),
    "url": ({}, b"user=openpanel&password=right%3A+%C3%BC"),
}
TURNED_AWAY = {
    "nobody": ({}, b""),
    "wrong password": ({b"Authorization": _basic(f"{USER}:wrong")}, b""),
    "other user": ({b"Authorization": _basic(f"bob:{PASSWORD}")}, b""),
    "empty password": ({b"X-ClickHouse-User": b"openpanel"}, b""),
    "key without user": ({b"X-ClickHouse-Key": b"plain"}, b""),
    "password without user": ({}, b"password=right%3A+%C3%BC"),
    "bearer": ({b"Authorization": b"Bearer x"}, b""),
    "broken basic": ({b"Authorization": b"Basic ???"}, b""),
    "two ways": (
        {b"Authorization": _basic(f"{USER}:{PASSWORD}")},
        b"user=openpanel&password=right%3A+%C3%BC",
    ),
}


@pytest.mark.parametrize("way", LET_IN)
def test_right_password_lets_in(way: str) -> None:
    headers, query = LET_IN[way]

    request.authenticate(
        _parsed(query, headers), user=USER, password="plain" if way == "headers" else PASSWORD
    )


@pytest.mark.parametrize("way", TURNED_AWAY)
def test_everyone_else_is_turned_away(way: str) -> None:
    headers, query = TURNED_AWAY[way]

    with pytest.raises(errors.Refusal) as refused:
        request.authenticate(_parsed(query, headers), user=USER, password=PASSWORD)

    assert (refused.value.code, refused.value.status) == (516, 403)
    assert PASSWORD not in refused.value.text


def test_fields_are_sorted_into_parameters_and_settings() -> None:
    asked = _parsed(
        b"query=SELECT+1&param_a=x%20y&max_threads=2&session_id=s&database=d&query_id=q&max_threads=3"
    )

    assert asked.query == b"SELECT 1"
    assert asked.parameters == [("a", "x y")]
    assert asked.settings == [("max_threads", "2"), ("max_threads", "3")]
    assert (asked.database, asked.field("query_id")) == ("d", "q")


def test_bytes_that_are_no_text_pass_through() -> None:
    assert _parsed(b"query=SELECT+%27%FF%27").query == b"SELECT '\xff'"


@pytest.mark.parametrize("query", [b"compress=1", b"decompress=1", b"&".join(b"a=1" for _ in range(3000))])
def test_unfit_urls_are_refused(query: bytes) -> None:
    with pytest.raises(errors.Refusal):
        _parsed(query)


def _parsed(query: bytes, headers: dict[bytes, bytes] | None = None) -> request.Request:
    return request.parse(method="POST", query_string=query, headers=(headers or {}).items())
