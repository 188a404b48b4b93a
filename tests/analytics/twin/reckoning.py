"""What the definitions say of one event, in plain Python: who did it, what a field is, whether a filter is met."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from math import floor
from typing import Any, Final
from zoneinfo import ZoneInfo

from openpanel.analytics.periods import Period
from openpanel.analytics.property_filters import PropertyFilter
from tests.analytics.twin.histories import History

SYNTHETIC: Final = ("session_start", "session_end")
Event = Mapping[str, Any]
_NUMBER: Final = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
PLACE_BITS: Final = 21
DENIALS: Final = {
    "isNot": "is",
    "doesNotContain": "contains",
    "isNull": "isNotNull",
    "notInCohort": "inCohort",
}


def milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


class Reckoning:
    """One history, read by hand. `cohorts`: the persons of each, by id."""

    def __init__(self, history: History, *, cohorts: Mapping[str, set[int]] | None = None) -> None:
        self.history = history
        self.zone = ZoneInfo(history.timezone)
        self.cohorts = cohorts or {}
        latest: dict[int, tuple[int, int]] = {}
        for row in history.overrides:
            latest[row["person"]] = max(latest.get(row["person"], (-1, 0)), (row["version"], row["into"]))
        self._into = _ends({person: target for person, (_, target) in latest.items()})
        self._profiles = {row["profile_id"]: row for row in history.profiles if not row["deleted"]}
        self._groups = {row["group_id"]: row for row in history.groups}
        self._sessions = self._by_session()
        self._named = self._names()

    def person(self, event: Event) -> int:
        return self.resolved(event["person"])

    def resolved(self, person: int) -> int:
        return self._into.get(person, person)

    def doings(self, period: Period | None = None, *, until: datetime | None = None) -> list[Event]:
        """What visitors did in the period, by time; synthetic rows included, since they may be asked by name."""
        events: Iterable[Event] = self.history.events
        if period is not None:
            start, end = milliseconds(period.start), milliseconds(period.until)
            events = [event for event in events if start <= event["created_at"] < end]
        if until is not None:
            events = [event for event in events if event["created_at"] < milliseconds(until)]
        return sorted(events, key=lambda event: (event["created_at"], event["event_id"]))

    def is_named(self, event: Event, name: str) -> bool:
        return event["name"] not in SYNTHETIC if name == "*" else bool(event["name"] == name)

    def meets(self, event: Event, filters: Sequence[PropertyFilter]) -> bool:
        return all(self._meets(event, item) for item in filters)

    def label(self, event: Event, name: str) -> list[str]:
        """The values that the event counts for; one, unless the field has many."""
        found = self.field(event, name)
        if isinstance(found, list):
            return list(dict.fromkeys(found)) or [""]
        if isinstance(found, datetime):
            return [found.astimezone(self.zone).date().isoformat()]
        return [_text(found)]

    def field(self, event: Event, name: str) -> Any:
        """A text, a number, a moment, or a list of texts."""
        room, _, key = name.partition(".")
        rooms = {
            "properties": self._property,
            "session": self._session_field,
            "profile": self._profile_field,
            "group": self._group_field,
        }
        if room in rooms:
            return rooms[room](event, key)
        if name.startswith("cohort"):
            return self._cohort_field(event, name)
        if name == "has_profile":
            return "true" if event["profile_id"] or event["person"] in self._into else "false"
        if name == "created_at":
            return datetime.fromtimestamp(event["created_at"] / 1000, tz=self.zone)
        return float(event.get(name, 0)) if name in {"revenue", "duration"} else event.get(name, "")

    def _cohort_field(self, event: Event, name: str) -> Any:
        member = {cohort: self.person(event) in persons for cohort, persons in self.cohorts.items()}
        if name == "cohort":
            return [cohort for cohort, is_in in member.items() if is_in]
        return "true" if member[name.removeprefix("cohort:")] else "false"

    def _by_session(self) -> dict[int, list[Event]]:
        sessions: dict[int, list[Event]] = {}
        for event in self.history.events:
            if event.get("session_id") and event["name"] not in SYNTHETIC:
                sessions.setdefault(event["session_id"], []).append(event)
        for events in sessions.values():
            events.sort(key=place)
        return sessions

    def _names(self) -> dict[int, str]:
        """The profile that a person has in its sessions, or that says whom it describes."""
        told: dict[int, str] = {}
        for row in self.history.profiles:
            if row["person"] and not row["deleted"]:
                _keep_greatest(told, row)
        visited: dict[int, str] = {}
        for events in self._sessions.values():
            for event in [event for event in events if event["profile_id"]][:1]:
                _keep_greatest(visited, event)
        return told | visited

    def _property(self, event: Event, key: str) -> Any:
        if "*" not in key:
            return event["properties"].get(key, "")
        pattern = "[^.]+".join(map(re.escape, key.replace("[*]", ".*").split("*")))
        return [value for name, value in event["properties"].items() if re.fullmatch(pattern, name)]

    def _session_field(self, event: Event, key: str) -> Any:
        events = self._sessions.get(event.get("session_id", 0), [])
        views = [each for each in events if each["name"] == "screen_view" and each["path"]]
        if key == "is_bounce":
            return ("true" if len(views) <= 1 else "false") if events else ""
        if key == "views":
            return float(len(views))
        if key == "duration":
            times = [each["created_at"] for each in events]
            return float(max(times) - min(times)) if times else 0.0
        return views[0 if key == "entry_path" else -1]["path"] if views else ""

    def _profile_field(self, event: Event, key: str) -> str:
        profile = self._profiles.get(self._named.get(self.person(event)) or event["profile_id"])
        if profile is None:
            return ""
        if key.startswith("properties."):
            return str(profile["properties"].get(key.removeprefix("properties."), ""))
        return str(profile["profile_id"] if key == "id" else profile[key])

    def _group_field(self, event: Event, key: str) -> list[str]:
        if key == "id":
            return list(event["groups"])
        told = [self._groups.get(name) for name in event["groups"]]
        if key.startswith("properties."):
            return [
                group["properties"].get(key.removeprefix("properties."), "") if group else ""
                for group in told
            ]
        return [group[key] if group else "" for group in told]

    def _meets(self, event: Event, item: PropertyFilter) -> bool:
        operator = DENIALS.get(item.operator, item.operator)
        if operator == "inCohort":
            found = any(self.person(event) in self.cohorts[cohort] for cohort in item.values)
        else:
            subject = self.field(event, item.name)
            many = subject if isinstance(subject, list) else [subject]
            found = any(self._holds(each, operator, item) for each in many)
        return found != (item.operator in DENIALS)

    def _holds(self, subject: Any, operator: str, item: PropertyFilter) -> bool:
        kind = item.type or _kind(subject, operator)
        read = {
            "string": _text,
            "number": _number,
            "date": self._date,
            "datetime": self._moment,
            "boolean": _boolean,
        }[kind]
        value = read(subject)
        if operator == "isNotNull":
            return (
                value not in {None, ""}
                if not isinstance(subject, float) or kind != "number"
                else subject != 0
            )
        if value is None:
            return False
        return any(COMPARED[operator](value, read(given)) for given in item.values)

    def _moment(self, value: Any) -> int | None:
        if isinstance(value, datetime):
            return milliseconds(value)
        if not _DATE.match(value):
            return None
        moment = datetime.fromisoformat(value)
        return floor((moment if moment.tzinfo else moment.replace(tzinfo=self.zone)).timestamp() * 1000)

    def _date(self, value: Any) -> date | None:
        moment = self._moment(value)
        return None if moment is None else datetime.fromtimestamp(moment / 1000, tz=self.zone).date()


COMPARED: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "is": lambda value, given: bool(value == given),
    "contains": lambda value, given: given.lower() in value.lower(),
    "startsWith": lambda value, given: value.startswith(given),
    "endsWith": lambda value, given: value.endswith(given),
    "regex": lambda value, given: re.search(given, value) is not None,
    "gt": lambda value, given: bool(value > given),
    "gte": lambda value, given: bool(value >= given),
    "lt": lambda value, given: bool(value < given),
    "lte": lambda value, given: bool(value <= given),
}


def _ends(into: Mapping[int, int]) -> dict[int, int]:
    """Whom each person stands for in the end; of those that stand for one another it is the least."""
    ends = {}
    for person in into:
        way = [person]
        while way[-1] in into and way[-1] not in way[:-1]:
            way.append(into[way[-1]])
        ends[person] = min(way[way.index(way[-1]) :])
    return {person: end for person, end in ends.items() if person != end}


def place(event: Event) -> int:
    """The place of an event in time, as a session orders its events."""
    return int(event["created_at"]) << PLACE_BITS | int(event["event_id"]) & 2**PLACE_BITS - 1


def _kind(subject: Any, operator: str) -> str:
    if isinstance(subject, datetime):
        return "datetime"
    return "number" if isinstance(subject, float) or operator in {"gt", "gte", "lt", "lte"} else "string"


def _text(value: Any) -> str:
    return str(int(value)) if isinstance(value, float) and value == int(value) else str(value)


def _number(value: Any) -> float | None:
    if isinstance(value, float):
        return value
    return float(value) if _NUMBER.fullmatch(value) else None


def _boolean(value: Any) -> str | None:
    text = _text(value).lower()
    return "yes" if text in {"true", "1"} else "no" if text in {"false", "0"} else None


def _keep_greatest(names: dict[int, str], row: Mapping[str, Any]) -> None:
    names[row["person"]] = max(names.get(row["person"], ""), row["profile_id"], key=str.encode)
