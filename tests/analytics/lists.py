"""Every question about lists (sessions, events, people, groups) and pickers, once in each way it can be put.

For pinned text, for the cluster, for injections: `text` stands wherever somebody may type one.
"""

from collections.abc import Mapping
from typing import Any, Final

from openpanel.analytics.asking import Question
from openpanel.analytics.event_exports import EventPlace, ExportedEvents
from openpanel.analytics.event_stats import Conversions, EventStats
from openpanel.analytics.events import Cursor, EventCount, EventDetail, Events, Selection
from openpanel.analytics.filters import Filter
from openpanel.analytics.group_activity import GroupActivity, GroupGrowth
from openpanel.analytics.group_members import GroupMembers
from openpanel.analytics.group_metrics import GroupMetrics, GroupsMetrics
from openpanel.analytics.groups import GroupCount, GroupCursor, GroupDetail, Groups, GroupTypes
from openpanel.analytics.people import People, PeopleCount, PeopleCursor, PeopleSelection
from openpanel.analytics.person_activity import PersonActivity, PersonTopEvents, PersonTopPaths
from openpanel.analytics.person_details import PersonDetail, PersonsDetails
from openpanel.analytics.person_metrics import PersonMetrics
from openpanel.analytics.pickers import EventNames, PropertyKeys
from openpanel.analytics.property_filters import PropertyFilter
from openpanel.analytics.property_values import EventsToLookThrough, PropertyValues
from openpanel.analytics.sessions import (
    SessionCount,
    SessionCursor,
    SessionDetail,
    Sessions,
    SessionSelection,
)
from tests.analytics.behaviour import MONTH, NOW, ZONE, cohorts, filters

# Of the made-up histories: a device, and the persons that profiles are known by.
DEVICE: Final = f"{3:016x}"
PERSONS: Final = (1, 2, 3, 107)
LAST: Final = 2_000_000_000_000  # after everything that happened
Questions = Mapping[str, Question[Any]]


def questions(project: str, *, text: str = "click", profile: str = DEVICE) -> Questions:
    """All of them, by name."""
    return {
        **of_sessions(project, text, profile),
        **of_events(project, text, profile),
        **of_people(project, text),
        **of_one_person(project, text, profile),
        **of_groups(project, text),
        **of_pickers(project, text),
    }


def of_sessions(project: str, text: str, profile: str) -> Questions:
    """Sessions."""
    everything = SessionSelection(project, ZONE)
    narrow = SessionSelection(
        project,
        ZONE,
        MONTH,
        filters=(Filter("country", "not", (text,)), Filter("page", "has", ("/",))),
        property_filters=(
            *(PropertyFilter("path", "isNot", (text,)), PropertyFilter("has_profile", "isNotNull")),
            PropertyFilter("cohort", "notInCohort", ("kept",)),
        ),
        cohorts=cohorts(text),
    )
    return {
        "sessions": Sessions(everything),
        "sessions_after": Sessions(everything, limit=5, after=SessionCursor(LAST, 5)),
        "sessions_selected": Sessions(narrow, after=SessionCursor(LAST, 5)),
        "sessions_of_person": Sessions(SessionSelection(project, profile=profile)),
        "sessions_searched": Sessions(SessionSelection(project, search=text)),
        "session_count": SessionCount(everything),
        "session_count_selected": SessionCount(narrow),
        "session_detail": SessionDetail(project, 77),
    }


def of_events(project: str, text: str, profile: str) -> Questions:
    """Events, beside those of the overview's list."""
    selection = Selection(
        project,
        start=MONTH.start,
        end=MONTH.until,
        profile=profile,
        filters=(Filter("event", "not", (text,)), Filter(f"prop.{text}", "unset")),
        property_filters=(
            *filters(text.replace("*", ""))[1:3],
            PropertyFilter("cohort", "notInCohort", ("paying",)),
        ),
        cohorts=cohorts(text),
        timezone=ZONE,
    )
    return {
        "events_of_filters": Events(selection, after=Cursor(LAST, 5)),
        "event_count_of_filters": EventCount(selection),
        "events_of_session": Events(Selection(project, session=77)),
        "events_searched": Events(Selection(project, search=text, names=(text, "screen_view"))),
        "event_detail": EventDetail(project, 77),
        "event_detail_at": EventDetail(project, 77, created_at=NOW),
        "event_stats": EventStats(project, ZONE, MONTH),
        "event_stats_by_hour": EventStats(project, ZONE, MONTH, "hour", names=(text, "revenue")),
        "event_stats_filtered": EventStats(
            project, ZONE, MONTH, filters=filters(text)[:2], cohorts=cohorts(text)
        ),
        "exported_events": ExportedEvents(Selection(project), limit=10),
        "exported_events_after": ExportedEvents(selection, limit=10, after=EventPlace(LAST, text, 3, 5)),
        "conversions": Conversions(project, ZONE, MONTH, (text, "revenue")),
    }


def of_people(project: str, text: str) -> Questions:
    """Lists of people."""
    everybody = PeopleSelection(project, ZONE, NOW)
    narrow = PeopleSelection(
        project,
        ZONE,
        NOW,
        kind="identified",
        period=MONTH,
        filters=(Filter("country", "not", (text,)), Filter("entry", "not", (text,))),
        property_filters=(
            PropertyFilter("profile.properties.plan", "isNot", (text,)),
            PropertyFilter("cohort", "notInCohort", ("kept",)),
        ),
        cohorts=cohorts(text),
        performed="screen_view",
        min_sessions=1,
        inactive_days=1,
    )
    return {
        "people": People(everybody),
        "people_further": People(everybody, limit=3, after=PeopleCursor(LAST, LAST - 1, 3, text)),
        "people_after": People(everybody, "events", after=PeopleCursor(LAST, 5, 6, text)),
        "people_selected": People(narrow, "first_seen", descending=False),
        "people_searched": People(PeopleSelection(project, ZONE, NOW, search=text)),
        "people_power": People(PeopleSelection(project, ZONE, NOW, kind="power", performed=text)),
        "people_anonymous": People(PeopleSelection(project, ZONE, NOW, kind="anonymous")),
        "people_count": PeopleCount(everybody),
        "people_count_selected": PeopleCount(narrow),
    }


def of_one_person(project: str, text: str, profile: str) -> Questions:
    """One person, or some that are known by their ids."""
    return {
        "person_detail": PersonDetail(project, profile),
        "persons_details": PersonsDetails(project, PERSONS),
        "person_metrics": PersonMetrics(project, ZONE, profile, conversions=(text, "revenue")),
        "person_activity": PersonActivity(project, ZONE, profile),
        "person_activity_of_month": PersonActivity(project, ZONE, profile, MONTH),
        "person_top_events": PersonTopEvents(project, profile),
        "person_top_paths": PersonTopPaths(project, profile, MONTH),
    }


def of_groups(project: str, text: str) -> Questions:
    """Groups."""
    name = "acme" if text == "click" else text
    return {
        "group_types": GroupTypes(project),
        "groups": Groups(project),
        "groups_selected": Groups(project, type="team", search=name, after=GroupCursor(LAST, name)),
        "group_count": GroupCount(project, search=name),
        "group_detail": GroupDetail(project, name),
        "group_members": GroupMembers(project, name, NOW),
        "group_members_after": GroupMembers(project, name, NOW, after=PeopleCursor(LAST, LAST, 3, name)),
        "group_metrics": GroupMetrics(project, ZONE, name, NOW),
        "groups_metrics": GroupsMetrics(project, ZONE, (name, "o'neil"), NOW),
        "group_activity": GroupActivity(project, ZONE, name, MONTH),
        "group_growth": GroupGrowth(project, ZONE, name, MONTH, "week"),
    }


def of_pickers(project: str, text: str) -> Questions:
    """What there is to choose from."""
    key = f"properties.{text.replace('*', '')}"
    return {
        "event_names": EventNames(project),
        "event_names_searched": EventNames(project, search=text),
        "property_keys": PropertyKeys(project),
        "property_keys_of_event": PropertyKeys(project, event=text, search="p"),
        "property_values": PropertyValues(project, "properties.plan"),
        "property_values_of_event": PropertyValues(project, key, event=text, search="p"),
        "property_values_of_key": PropertyValues(project, key, search=text),
        "events_to_look_through": EventsToLookThrough(project),
        "events_to_look_through_of_name": EventsToLookThrough(project, text),
        "values_of_dimension": PropertyValues(project, "country", search=text),
        "values_of_path": PropertyValues(project, "path"),
        "values_of_column": PropertyValues(project, "osVersion"),
        "values_of_profiles": PropertyValues(project, f"profile.{key}"),
        "values_of_groups": PropertyValues(project, "group.type", search=text),
    }
