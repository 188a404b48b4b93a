"""`/export/events?format=…`: all events, page after page, in the order of the table, none twice and none left out."""

import asyncio
import csv
import gc
import io
import json
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]  # it has no types
import pyarrow.parquet as pq  # type: ignore[import-untyped]  # it has no types
import pytest
from httpx import ASGITransport, AsyncClient, Response

from openpanel import tenancy
from openpanel.analytics.asking import ask
from openpanel.analytics.event_rows import Event
from openpanel.warehouse import Unavailable
from openpanel_api.public import event_pages
from openpanel_api.public.app import create_app
from openpanel_api.public.services import Services
from tests.api.public.conftest import NOON, Clock, Place

pytestmark = pytest.mark.usefixtures("events")


@pytest.fixture(params=[7, 5_000], ids=["many-pages", "one-page"])
def page(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """How many events are held at once."""
    monkeypatch.setattr(event_pages, "PAGE", request.param)
    return int(request.param)


async def file(api: AsyncClient, place: Place, **asked: Any) -> Response:
    return await api.get("/export/events", params=asked, headers=place.headers("mine/reader"))


async def every_id(api: AsyncClient, place: Place, **asked: Any) -> set[str]:
    answer = await api.get(
        "/export/events", params={"limit": 1000, **asked}, headers=place.headers("mine/reader")
    )
    return {event["id"] for event in answer.json()["data"]}


@pytest.mark.usefixtures("page")
async def test_lines_hold_every_event_as_json_does(api: AsyncClient, place: Place) -> None:
    answer = await file(api, place, format="ndjson")
    plain = await api.get(
        "/export/events?limit=1000&includes=properties", headers=place.headers("mine/reader")
    )

    rows = [json.loads(line) for line in answer.text.splitlines()]
    assert sorted(rows, key=lambda row: row["id"]) == sorted(plain.json()["data"], key=lambda row: row["id"])
    assert answer.headers["content-disposition"] == 'attachment; filename="mine-events.ndjson"'
    assert "ratelimit" in answer.headers


@pytest.mark.usefixtures("page")
async def test_events_come_once_in_the_order_of_the_table(api: AsyncClient, place: Place) -> None:
    rows = [json.loads(line) for line in (await file(api, place, format="ndjson")).text.splitlines()]

    keys = [
        (row["createdAt"][:10], row["name"], row["deviceId"], row["createdAt"], row["id"]) for row in rows
    ]
    assert keys == sorted(keys)
    assert len(keys) == len(set(keys)) == 131


@pytest.mark.usefixtures("page")
async def test_a_table_of_events_has_every_field(api: AsyncClient, place: Place) -> None:
    answer = await file(api, place, format="csv", event="revenue")

    (row,) = csv.DictReader(io.StringIO(answer.text))
    assert (row["id"], row["deviceId"], row["revenue"], row["longitude"]) == (
        "00000000000000ff", "kiosk-1", "4200", "126.9784",
    )  # fmt: skip
    assert (row["groups"], json.loads(row["properties"])) == ('["acme"]', {"plan": "pro", "nested.0": "x"})


@pytest.mark.usefixtures("page")
@pytest.mark.parametrize("output", ["parquet", "arrow"])
async def test_columns_have_types(api: AsyncClient, place: Place, output: str) -> None:
    answer = await file(api, place, format=output)
    source = io.BytesIO(answer.content)

    table = pq.read_table(source) if output == "parquet" else pa.ipc.open_stream(source).read_all()

    rows = {row["id"]: row for row in table.to_pylist()}
    assert set(rows) == await every_id(api, place)
    paid = rows["00000000000000ff"]
    assert paid["createdAt"].isoformat() == "2026-02-01T00:00:00.250000+00:00"
    assert (paid["revenue"], paid["groups"], dict(paid["properties"])) == (
        4200,
        ["acme"],
        {"plan": "pro", "nested.0": "x"},
    )
    assert table.schema.field("importedAt").type == pa.timestamp("ms", tz="UTC")


@pytest.mark.usefixtures("page")
@pytest.mark.parametrize("output", ["csv", "ndjson", "parquet", "arrow"])
async def test_a_file_of_nothing_is_a_file(api: AsyncClient, place: Place, output: str) -> None:
    answer = await file(api, place, format=output, event="never")

    assert answer.status_code == 200
    if output == "parquet":
        assert pq.read_table(io.BytesIO(answer.content)).num_rows == 0
    elif output == "arrow":
        assert pa.ipc.open_stream(io.BytesIO(answer.content)).read_all().num_rows == 0
    else:
        assert len(answer.text.splitlines()) == (1 if output == "csv" else 0)


@pytest.mark.usefixtures("page")
@pytest.mark.parametrize("limit", [1, 6, 7, 8, 130, 131, 1_000_000])
async def test_a_limit_cuts_the_file(api: AsyncClient, place: Place, limit: int) -> None:
    answer = await file(api, place, format="ndjson", limit=limit)

    assert len(answer.text.splitlines()) == min(limit, 131)


@pytest.mark.usefixtures("page")
async def test_a_file_has_the_events_that_were_asked_for(api: AsyncClient, place: Place) -> None:
    asked = {"start": "2026-03-01T20:30:00", "filters": '[{"name":"country","operator":"is","value":["KR"]}]'}

    answer = await file(api, place, format="ndjson", **asked)

    assert {json.loads(line)["id"] for line in answer.text.splitlines()} == await every_id(
        api, place, **asked
    )


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"format": "xlsx"}, "format: Input should be 'json', 'csv', 'ndjson', 'parquet' or 'arrow'"),
        ({"format": "csv", "page": 2}, "format: a file has no pages"),
        ({"format": "csv", "cursor": "0" * 32}, "format: a file has no pages"),
        ({"format": "csv", "includes": "profile"}, "includes: profile and meta are in json only"),
        ({"format": "csv", "filters": '[{"name":"path","operator":"regex","value":["("]}]'}, "not a regular expression"),
    ],
    ids=["unknown", "page", "cursor", "profile", "first-page"],
)  # fmt: skip
async def test_what_no_file_can_have_is_refused(
    api: AsyncClient, place: Place, asked: dict[str, Any], message: str
) -> None:
    answer = await file(api, place, **asked)

    assert answer.status_code == 400
    assert message in answer.json()["message"]


async def test_a_page_that_fails_breaks_the_file_off(
    place: Place, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_pages, "PAGE", 50)
    asked = []

    def fails_later(*arguments: Any, **named: Any) -> Any:
        asked.append(arguments)
        if len(asked) > 1:
            raise Unavailable("gone")
        return ask(*arguments, **named)

    monkeypatch.setattr(event_pages, "ask", fails_later)
    app = create_app(Services(place.database, place.warehouse, clock_ms=clock))

    async with AsyncClient(transport=ASGITransport(app=app), base_url="http://api.example") as api:
        with pytest.raises(event_pages.BrokenOff):
            await file(api, place, format="csv")


LARGE = """
{apiVersion: openpanel.dev/v1alpha1, kind: AnalyticsProject, metadata: {name: large}, spec: {
  organization: large-org, clients: [{name: reader, type: read}]}}
"""
LONG_FILE = 12_000  # events
MANY_EVENTS = f"""
INSERT INTO events (project_id, name, created_at, event_id, device_id, path, properties)
SELECT 'large', 'screen_view', toDateTime64('2026-02-01 00:00:00', 3, 'UTC') + INTERVAL number SECOND, 1 + number,
    number % 50, concat('/page/', toString(number)), map('n', toString(number))
FROM numbers({LONG_FILE})
"""


@pytest.fixture(scope="module")
def large(place: Place) -> dict[str, str]:
    """The headers of the reader of a project with many events."""
    (project,) = tenancy.parse(LARGE)
    report = tenancy.ensure(
        project, database=place.database, warehouse=place.warehouse, announce=lambda _topic: None,
        clock=lambda: NOON, fresh_secret=lambda: f"sec_{950:040x}",
    )  # fmt: skip
    place.warehouse.command(MANY_EVENTS)
    client_id, secret = report.issued["reader"]
    return {"openpanel-client-id": client_id, "openpanel-client-secret": secret}


@pytest.mark.parametrize("output", ["csv", "parquet"])
async def test_a_file_of_any_length_holds_a_few_pages_at_once(
    place: Place, large: dict[str, str], clock: Clock, monkeypatch: pytest.MonkeyPatch, output: str
) -> None:
    monkeypatch.setattr(event_pages, "PAGE", 500)
    app = create_app(Services(place.database, place.warehouse, clock_ms=clock))
    gc.collect()  # what other tests left behind is none of this one's
    held: list[int] = []
    sizes: list[int] = []

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            assert message["status"] == 200
            return
        sizes.append(len(message.get("body", b"")))
        if len(sizes) % 6 == 0:  # looking through everything that is there takes its time
            held.append(sum(type(each) is Event for each in gc.get_objects()))

    scope = {
        "type": "http", "method": "GET", "path": "/export/events", "raw_path": b"/export/events", "root_path": "",
        "http_version": "1.1", "scheme": "http", "query_string": f"format={output}".encode(),
        "headers": [(name.encode(), value.encode()) for name, value in large.items()],
        "client": ("127.0.0.1", 1), "server": ("api.example", 80), "asgi": {"version": "3.0"},
    }  # fmt: skip
    asked = iter([{"type": "http.request", "body": b"", "more_body": False}])
    still_there = asyncio.Event()

    async def receive() -> Any:
        if (message := next(asked, None)) is not None:
            return message
        await still_there.wait()
        return {"type": "http.disconnect"}

    await app(scope, receive, send)

    assert sum(sizes) > LONG_FILE * 10
    assert len(held) >= 3
    assert max(held) <= 4 * 500
