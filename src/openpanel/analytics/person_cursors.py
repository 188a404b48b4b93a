"""A place in a list of people, as text that travels in an address and comes back."""

from dataclasses import dataclass
from typing import Final

from openpanel.analytics.cursor_names import read, written
from openpanel.identity.ids import from_hex, to_hex

_LATEST_MS: Final = (
    7_258_118_400_000  # the year 2200: no list is as of a later moment, and nobody did so much
)
_MIDDLE: Final = 2**63  # added to signed numbers, which have no hexadecimal form
_HEX: Final = 16


@dataclass(frozen=True, slots=True)
class PeopleCursor:
    """The place after a person: the moment the list is of, the value it is sorted by, and who has that value.

    `person` is 0 for a profile that was never seen.
    """

    as_of_ms: int
    value: int
    person: int
    profile_id: str

    def __str__(self) -> str:
        numbers = (self.as_of_ms, self.value + _MIDDLE, self.person)
        return f"{''.join(map(to_hex, numbers))}{written(self.profile_id)}"

    @classmethod
    def parse(cls, text: str) -> "PeopleCursor | None":
        """The cursor that `str` wrote, `None` for any other text."""
        as_of_ms, value, person = (from_hex(text[at : at + _HEX]) for at in (0, _HEX, 2 * _HEX))
        profile_id = read(text[3 * _HEX :])
        if as_of_ms is None or value is None or person is None or profile_id is None:
            return None
        if max(as_of_ms, value - _MIDDLE) > _LATEST_MS:
            return None
        return cls(as_of_ms, value - _MIDDLE, person, profile_id)
