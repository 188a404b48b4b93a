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

from openpanel.analytics.asking import ask
from openpanel.analytics.cache import Found
from openpanel.analytics.flights import Caller
from openpanel.analytics.former_days import former_days
from openpanel.analytics.limits import TooMuch
from openpanel.analytics.metrics import Metrics
from openpanel.analytics.series import Series
from openpanel.analytics.volume import Volume, VolumeAnswer
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
from openpanel_dashboard.live import waiting_events
from openpanel_dashboard.onboarding import Waiting, waiting
from openpanel_dashboard.pages.overview import addresses, chart, frame, kpis, rankings, wording
from openpanel_dashboard.pages.overview.scope import Scope, scope
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


def asked(request: Request, access: OfProject, services: Given) -> Asked:
    """The view of the address; fields of the range and filter forms are folded into it."""
    try:
        counted = ask(
            services.warehouse,
            Volume(access.project.id, access.project.timezone),
            former=former_days(access.project, now=services.clock()),
        )
    except WarehouseError:
        counted = None
    return Asked(
        access=access,
        services=services,
        reader=reader_of(request, services),
        view=view_of(request.url.query),
        volume=counted,
    )


OfOverview = Annotated[Asked, Depends(asked)]


def view_of(query: str) -> View:
    """The view of a query string, with what a form without script adds."""
    view = address.parse(query)
    parts = [part.partition("=") for part in view.ignored]
    sent = {key: value for key, _, value in parts if key in _FORM_FIELDS}
    if not sent:
        return view
    left = tuple(
        part for part, (key, _, _) in zip(view.ignored, parts, strict=True) if key not in _FORM_FIELDS
    )
    return _with_filter(_with_dates(replace(view, ignored=left), sent), sent)


_FORM_FIELDS: Final = frozenset({"from", "to", "dimension", "operator", "value"})


def _with_dates(view: View, sent: Mapping[str, str]) -> View:
    first, last = sorted((sent.get("from", ""), sent.get("to", "")))
    span = f"{first}..{last}"
    return replace(view, range=span) if address.is_range(span) else view


def _with_filter(view: View, sent: Mapping[str, str]) -> View:
    dimension, operator = sent.get("dimension", ""), sent.get("operator", "")
    if dimension not in address.DIMENSIONS or operator not in address.OPERATORS:
        return view
    if operator in address.BARE:
        return view.with_conditions([*view.conditions, Condition(dimension, operator)])
    value = sent.get("value", "").strip()
    if dimension == "country":
        value = value.upper()
    return view if not value else _joined(view, dimension, operator, value)


def _joined(view: View, dimension: str, operator: str, value: str) -> View:
    there = any(
        (c.dimension, c.operator) == (dimension, operator) and value in c.values for c in view.conditions
    )
    return view if there else view.toggled(dimension, value, operator=operator)


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
        filled = await while_asked(request, lambda caller: _filled(request, name, given, caller))
    except ClientGoneError:
        return Response(status_code=CLIENT_GONE)
    except Exception as error:  # noqa: BLE001 - a panel fails alone, whatever went wrong; `failure` logs it
        is_away = isinstance(error, WarehouseError) and not isinstance(error, TooMuch)
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
    """The panel's question, answered and written."""
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
