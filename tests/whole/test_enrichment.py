"""What enrichment adds to an event, through the whole installation: from `/track` to the export."""

import httpx

from tests.whole.installation import PATIENCE_S, Platform

CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"
PAGE = "https://shop.example/products?utm_source=news&utm_medium=email&utm_campaign=autumn&colour=blue#top"


def test_export_returns_what_enrichment_added(platform: Platform) -> None:
    clients = platform.project("enriched")

    answer = httpx.post(
        f"{platform.ingest_url}/track",
        json={
            "type": "track",
            "payload": {
                "name": "screen_view",
                "properties": {
                    "__path": PAGE,
                    "__title": "Products",
                    "__referrer": "https://www.google.com/",
                    "plan": "pro",
                },
            },
        },
        headers={
            "openpanel-client-id": clients["web"].client_id,
            "origin": "http://localhost:3000",
            "user-agent": CHROME,
            "x-forwarded-for": "8.8.8.8",  # loopback is a proxy that is trusted
        },
        timeout=PATIENCE_S,
    )

    assert answer.status_code == 200, answer.text
    rows = platform.until(clients["reader"], lambda rows: any(row["name"] == "screen_view" for row in rows))
    row = next(row for row in rows if row["name"] == "screen_view")
    assert (row["deviceId"], row["sessionId"]) == (answer.json()["deviceId"], answer.json()["sessionId"])
    wanted = {
        "path": "/products",
        "origin": "https://shop.example",
        "title": "Products",
        "referrer": "https://www.google.com",
        "referrerName": "news",
        "referrerType": "search",
        "utmSource": "news",
        "utmMedium": "email",
        "utmCampaign": "autumn",
        "country": "US",
        "os": "Windows",
        "browser": "Chrome",
        "device": "desktop",
    }
    assert {name: row[name] for name in wanted} == wanted
    assert row["properties"]["plan"] == "pro"
    assert row["properties"]["__query.colour"] == "blue"
