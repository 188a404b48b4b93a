"""The routes of the overview: the page, the part around the panels, the panels."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from time import perf_counter
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, HTTPException, Request
from starlette.responses import RedirectResponse, Response

from openpanel.analytics.cache import Found
from openpanel.analytics.flights import Caller
from openpanel.analytics.limits import TooMuch
from openpanel.analytics.metrics import Metrics
from openpanel.analytics.series import Series
from openpanel.analytics.volume import VolumeAnswer
from openpanel.warehouse import WarehouseError
from openpanel_dashboard import address
from openpanel_dashboard.access import OfProject, ProjectAccess
from openpanel_dashboard.address import Condition, View
from openpanel_dashboard.fragments import (
    CLIENT_GONE,
    RUNNING_STEP_S,
    STALE_WARNS_AFTER,
    ClientGoneError,
    FragmentCache,
    Place,
    Version,
    answered,
    failure,
    stale_for,
    while_asked,
)
from openpanel_dashboard.languages import Language
from openpanel_dashboard.live import waiting_events
from openpanel_dashboard.onboarding import Waiting, waiting
from openpanel_dashboard.pages.overview import (
    addresses,
    chart,
    frame,
    kpis,
    panel_menus,
    rankings,
    wording,
)
from openpanel_dashboard.pages.overview.metrics import BY_KEY
from openpanel_dashboard.pages.overview.scope import Scope, scope
from openpanel_dashboard.questions import BusyError
from openpanel_dashboard.rendering import Reader, reader_of, shell, templates_of
from openpanel_dashboard.services import Given, Services

router = APIRouter(prefix="/o/{org}/p/{project}")
PANELS: Final = frozenset({"kpis", "chart", *wording.CARD_BY_NAME})


@dataclass(frozen=True, slots=True)
class Filled:
    """A panel's fragment."""

    html: str
    older: datetime | None  # of when its numbers are, if more was counted since


@dataclass(frozen=True, slots=True)
class Asked:
    """A request for the overview: who, what of, and in which view."""

    access: ProjectAccess
    services: Services
    reader: Reader
    view: View
    volume: VolumeAnswer | None  # None: the store does not answer

    @property
    def scope(self) -> Scope:
        project = self.access.project
        earliest = self.volume.earliest(project.timezone) if self.volume else None
        return scope(self.view, project=project, now=self.services.clock(), earliest=earliest)


async def asked(request: Request, access: OfProject, services: Given) -> Asked:
    """The view of the address; fields of the range and filter forms are folded into it."""
    reader = reader_of(request, services)
    return Asked(
        access=access,
        services=services,
        reader=reader,
        view=_known(view_of(request.url.query, language=reader.language)),
        volume=await services.volumes.at_once(access.project),
    )


OfOverview = Annotated[Asked, Depends(asked)]


def _known(view: View) -> View:
    """The view without what this page does not have: a number, a list, a card. What is left out is named."""
    ignored: list[str] = []
    if view.metric not in BY_KEY:
        ignored.append(f"m={view.metric}")
        view = replace(view, metric=address.DEFAULT_METRIC)
    for card, tab in view.tabs:
        if not wording.has_tab(card, tab):
            ignored.append(f"tab.{card}={tab}")
            view = view.with_tab(card, "")
    if view.show and view.show not in wording.CARD_BY_NAME:
        ignored.append(f"show={view.show}")
        view = replace(view, show="")
    return replace(view, ignored=(*view.ignored, *ignored))


def view_of(query: str, *, language: Language) -> View:
    """The view of a query string, with what a form without script adds."""
    view = address.parse(query)
    parts = [part.partition("=") for part in view.ignored]
    sent = {key: value for key, _, value in parts if key in _FORM_FIELDS}
    if not sent:
        return view
    left = tuple(
        part for part, (key, _, _) in zip(view.ignored, parts, strict=True) if key not in _FORM_FIELDS
    )
    return _with_filter(_with_dates(replace(view, ignored=left), sent), sent, language)


_FORM_FIELDS: Final = frozenset({"from", "to", "dimension", "operator", "value"})


def _with_dates(view: View, sent: Mapping[str, str]) -> View:
    first, last = sorted((sent.get("from", ""), sent.get("to", "")))
    span = f"{first}..{last}"
    return replace(view, range=span) if address.is_range(span) else view


def _with_filter(view: View, sent: Mapping[str, str], language: Language) -> View:
    dimension, operator = sent.get("dimension", ""), sent.get("operator", "")
    if dimension not in address.DIMENSIONS or operator not in address.OPERATORS:
        return view
    if operator in address.BARE:
        return joined(view, Condition(dimension, operator))
    value = sent.get("value", "").strip()
    if not value:
        return view
    values = wording.stored(dimension, value, language) if operator in {"is", "not"} else (value,)
    return joined(view, Condition(dimension, operator, values))


def joined(view: View, condition: Condition) -> View:
    """The view with one more filter; its values join those that its dimension has by that operator."""
    kind = (condition.dimension, condition.operator)
    same = [one for one in view.conditions if (one.dimension, one.operator) == kind]
    values = (*(value for one in same for value in one.values), *condition.values)
    others = (one for one in view.conditions if one not in same)
    return view.with_conditions([*others, replace(condition, values=values)])


@router.get("")
def project_home(access: OfProject) -> Response:
    """A project's first page."""
    return RedirectResponse(addresses.page(access.project, View()), status_code=303)


@router.get("/overview")
def page(request: Request, given: OfOverview) -> Response:
    """The whole document. An address that has a shorter form is sent there."""
    canonical = addresses.page(given.access.project, given.view)
    if not given.view.ignored and not _is_canonical(request, given.view):
        return RedirectResponse(canonical, status_code=303)
    say = given.reader.language.say
    return templates_of(request).answer(
        "pages/overview.html",
        reader=given.reader,
        title=f"{given.access.project.name} · {say('Overview')}",
        shell=shell(
            reader=given.reader,
            user=given.access.user.email,
            here=canonical,
            projects=given.access.projects,
            project=given.access.project,
        ),
        overview=_frame(given),
        fragment=False,
    )


def _frame(given: Asked) -> frame.OverviewContext:
    uncounted = waiting_events(given.services, given.access.project)
    language = given.reader.language
    return frame.context(given.scope, language=language, waiting=_waiting(given), uncounted=uncounted)


@router.get("/overview/main")
def main(request: Request, given: OfOverview) -> Response:
    """What is around the panels, to be morphed into the page. Says which address the page has now."""
    answer = templates_of(request).answer(
        "pages/overview_main.html",
        reader=given.reader,
        title=f"{given.access.project.name} · {given.reader.language.say('Overview')}",
        overview=_frame(given),
        fragment=True,
    )
    if not given.view.ignored and not _is_canonical(request, given.view):
        answer.headers["HX-Push-Url"] = addresses.page(given.access.project, given.view)
    return answer


@router.get("/overview/panel/{name}")
async def panel(request: Request, name: str, given: OfOverview) -> Response:
    """One panel."""
    if name not in PANELS:
        raise HTTPException(status_code=404)
    cache: FragmentCache = request.app.state.fragments
    place, version = _place(request, given), _version(given)
    html = cache.get(place, version) if version else None
    if html is not None:
        return answered(request, html)
    try:
        filled = await while_asked(
            request, given.services.questions, lambda caller: _filled(request, name, given, caller)
        )
    except ClientGoneError:
        return Response(status_code=CLIENT_GONE)
    except Exception as error:  # noqa: BLE001 - a panel fails alone, whatever went wrong; `failure` logs it
        is_away = isinstance(error, WarehouseError | BusyError) and not isinstance(error, TooMuch)
        kept = cache.last(place) if is_away else None
        return _stale(request, given, kept.html, kept.made) if kept else _failed(request, name, given, error)
    if filled.older:
        return _stale(request, given, filled.html, filled.older, refreshing=True)
    if version:
        cache.put(place, version, filled.html)
    return answered(request, filled.html)


def _place(request: Request, given: Asked) -> Place:
    address = f"{request.url.path}?{request.url.query}"
    project = given.access.project
    return Place(project.id, project.timezone, address, given.reader.language.code)


def _version(given: Asked) -> Version | None:
    """What a fragment made now depends on; unknown while the store does not say how much was counted."""
    if given.volume is None:
        return None
    running = given.scope.period.running_until is not None
    step = int(given.services.clock().timestamp()) // RUNNING_STEP_S if running else 0
    return Version(counted=given.volume.events, step=step)


def _filled(request: Request, name: str, given: Asked, caller: Caller) -> Filled:
    """The panel's question, answered and written. It waits for what its page could not wait for."""
    if given.volume is None:
        given = replace(given, volume=given.services.volumes.find(given.access.project))
    begun, scope, language = perf_counter(), given.scope, given.reader.language
    ask = partial(
        given.services.answers.ask, former=scope.former_days, caller=caller, stale_for=stale_for(request)
    )
    found: Found[Any]
    answer: object
    if name == "kpis":
        found = ask(Metrics(scope.overview(compared=True)))
        template, answer = "overview_kpis", kpis.context(scope, found.answer, language=language)
    elif name == "chart":
        found = ask(Series(scope.overview(compared=scope.draws_compared)))
        template, answer = "overview_chart", chart.context(scope, found.answer, language=language)
    else:
        card = wording.CARD_BY_NAME[name]
        found = ask(rankings.question(scope, card))
        assets = given.services.assets
        template = "overview_ranking"
        answer = rankings.context(scope, card, found.answer, language=language, assets=assets)
    counted = scope.now if found.fresh else found.read_at
    html = templates_of(request).render(
        f"pages/{template}.html",
        reader=given.reader,
        title="",
        answer=answer,
        menu=panel_menus.menu(scope, name, language=language, api_url=given.services.api_url),
        took=round((perf_counter() - begun) * 1000),
        at=f"{counted.astimezone(ZoneInfo(scope.timezone)):%H:%M:%S}",
    )
    return Filled(html, older=None if found.fresh else found.read_at)


def _failed(request: Request, name: str, given: Asked, error: Exception) -> Response:
    """The panel without numbers, saying why."""
    say = given.reader.language.say
    notice, status = failure(error, say)
    card = wording.CARD_BY_NAME.get(name)
    return templates_of(request).answer(
        "pages/panel_notice.html",
        reader=given.reader,
        title="",
        status=status,
        heading=say(card.title) if card else "",
        given=notice,
    )


def _stale(
    request: Request, given: Asked, html: str, made: datetime, *, refreshing: bool = False
) -> Response:
    """The panel as it was: while the store is away, or until the newer numbers that are being read are there."""
    at = made.astimezone(ZoneInfo(given.access.project.timezone))
    return templates_of(request).answer(
        "pages/panel_stale.html",
        reader=given.reader,
        title="",
        as_of=given.reader.language.write.clock(at.time()),
        warns=given.services.clock() - made > STALE_WARNS_AFTER,
        refreshing=refreshing,
        html=html,
    )


def _waiting(given: Asked) -> Waiting | None:
    """What to do first, in a project that never had an event."""
    if given.volume is None or given.volume.events > 0:
        return None
    return waiting(
        given.services.database,
        project=given.access.project,
        ingest_url=given.services.ingest_url,
        language=given.reader.language,
    )


def _is_canonical(request: Request, view: View) -> bool:
    return address.same(request.url.query, address.query(view))
