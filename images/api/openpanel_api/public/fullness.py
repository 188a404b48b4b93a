"""What an answer is not: all there is, exact, of everything. It is told beside the answer, in headers, and said nowhere if it is.

OpenPanel-More: true            there are more rows than these
OpenPanel-Approximate: true     counted of summaries, within some percent
OpenPanel-Newest: 500000        of so many newest events, not of all
"""

from collections.abc import Iterable
from typing import Any, Final

MORE: Final = "OpenPanel-More"
APPROXIMATE: Final = "OpenPanel-Approximate"
NEWEST: Final = "OpenPanel-Newest"
HEADERS: Final = {
    MORE: "`true` where there are more rows than were asked for.",
    APPROXIMATE: "`true` where numbers were counted of summaries, and may be off by some percent.",
    NEWEST: "Where not all events were looked at: how many of the newest were.",
}


def fullness(answers: Iterable[Any]) -> dict[str, str]:
    """The headers that answers of questions need; none for what is whole and exact."""
    headers: dict[str, str] = {}
    for answer in answers:
        if getattr(answer, "more", False):
            headers[MORE] = "true"
        if getattr(answer, "approximate", False):
            headers[APPROXIMATE] = "true"
        if (newest := getattr(answer, "newest", None)) is not None:
            headers[NEWEST] = str(newest)
    return headers
