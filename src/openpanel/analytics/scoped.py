"""The sessions, pageviews and other events of an overview's scope under all of its filters, for one statement.

A question makes one `Scoped` per statement and writes over what it gives: sessions as `visit`, events as `seen`.
What a filter means stands in `overview`. Events are those of the sessions that start in the period; without filters
also those outside of any session, by their own time. Knows no store and no clock: text only.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from openpanel.analytics.filters import check, conditions
from openpanel.analytics.occurrences import named
from openpanel.analytics.overview import Overview
from openpanel.analytics.periods import Period
from openpanel.analytics.property_filters import check_filters, met
from openpanel.analytics.reading import ANY_EVENT, Reading
from openpanel.analytics.visits import LONGEST_SESSION, Narrowing, Visits, session_ids, visits

OF_PAGEVIEWS: Final = ("path", "origin", "title")  # fields that a property filter asks of pageviews
IS_VIEW: Final = "seen.name = 'screen_view' AND seen.path != ''"


class Scoped:
    """Collects the parameters of one statement. Raises `BadFilter` for filters that cannot be used."""

    def __init__(self, scope: Overview) -> None:
        check(scope.filters)
        check_filters(scope.property_filters)
        self.scope = scope
        # What filters join stands in their own sub-select; what the question itself joins does not.
        self._filtering = Reading(scope.project, timezone=scope.timezone, cohorts=scope.cohorts)
        self.reading = self._filtering.beside()
        self._given: dict[str, object] = {}

    @property
    def parameters(self) -> Mapping[str, object]:
        """All values that were given a name so far."""
        return {**self._given, **self.reading.parameters}

    def visits(self, period: Period, *, prefix: str = "") -> Visits:
        """FROM and WHERE of the sessions, joined with `known`, for `statements.person_of("visit.person")`."""
        found = visits(
            project=self.scope.project,
            period=period,
            filters=self.scope.filters,
            narrowing=self._narrowing(period),
            prefix=prefix,
        )
        self._given |= found.parameters
        return Visits(found.sql, self.parameters, found.views)

    def pageviews(self, period: Period, *, wanted: Sequence[str] = (), prefix: str = "") -> str:
        """FROM and WHERE of the pageviews that count and are `wanted`."""
        conditions_of_views = (IS_VIEW, *self.are_counted(), *wanted)
        return self._events(
            period, conditions_of_views, outside=False, sessions=self.passing(period, prefix=prefix)
        )

    def views_and(self, period: Period, *, others: str, prefix: str = "") -> str:
        """FROM and WHERE of all pageviews, whether they count or not, and of `others` in the same sessions."""
        wanted = (f"({IS_VIEW} OR {others})",)
        return self._events(period, wanted, outside=False, sessions=self.passing(period, prefix=prefix))

    def events(self, period: Period, *, wanted: Sequence[str], prefix: str = "") -> str:
        """FROM and WHERE of the events that are `wanted`, whichever they are."""
        outside = not self.scope.is_filtered
        sessions = self._in_sessions(period, prefix=prefix)
        return self._events(period, wanted, outside=outside, sessions=sessions)

    def events_of_sessions(self, period: Period, *, wanted: Sequence[str], prefix: str = "") -> str:
        """The same, without what lies outside of sessions."""
        sessions = self._in_sessions(period, prefix=prefix)
        return self._events(period, wanted, outside=False, sessions=sessions)

    def are_counted(self) -> tuple[str, ...]:
        """The conditions on a pageview for it to count: filters on pages."""
        plain = conditions(
            [item for item in self.scope.filters if item.dimension == "page"],
            columns={"page": "seen.path"},
            prefix="page",
        )
        self._given |= plain.parameters or {}
        return (*plain.sql, *self._of_views())

    def passing(self, period: Period, *, prefix: str = "") -> tuple[str, ...]:
        """The condition on `seen.session_id` under filters, but for those on pages."""
        found = session_ids(
            project=self.scope.project,
            period=period,
            filters=self.scope.filters,
            narrowing=self._narrowing(period),
            prefix=prefix,
        )
        return () if found is None else self._is_in(found.sql, found.parameters)

    def _in_sessions(self, period: Period, *, prefix: str) -> tuple[str, ...]:
        """The condition on `seen.session_id` under all filters."""
        if not self.scope.is_filtered:
            return ()
        found = self.visits(period, prefix=f"{prefix}in_")
        return self._is_in(f"SELECT visit.session_id\n{found.sql}", found.parameters)

    def _is_in(self, ids: str, parameters: Mapping[str, object]) -> tuple[str, ...]:
        self._given |= parameters
        return (f"seen.session_id GLOBAL IN\n(\n{ids}\n)",)

    def _events(
        self, period: Period, wanted: Sequence[str], *, outside: bool, sessions: tuple[str, ...]
    ) -> str:
        start, until = self.reading.moment(period.start), self.reading.moment(period.until)
        begun = (
            "seen.session_id != 0",
            f"seen.session_started_at >= {start}",
            f"seen.session_started_at < {until}",
        )
        alone = f"seen.session_id = 0 AND seen.created_at >= {start} AND seen.created_at < {until}"
        counted = (f"({' AND '.join(begun)} OR {alone})",) if outside else begun
        return self.reading.events(_around(period), conditions=(*wanted, *counted, *sessions))

    def _narrowing(self, period: Period) -> Narrowing:
        return Narrowing(self._of_views(), self._of_sessions(period))

    def _of_views(self) -> tuple[str, ...]:
        of_views = [item for item in self.scope.property_filters if item.name in OF_PAGEVIEWS]
        return met(of_views, self._filtering)

    def _of_sessions(self, period: Period) -> tuple[str, ...]:
        others = [item for item in self.scope.property_filters if item.name not in OF_PAGEVIEWS]
        if not others:
            return ()
        reading = self._filtering
        events = reading.events(
            _around(period),
            conditions=(
                "seen.session_id != 0",
                f"seen.session_started_at >= {reading.moment(period.start)}",
                f"seen.session_started_at < {reading.moment(period.until)}",
                named(ANY_EVENT, column="seen.name", reading=reading),
                *met(others, reading),
            ),
        )
        return (f"visit.session_id GLOBAL IN\n(\nSELECT seen.session_id\n{events}\n)",)


def _around(period: Period) -> Period:
    """Where events of sessions of the period are looked for."""
    return Period(period.start - LONGEST_SESSION, period.until + LONGEST_SESSION)
