"""Questions about erasures of persons: who asked for whom, how far it is, and whose events are not taken any more.

Who it was is told by the profile's or device's own id only until the erasure is done; then by numbers, which are
hashes, and these go, too, once nothing can come in any more (`forget_numbers`). The receipt stays.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, cast
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from openpanel.identity.ids import from_hex, to_hex
from openpanel.metadata import announcements
from openpanel.metadata import records as answers
from openpanel.metadata.database import Database
from openpanel.metadata.errors import NotFound
from openpanel.metadata.models import PersonErasure, Project
from openpanel.metadata.numbers import number
from openpanel.metadata.records import ErasureState, ForgottenPerson

# By then everybody has heard of it, also whoever keeps settings for some seconds: what is received later was never
# mixed with what is erased.
HEARD_AFTER: Final = timedelta(seconds=10)
KEPT_OUT: Final = timedelta(days=30)  # how long messages of before may still come in, from a spool perhaps
MOST_LISTED: Final = 1_000

_OPEN: Final = ("asked", "running")


def ask(
    database: Database,
    *,
    erasure: str,
    project: str,
    person: int,
    also: Iterable[int] = (),
    profile_id: str | None = None,
    device_id: str | None = None,
    by: str,
) -> answers.PersonErasure:
    """Ask for the person to be erased, and `also` what else its id may stand for.

    One that was asked for and is not done yet is answered instead of a second one of the same person.
    """
    with database.session() as session:
        if session.get(Project, project, with_for_update=True) is None:
            raise NotFound(f"there is no project {project}")
        same = select(PersonErasure).where(
            PersonErasure.project_id == project,
            PersonErasure.person == to_hex(person),
            PersonErasure.state.in_(_OPEN),
        )
        if (row := session.scalar(same.limit(1))) is None:
            now = _now(session)
            row = PersonErasure(
                id=UUID(erasure), project_id=project, profile_id=profile_id, device_id=device_id,
                person=to_hex(person), persons=sorted({to_hex(each) for each in (person, *also)}),
                names=[] if profile_id is None else [profile_id],
                until_ms=_ms(now + HEARD_AFTER), asked_at=now, asked_by=by, state="asked", looks=1,
                reason="", finished_at=None, receipt={},
            )  # fmt: skip
            session.add(row)
            announcements.project(session, project)
        return _record(row)


def load(database: Database, *, project: str, erasure: str) -> answers.PersonErasure | None:
    """The erasure of that id."""
    key = number(erasure)
    with database.session() as session:
        row = session.get(PersonErasure, key) if key else None
        return _record(row) if row is not None and row.project_id == project else None


def listed(
    database: Database, *, project: str, limit: int = MOST_LISTED
) -> tuple[answers.PersonErasure, ...]:
    """The latest erasures of a project, the newest first."""
    query = (
        select(PersonErasure)
        .where(PersonErasure.project_id == project)
        .order_by(PersonErasure.asked_at.desc(), PersonErasure.id)
        .limit(limit)
    )
    with database.session() as session:
        return tuple(_record(row) for row in session.scalars(query))


def waiting(database: Database) -> tuple[tuple[str, str], ...]:
    """Project and id of each erasure that is not done yet, the oldest first."""
    query = (
        select(PersonErasure.project_id, PersonErasure.id)
        .where(PersonErasure.state.in_(_OPEN))
        .order_by(PersonErasure.asked_at)
    )
    with database.session() as session:
        return tuple((row.project_id, str(row.id)) for row in session.execute(query))


def forgotten(database: Database, *, projects: Collection[str]) -> dict[str, tuple[ForgottenPerson, ...]]:
    """Whose events are not taken any more, by project; a project without any is left out."""
    with database.session() as session:
        return forgotten_within(session, projects=projects)


def forgotten_within(
    session: Session, *, projects: Collection[str]
) -> dict[str, tuple[ForgottenPerson, ...]]:
    """The same in the transaction of the caller."""
    query = (
        select(PersonErasure.project_id, PersonErasure.id, PersonErasure.persons, PersonErasure.until_ms)
        .where(PersonErasure.project_id.in_(list(projects)), PersonErasure.asked_at > func.now() - KEPT_OUT)
        .order_by(PersonErasure.asked_at)
    )
    found: dict[str, list[ForgottenPerson]] = {}
    for row in session.execute(query):
        person = ForgottenPerson(str(row.id), _numbers(row.persons), row.until_ms)
        found.setdefault(row.project_id, []).append(person)
    return {project: tuple(persons) for project, persons in found.items()}


def begin(database: Database, *, project: str, erasure: str) -> answers.PersonErasure | None:
    """Begin, or begin again after a crash; None when there is nothing left to do."""
    with database.session() as session:
        row = _open(session, project, erasure)
        if row is None:
            return None
        row.state = "running"
        return _record(row)


def found(
    database: Database, *, project: str, erasure: str, persons: Iterable[int], names: Iterable[str]
) -> None:
    """Note under which numbers and ids the person is stored, before anything of it is deleted."""
    with database.session() as session:
        row = _open(session, project, erasure)
        if row is not None:
            _add(session, row, persons)
            row.names = sorted({*row.names, *names})


def finish(database: Database, *, project: str, erasure: str, looks: int, receipt: Mapping[str, Any]) -> bool:
    """Note what was removed. It is done unless it was to be looked once more than `looks` times meanwhile."""
    with database.session() as session:
        row = _open(session, project, erasure)
        if row is None:
            return True
        row.receipt = dict(receipt)
        if row.looks != looks:
            row.state = "asked"
            return False
        row.state, row.finished_at = "done", _now(session)
        row.profile_id = row.device_id = None
        row.names = []
        return True


def fail(database: Database, *, project: str, erasure: str, reason: str) -> None:
    """Note that it cannot be done, and why."""
    with database.session() as session:
        row = _open(session, project, erasure)
        if row is not None:
            row.state, row.reason, row.finished_at = "failed", reason, _now(session)


def look_again(
    database: Database, *, erasure: str, persons: Iterable[int] = (), names: Iterable[str] = ()
) -> None:
    """Something of the person may have come in since, perhaps under further numbers or ids."""
    with database.session() as session:
        row = session.get(PersonErasure, UUID(erasure), with_for_update=True)
        if row is None or row.state == "failed":
            return
        _add(session, row, persons)
        row.names = sorted({*row.names, *names})
        row.looks += 1
        if row.state == "done":
            row.state = "asked"


def forget_numbers(database: Database) -> None:
    """Keep of old erasures the receipt alone: nothing of before comes in any more."""
    with database.session() as session:
        session.execute(
            update(PersonErasure)
            .where(
                PersonErasure.state == "done",
                PersonErasure.asked_at <= func.now() - KEPT_OUT,
                PersonErasure.person != "",
            )
            .values(person="", persons=[])
        )


def _open(session: Session, project: str, erasure: str) -> PersonErasure | None:
    row = session.get(PersonErasure, UUID(erasure), with_for_update=True)
    return row if row is not None and row.project_id == project and row.state in _OPEN else None


def _add(session: Session, row: PersonErasure, persons: Iterable[int]) -> None:
    """Further numbers are news for whoever takes messages."""
    known = {*row.persons, *map(to_hex, persons)}
    if len(known) > len(row.persons):
        row.persons = sorted(known)
        announcements.project(session, row.project_id)


def _now(session: Session) -> datetime:
    """By the database's clock, which all who ask share."""
    return session.scalars(select(func.now())).one()


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1_000)


def _numbers(texts: Iterable[str]) -> tuple[int, ...]:
    return tuple(found for each in texts if (found := from_hex(each)) is not None)


def _record(row: PersonErasure) -> answers.PersonErasure:
    return answers.PersonErasure(
        id=str(row.id),
        project=row.project_id,
        profile_id=row.profile_id,
        device_id=row.device_id,
        person=from_hex(row.person) or 0,
        persons=_numbers(row.persons),
        names=tuple(row.names),
        until_ms=row.until_ms,
        asked_at=row.asked_at,
        asked_by=row.asked_by,
        state=cast("ErasureState", row.state),
        looks=row.looks,
        reason=row.reason,
        finished_at=row.finished_at,
        receipt=row.receipt,
    )
