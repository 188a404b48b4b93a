"""Days are counted by Python in some answers and by the warehouse in others: both go by the same rules."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from openpanel.warehouse import Warehouse

DEFINITIONS: Final = Path(__file__).parents[2] / "docs" / "definitions.md"
FROM: Final = round(datetime(2023, 1, 1, tzinfo=UTC).timestamp())
UNTIL: Final = round(datetime(2030, 1, 1, tzinfo=UTC).timestamp())
STEP_S: Final = 6 * 3_600
SECOND: Final = timedelta(seconds=1)
# The engine has the rules of 2026c. These changed after them, all on 1 November 2026; docs/definitions.md names them.
ENGINE_BEHIND: Final = ("America/Havana", "America/Inuvik", "America/Rainy_River", "America/Winnipeg")
LINKS: Final = ("Canada/Central", "Cuba")  # other names of two of them
MOMENTS: Final = tuple(range(FROM, UNTIL, STEP_S))


def test_zones_go_by_the_pinned_rules_and_not_by_those_of_the_machine() -> None:
    vancouver = ZoneInfo("America/Vancouver")

    # Since November 2026 it stays on summer time, which a machine of the year before does not know.
    offset = datetime(2026, 12, 1, tzinfo=vancouver).utcoffset()

    assert offset is not None
    assert offset.total_seconds() == -7 * 3_600


def test_python_and_the_warehouse_agree_on_every_zone(warehouse: Warehouse) -> None:
    names = sorted(available_timezones())

    differing = [name for name in names if offsets(ZoneInfo(name)) != offsets_of_warehouse(warehouse, name)]

    assert len(names) > 500
    assert differing == sorted((*ENGINE_BEHIND, *LINKS))


def test_zones_in_which_they_differ_are_told() -> None:
    told = DEFINITIONS.read_text("utf-8")

    assert [name for name in ENGINE_BEHIND if f"`{name}`" not in told] == []


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
