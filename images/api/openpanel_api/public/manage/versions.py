"""Two people who edit the same: `ETag` says which version an answer is, `If-Match` which one a change is meant for."""

import re
from typing import Annotated, Final

from fastapi import Depends, Header, Response

from openpanel_api.public.errors import BadRequest

_TAG: Final = re.compile(r'"([1-9][0-9]{0,8})"')


def _expected(
    if_match: Annotated[
        str,
        Header(
            description="The `ETag` that was read: the change is refused with 412 when there is another one since. "
            "Left out: whatever there is, is changed.",
            examples=['"3"'],
            max_length=100,
        ),
    ] = "",
) -> int | None:
    text = if_match.strip()
    if text in ("", "*"):
        return None
    match = _TAG.fullmatch(text)
    if match is None:
        raise BadRequest('if-match: expected the ETag of an earlier answer, such as "3"')
    return int(match[1])


Expected = Annotated[int | None, Depends(_expected)]


def tag(response: Response, version: int) -> None:
    """Say which version the answer is."""
    response.headers["ETag"] = f'"{version}"'
