"""The addresses of the overview: its page, the part around the panels, each panel and its files.

A panel's address holds only the keys that change what it shows, so that equal panels have equal addresses: a
change elsewhere on the page leaves them alone.
"""

from dataclasses import replace
from typing import Final

from openpanel.metadata.records import ProjectRecord
from openpanel_dashboard import address
from openpanel_dashboard.address import DEFAULT_METRIC, View
from openpanel_dashboard.rendering import overview_address

ANY_RANGE: Final = "FROM..TO"  # what the chart replaces, the first one of an address; it is there unencoded


def page(project: ProjectRecord, view: View) -> str:
    """The page in that view."""
    return _with(overview_address(project), view)


def fragment(project: ProjectRecord) -> str:
    """What is around the panels, for any view."""
    return f"{overview_address(project)}/main"


def live(project: ProjectRecord) -> str:
    """The event stream of the project."""
    return f"/o/{project.organization}/p/{project.id}/live"


def panel(project: ProjectRecord, name: str, view: View) -> str:
    """One panel in that view."""
    return _with(f"{overview_address(project)}/panel/{name}", _relevant(name, view))


def of_any_range(project: ProjectRecord, view: View) -> str:
    """The page in that view, with `ANY_RANGE` where its range is to be put."""
    return page(project, replace(view, range=ANY_RANGE, interval=""))


def file(project: ProjectRecord, name: str, view: View, form: str) -> str:
    """What a panel shows in that view, as a file."""
    relevant = replace(_relevant(name, view), show="", form="")
    return _with(f"{overview_address(project)}/file/{name}.{form}", relevant)


def alone(project: ProjectRecord, name: str, view: View) -> str:
    """The page with what matters to one panel."""
    return page(project, replace(_relevant(name, view), show="", form=""))


def _relevant(name: str, view: View) -> View:
    kept = replace(view, show=view.show if view.show == name else "", tabs=())
    if name == "kpis":
        return replace(kept, interval="", form="")
    if name == "chart":
        return kept
    tab = view.tab(name)
    own = replace(kept, metric=DEFAULT_METRIC, form="", interval="", compare="")
    return own.with_tab(name, tab)


def _with(path: str, view: View) -> str:
    query = address.query(view)
    return f"{path}?{query}" if query else path
