"""Alerts and dashboards of the chart ask for metrics that something really counts."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
FILES = ROOT / "charts/openpanel/files"
SOURCES = (
    "images/api/openpanel_api/ingest/counts.py",
    "images/api/openpanel_api/public/metrics.py",
    "images/worker/openpanel_worker/metrics.py",
    "operator/openpanel_operator/metrics.py",
)
NAME = re.compile(r"\bopenpanel_(?:ingest|public|worker|operator)_\w+")
DASHBOARDS = sorted((FILES / "dashboards").glob("*.json"))


def counted() -> set[str]:
    """Every metric, under the names by which it can be asked for."""
    names = set()
    for source in SOURCES:
        text = (ROOT / source).read_text()
        for kind, name in re.findall(r"(Counter|Gauge|Histogram)\(\s*\"(\w+)\"", text):
            endings = {"Counter": ("_total",), "Gauge": ("",), "Histogram": ("_bucket", "_sum", "_count")}[
                kind
            ]
            names |= {name.removesuffix("_total") + ending for ending in endings}
    return names


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load((FILES / "alerts.yaml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def expressions(node: object) -> Iterator[str]:
    """Every expression of a dashboard."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key in {"expr", "query"} and isinstance(value, str):
                yield value
            yield from expressions(value)
    elif isinstance(node, list):
        for each in node:
            yield from expressions(each)


def test_alerts_ask_for_metrics_that_exist() -> None:
    asked = {name for rule in rules() for name in NAME.findall(rule["expr"])}

    assert asked
    assert asked - counted() == set()


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_dashboards_ask_for_metrics_that_exist(path: Path) -> None:
    board = json.loads(path.read_text())
    asked = {name for text in expressions(board) for name in NAME.findall(text)}

    assert asked
    assert asked - counted() == set()
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    assert all(panel["description"] for panel in board["panels"])


def test_alerts_say_how_bad_they_are_and_where_help_is() -> None:
    for rule in rules():
        assert rule["labels"]["severity"] in {"warning", "critical"}
        assert rule["annotations"]["runbook_url"] == f"RUNBOOK_URL#{rule['alert'].lower()}"
        assert {"summary", "description"} <= rule["annotations"].keys()


def test_refusals_in_alerts_exist() -> None:
    codes = re.findall(r"code=\"([a-z_]+)\"", (FILES / "alerts.yaml").read_text())
    known = (ROOT / "src/openpanel/wire/refusals.py").read_text() + (
        ROOT / "images/api/openpanel_api/ingest/app.py"
    ).read_text()

    assert codes
    assert all(f'"{code}"' in known for code in codes)
