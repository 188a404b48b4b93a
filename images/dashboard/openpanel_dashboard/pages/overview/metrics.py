"""The six numbers of the overview: how each is read from an answer, named and written."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from openpanel.analytics.overview import Figures
from openpanel_dashboard.components import Change
from openpanel_dashboard.formatting import Formatter
from openpanel_dashboard.languages import N_, Language

Kind = Literal["count", "ratio", "share", "duration"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One number. `inverted`: less of it is better."""

    key: str
    label: str
    kind: Kind
    read: Callable[[Figures], float | None]
    inverted: bool = False

    def short(self, value: float | None, write: Formatter) -> str:
        """As large figures show it."""
        return _SHORT[self.kind](write, value)

    def exact(self, value: float | None, write: Formatter) -> str:
        """As tables, titles and screen readers get it."""
        return write.exact(value) if self.kind == "count" else self.short(value, write)

    def change(
        self, now: float | None, before: float | None, *, language: Language, against: str
    ) -> Change | None:
        """How it moved since the compared period, whose name is `against`; nothing without two values."""
        if now is None or before is None:
            return None
        write = language.write
        text = write.points(now, before) if self.kind == "share" else write.change(now, before)
        up = None if now == before else now > before
        tone: Literal["better", "worse", "flat", "new"]
        if up is None:
            tone = "flat"
        elif before == 0 and self.kind != "share":
            tone = "new"
        else:
            tone = "better" if up != self.inverted else "worse"
        title = language.say(
            "%(now)s, before %(before)s (%(period)s)",
            now=self.exact(now, write),
            before=self.exact(before, write),
            period=against,
        )
        return Change(text=text, tone=tone, up=None if tone == "new" else up, title=title)


_SHORT: Final[dict[Kind, Callable[[Formatter, float | None], str]]] = {
    "count": Formatter.count,
    "ratio": Formatter.ratio,
    "share": Formatter.share,
    "duration": Formatter.duration,
}
METRICS: Final = (
    Metric("visitors", N_("Unique visitors"), "count", lambda figures: figures.visitors),
    Metric("sessions", N_("Sessions"), "count", lambda figures: figures.sessions),
    Metric("views", N_("Pageviews"), "count", lambda figures: figures.pageviews),
    Metric("views-per-session", N_("Views per session"), "ratio", lambda figures: figures.views_per_session),
    Metric("bounce", N_("Bounce rate"), "share", lambda figures: figures.bounce_rate, inverted=True),
    Metric("duration", N_("Visit duration"), "duration", lambda figures: figures.duration_s),
)
BY_KEY: Final = {metric.key: metric for metric in METRICS}
