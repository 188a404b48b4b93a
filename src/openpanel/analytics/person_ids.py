"""Under which ids one person's events lie: the profile's own, those of its aliases, those of devices it was known on.

A person is what its id stands for after overrides, as everywhere: whoever asks for an alias or for a device that became
known asks for the person behind. Knows no store: SQL over a `Reading`.
"""

from collections.abc import Sequence
from typing import Final

from openpanel.analytics.reading import Reading
from openpanel.analytics.statements import KNOWN_PERSONS, fill
from openpanel.identity.ids import to_hex


def is_named(profile: str, person: str) -> str:
    """The condition that a column of profile ids names somebody: a device describes itself by its own form."""
    return f"{profile} != leftPad(lower(hex({person})), 16, '0')"


def id_of(person: int, *, profile_id: str = "", device: int = 0) -> str:
    """What a person is asked for by: its profile's id, or one of its devices where there is no profile."""
    return profile_id or to_hex(device or person)


def is_one_of(column: str, persons: Sequence[int], reading: Reading) -> str:
    """The condition that a column of ids names one of these persons, or an id that stands for one of them."""
    given = reading.value("Array(UInt64)", list(persons))
    return fill(_IS_ONE_OF, column=column, persons=given, known=KNOWN_PERSONS)


# Those that stand for the person, and the person itself unless it stands for somebody else.
_IS_ONE_OF: Final = """\
<<column>> GLOBAL IN
    (
        WITH
            known AS
            (
<<known>>
            ),
            wanted AS
            (
                SELECT if(known.target = 0, given.person, known.target) AS person
                FROM (SELECT arrayJoin(<<persons>>) AS person) AS given
                GLOBAL ANY LEFT JOIN known ON given.person = known.person
            )
        SELECT person FROM known WHERE target GLOBAL IN (SELECT person FROM wanted)
        UNION ALL
        SELECT person FROM wanted WHERE person GLOBAL NOT IN (SELECT person FROM known)
    )"""
