"""What a panel shows, as a file: the same question, with all of its rows, refused where it would be cut."""

from dataclasses import replace
from typing import Final, get_args

from fastapi import APIRouter, HTTPException, Request
from starlette.responses import Response

from openpanel.analytics.asking import Question
from openpanel.analytics.flights import Caller
from openpanel.analytics.limits import ROWS_ANSWERED, TooMuch
from openpanel.analytics.metrics import Metrics
from openpanel.analytics.series import Series
from openpanel_dashboard.components import Link
from openpanel_dashboard.fragments import CLIENT_GONE, ClientGoneError, T, failure, while_asked
from openpanel_dashboard.languages import Say
from openpanel_dashboard.pages.overview import addresses, files, rankings, tables, wording
from openpanel_dashboard.pages.overview.files import MEDIA_TYPES, Form, Origin
from openpanel_dashboard.pages.overview.routes import PANELS, Asked, OfOverview
from openpanel_dashboard.pages.overview.scope import Scope
from openpanel_dashboard.pages.overview.tables import Table
from openpanel_dashboard.refusals import Said, said

FORMS: Final[tuple[Form, ...]] = get_args(Form)
CANNOT: Final = 422  # what the address asks for does not go

router = APIRouter(prefix="/o/{org}/p/{project}")


@router.get("/overview/file/{name}.{form}")
async def file(request: Request, name: str, form: str, given: OfOverview) -> Response:
    """The file, or a page that says why there is none."""
    known: Form | None = next((one for one in FORMS if one == form), None)
    if name not in PANELS or known is None:
        raise HTTPException(status_code=404)
    try:
        scope, table = await while_asked(
            request, given.services.questions, lambda caller: _table(name, given, caller)
        )
    except ClientGoneError:
        return Response(status_code=CLIENT_GONE)
    except Exception as error:  # noqa: BLE001 - said on a page of its own, whatever went wrong; `failure` logs it
        return _refused(request, name, given, error)
    services, language = given.services, given.reader.language
    origin = Origin(
        scope, f"{services.dashboard_url}{addresses.alone(given.access.project, name, scope.view)}"
    )
    write = files.as_csv if known == "csv" else files.as_json
    return Response(
        write(table, origin, language),
        media_type=MEDIA_TYPES[known],
        headers={"Content-Disposition": f'attachment; filename="{files.file_name(table, scope, known)}"'},
    )


def _table(name: str, given: Asked, caller: Caller) -> tuple[Scope, Table]:
    """The panel's answer with all its rows, and what was asked. It waits for what a page could not wait for."""
    if given.volume is None:
        given = replace(given, volume=given.services.volumes.find(given.access.project))
    scope, language = given.scope, given.reader.language

    def ask(question: Question[T]) -> T:
        return given.services.answers.ask(question, former=scope.former_days, caller=caller).answer

    if name == "kpis":
        return scope, tables.of_figures(scope, ask(Metrics(scope.overview(compared=True))), language)
    if name == "chart":
        answer = ask(Series(scope.overview(compared=scope.draws_compared)))
        return scope, tables.of_series(scope, answer, language)
    card = wording.CARD_BY_NAME[name]
    return scope, tables.of_list(scope, card, ask(rankings.whole(scope, card)), language)


def _refused(request: Request, name: str, given: Asked, error: Exception) -> Response:
    say = given.reader.language.say
    page = addresses.alone(given.access.project, name, given.scope.view)
    back = Link(label=say("Back to the overview"), address=page)
    if isinstance(error, TooMuch) and error.limit is ROWS_ANSWERED:
        return said(request, _too_long(say, back, given), status=CANNOT)
    notice, status = failure(error, say)
    paragraphs = (notice.detail,) if notice.detail else ()
    message = Said(title=notice.text, paragraphs=paragraphs, action=back)
    return said(request, message, status=CANNOT if status == 200 else status)


def _too_long(say: Say, back: Link, given: Asked) -> Said:
    return Said(
        title=say("This list is too long for a file"),
        paragraphs=(
            say(
                "It has more than %(count)s rows. A shorter range or a filter makes it shorter.",
                count=given.reader.language.write.exact(rankings.MOST_ROWS),
            ),
        ),
        action=back,
    )
