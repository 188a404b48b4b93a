"""What the macros of `templates/macros` are given: finished values, strings already written for the reader.

Built by pages, read by templates only. Nothing here asks a store, formats a number or makes an address.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Tone = Literal["better", "worse", "flat", "new", "none"]
PanelState = Literal["filled", "empty", "filtered", "error", "waiting"]


@dataclass(frozen=True, slots=True)
class Link:
    """Something to go to; `key` is the physical key that does the same."""

    label: str
    address: str
    selected: bool = False
    key: str = ""
    icon: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """How a number moved: the text has the sign, the tone says whether that is good."""

    text: str
    tone: Tone
    up: bool | None = None  # None: it did not move
    title: str = ""  # both values in full and the period compared with


@dataclass(frozen=True, slots=True)
class Kpi:
    """One number of the strip."""

    key: str
    label: str
    value: str
    title: str  # the exact value, for the pointer and screen readers
    change: Change | None
    address: str  # makes it the chart's metric
    selected: bool


@dataclass(frozen=True, slots=True)
class Icon:
    """A flag by country code, a brand's mark or a stroke icon by its name in the sprite."""

    kind: Literal["flag", "mark", "stroke"]
    name: str


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a ranking. `width` is the bar's length in per cent of the longest."""

    id: str
    label: str
    value: str
    title: str
    share: str
    width: float
    toggle: str  # address with this row's filter switched
    active: bool
    exclude: str = ""  # address with this row filtered out
    opens: str = ""  # the page itself, on the project's own site
    icon: Icon | None = None
    nameless: bool = False  # the label stands for a value that is empty
    compared: str = ""


@dataclass(frozen=True, slots=True)
class Notice:
    """What a panel says instead of, or beside, its numbers."""

    state: PanelState
    text: str
    action: Link | None = None
    detail: str = ""
    stays: bool = False  # an error that the same question would meet again


@dataclass(frozen=True, slots=True)
class PanelMenu:
    """What can be taken out of a panel: files of what it shows, and the call of the public API that answers it."""

    id: str
    label: str  # for screen readers, with the panel's name
    files: tuple[Link, ...]
    call: str = ""
    note: str = ""  # in which way the call says more


@dataclass(frozen=True, slots=True)
class Ranking:
    """A card with a list: its tabs, its lines, or why there are none."""

    panel: str
    title: str
    tabs: tuple[Link, ...]
    name_heading: str
    value_heading: str
    share_heading: str
    rows: tuple[Row, ...]
    notice: Notice | None = None
    estimate: str = ""  # why the numbers are not exact
    more: Link | None = None
    opened: bool = False  # at its full length, with a search field


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter as a sentence, with the address that removes it."""

    text: str
    remove: str
    removal: str  # what the button says to a screen reader
    unsupported: str = ""  # why it does not count here


@dataclass(frozen=True, slots=True)
class Panel:
    """A box that loads by itself from `address`; `shape` is the skeleton's, so that nothing moves."""

    name: str
    title: str
    address: str
    shape: Literal["kpis", "chart", "list"]
    lazy: bool = False  # asked for when it comes near
    content: str | None = None  # finished HTML, when it was there at once


@dataclass(frozen=True, slots=True)
class ChartTable:
    """The rows behind a chart, as text."""

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class ZoomBack:
    """The way back out of a stretch that was marked: an address with a place for the range, and where one is now."""

    address: str
    range: str
    interval: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart with its caption, a finding, and its table; `data` is what the element in the page draws."""

    caption: str
    data: Mapping[str, object]
    table: ChartTable
    intervals: tuple[Link, ...]
    as_table: bool
    form: Link  # switches between drawing and table
    legend: tuple[str, ...] = field(default=())
    notice: Notice | None = None
    back: ZoomBack | None = None
