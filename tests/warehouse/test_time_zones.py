"""Days are counted by Python in some answers and by the warehouse in others: both go by the same rules."""

from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import pytest

from openpanel.warehouse import Warehouse
from openpanel_local.engines import clickhouse as clickhouse_engine

# The engine has the rules of 2026c. These changed after them, all on 1 November 2026; docs/definitions.md names them,
# and Rainy River, which is another name of Winnipeg.
ENGINE_BEHIND: Final = ["America/Havana", "America/Inuvik", "America/Winnipeg"]
DEFINITIONS: Final = Path(__file__).parents[2] / "docs" / "definitions.md"
FROM: Final = round(datetime(2023, 1, 1, tzinfo=UTC).timestamp())
UNTIL: Final = round(datetime(2030, 1, 1, tzinfo=UTC).timestamp())
STEP_S: Final = 6 * 3_600
SECOND: Final = timedelta(seconds=1)
MOMENTS: Final = tuple(range(FROM, UNTIL, STEP_S))
ENGINES: Final = (
    3  # that share the zones: each zone that an engine was asked of stays in its memory, with 5 MB
)


def test_zones_go_by_the_pinned_rules_and_not_by_those_of_the_machine() -> None:
    vancouver = ZoneInfo("America/Vancouver")

    # Since November 2026 it stays on summer time, which a machine of the year before does not know.
    offset = datetime(2026, 12, 1, tzinfo=vancouver).utcoffset()

    assert offset is not None
    assert offset.total_seconds() == -7 * 3_600


@pytest.mark.parametrize("part", range(ENGINES))
def test_python_and_the_warehouse_agree_on_every_zone(part: int, tmp_path: Path) -> None:
    names = zones()[part::ENGINES]
    with (
        clickhouse_engine.running(tmp_path / "clickhouse") as engine,
        Warehouse(engine.url, database="default") as own,
    ):
        differing = [name for name in names if offsets(ZoneInfo(name)) != offsets_of_warehouse(own, name)]

    assert len(names) > 100
    assert differing == [name for name in names if name in ENGINE_BEHIND]


def test_zones_in_which_they_differ_are_told() -> None:
    told = DEFINITIONS.read_text("utf-8")

    assert [name for name in ENGINE_BEHIND if f"`{name}`" not in told] == []


def zones() -> list[str]:
    """Every zone whose rules differ from those of all others since 1970."""
    table = files("tzdata").joinpath("zoneinfo", "zone1970.tab").read_text("utf-8")
    return sorted(line.split("\t")[2] for line in table.splitlines() if not line.startswith("#"))


def offsets(zone: ZoneInfo) -> list[int]:
    """Seconds before UTC at each moment, as Python has it."""
    return [datetime.fromtimestamp(at, zone).utcoffset() // SECOND for at in MOMENTS]  # type: ignore[operator]


def offsets_of_warehouse(warehouse: Warehouse, name: str) -> list[int]:
    """The same, as the warehouse has it."""
    ((found,),) = warehouse.query(
        "SELECT arrayMap(at -> timezoneOffset(toDateTime(at, {zone:String})), range({from:UInt32}, {until:UInt32}, {step:UInt32}))",
        parameters={"zone": name, "from": FROM, "until": UNTIL, "step": STEP_S},
    )
    return list(found)
