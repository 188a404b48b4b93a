"""The tools that agents may call: each is a route of this API that reads, under the name that OpenPanel gave it.

What a tool takes is what its route takes, read from the description of the API, so the two cannot drift apart.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from mcp_types import Tool, ToolAnnotations

PROJECT: Final = "projectId"
# Of no use to an agent: how an answer is made, and in which form.
LEFT_OUT: Final = frozenset({"explain", "format", "project_id"})
READS_ONLY: Final = ToolAnnotations(read_only_hint=True, destructive_hint=False, idempotent_hint=True)


@dataclass(frozen=True, slots=True)
class RouteTool:
    """A tool that is a route."""

    name: str
    path: str
    text: str


_INSIGHTS: Final = "/insights/{projectId}"
TOOLS: Final = tuple(
    RouteTool(name, f"{_INSIGHTS}{path}", text)
    for name, path, text in (
        ("get_report_data", "/reports/{reportId}/data", "What a saved report answers now."),
        ("list_event_names", "/events/names", "Names of events with how often and when they were last seen."),
        ("list_event_properties", "/events/properties", "Keys of properties, of all events or of one."),
        ("get_event_property_values", "/events/property_values", "Values of a property with their counts."),
        ("query_events", "/events", "Single events, the newest first, narrowed by anything they carry."),
        ("query_sessions", "/sessions", "Visits, the newest first, narrowed by anything they carry."),
        ("find_profiles", "/profiles", "People, by name, e-mail, place, device, activity."),
        ("get_profile", "/profiles/{profileId}", "One person with the newest events."),
        ("get_profile_sessions", "/profiles/{profileId}/sessions", "Visits of one person."),
        ("get_profile_metrics", "/profiles/{profileId}/metrics", "Numbers of one person."),
        ("list_group_types", "/groups/types", "Kinds of groups, such as company or team."),
        ("find_groups", "/groups", "Groups by type and name."),
        ("get_group", "/groups/{groupId}", "One group with its members."),
        (
            "get_analytics_overview",
            "/overview",
            "Visitors, sessions, pageviews, bounce rate, duration, revenue.",
        ),
        ("get_top_pages", "/pages/top", "The pages that were seen most."),
        ("get_entry_exit_pages", "/pages/entry_exit", "Pages that visits begin or end with."),
        ("get_page_performance", "/pages/performance", "Bounce rate and time on page, page by page."),
        ("get_page_conversions", "/pages/conversions", "Which pages come before a conversion."),
        ("get_top_referrers", "/traffic/referrers", "Where visits came from."),
        ("get_country_breakdown", "/traffic/geo", "Where visitors are."),
        ("get_device_breakdown", "/traffic/devices", "What visitors use."),
        ("get_rolling_active_users", "/active_users", "People active within so many days, day by day."),
        ("get_weekly_retention_series", "/retention", "How many come again the week after, week by week."),
        ("get_retention_cohort", "/retention/cohort", "Of those who began in a week, how many came back."),
        ("get_user_last_seen_distribution", "/engagement", "How many people were last active how long ago."),
        ("get_funnel", "/funnel", "How many get from step to step."),
        ("get_user_flow", "/user_flow", "Which ways visits take after an event, before it, or between two."),
    )
)


def described(openapi: Mapping[str, Any], tool: RouteTool) -> Tool:
    """The tool with what its route takes."""
    operation = openapi["paths"][tool.path]["get"]
    properties: dict[str, Any] = {}
    required = []
    for parameter in _parameters(operation):
        schema = dict(_whole(parameter.get("schema", {}), openapi))
        if text := parameter.get("description"):
            schema["description"] = text
        properties[parameter["name"]] = schema
        if parameter.get("required") and parameter["name"] != PROJECT:
            required.append(parameter["name"])
    properties[PROJECT] = {"type": "string", "description": "Left out: the project of the credentials."}
    return tool_of(tool.name, tool.text, properties=properties, required=required)


def tool_of(name: str, text: str, *, properties: dict[str, Any], required: list[str]) -> Tool:
    """A tool that reads, with these arguments and no others."""
    schema = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
    return Tool(name=name, description=text, input_schema=schema, annotations=READS_ONLY)


def _parameters(operation: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for parameter in operation.get("parameters", ()):
        if parameter["in"] in ("path", "query") and parameter["name"] not in LEFT_OUT:
            yield parameter


def _whole(schema: Any, openapi: Mapping[str, Any]) -> Any:
    """The schema with what it refers to in its place: a tool's schema stands alone."""
    if isinstance(schema, Mapping):
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            return _whole(openapi["components"]["schemas"][name], openapi)
        return {key: _whole(value, openapi) for key, value in schema.items()}
    return [_whole(each, openapi) for each in schema] if isinstance(schema, list) else schema
