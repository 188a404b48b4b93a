"""The menu of a panel: its files and the call of the public API."""

from openpanel_dashboard.components import Link, PanelMenu
from openpanel_dashboard.languages import Language
from openpanel_dashboard.pages.overview import addresses, api_calls, wording
from openpanel_dashboard.pages.overview.api_calls import Call
from openpanel_dashboard.pages.overview.scope import Scope


def menu(scope: Scope, name: str, *, language: Language, api_url: str) -> PanelMenu:
    """The menu of a panel as it is shown."""
    say, opened = language.say, scope.view.show == name
    call = _call(scope, name, api_url)
    return PanelMenu(
        id=f"menu-drawer-{name}" if opened else f"menu-{name}",
        label=say("Export: %(panel)s", panel=say(_title(name))),
        files=(
            Link(say("Download CSV"), addresses.file(scope.project, name, scope.view, "csv")),
            Link(say("Download JSON"), addresses.file(scope.project, name, scope.view, "json")),
        ),
        call=call.command if call else "",
        note=say(call.note) if call and call.note else "",
    )


def _title(name: str) -> str:
    card = wording.CARD_BY_NAME.get(name)
    return card.title if card else wording.PANELS[name]


def _call(scope: Scope, name: str, api_url: str) -> Call | None:
    if name == "kpis":
        return api_calls.of_numbers(scope, root=api_url, compared=scope.compared is not None)
    if name == "chart":
        return api_calls.of_numbers(scope, root=api_url, compared=scope.draws_compared)
    card = wording.CARD_BY_NAME[name]
    return api_calls.of_list(scope, card.tab(scope.view.tab(name)).dimension, root=api_url)
