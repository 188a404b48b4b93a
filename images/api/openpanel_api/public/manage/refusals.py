"""Why something cannot be managed as asked, in the API's one shape of errors.

Turns what the metadata refuses into it: what somebody else has changed, what a manifest describes, what is there twice.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Final

from openpanel import metadata
from openpanel_api.public.errors import ApiError, BadRequest, NotFound

# Fields of a project as the metadata names them → where a manifest says them.
IN_MANIFEST: Final = {
    "name": "spec.displayName",
    "cors": "spec.domains",
    "timezone": "spec.timeZone",
    "retention": "spec.retention",
    "filters": "spec.filters",
    "allow_unsafe_revenue": "spec.privacy.allowUnsafeRevenue",
    "truncate_ip": "spec.privacy.truncateIp",
    "honour_dnt": "spec.privacy.honourDoNotTrack",
    "honour_gpc": "spec.privacy.honourGlobalPrivacyControl",
    "cookieless": "spec.privacy.cookieless",
}
INSTEAD: Final = "change it there and apply it (`kubectl apply`, or `openpanel apply` on one machine)"


class Conflict(ApiError):
    """It cannot be done to what is there."""

    status = HTTPStatus.CONFLICT


class ChangedMeanwhile(ApiError):
    """`If-Match` names a version that is not the present one."""

    status = HTTPStatus.PRECONDITION_FAILED


@contextmanager
def translated() -> Iterator[None]:
    """Turn what the metadata refuses into answers."""
    try:
        yield
    except metadata.Managed as error:
        raise Conflict(in_manifest(error)) from error
    except metadata.Stale as error:
        raise ChangedMeanwhile(
            f"Somebody has changed it meanwhile: it is version {error.version} now. Read it again, then change that",
            headers={"ETag": f'"{error.version}"'},
        ) from error
    except metadata.Full as error:
        raise Conflict(str(error)) from error
    except metadata.NotFound as error:
        raise NotFound(str(error)[:1].upper() + str(error)[1:]) from error
    except metadata.Conflict as error:
        raise Conflict("There is one like that already, or it was removed at the same moment") from error
    except metadata.Invalid as error:
        raise BadRequest("body: a text holds what cannot be kept, such as the character NUL") from error


def in_manifest(error: metadata.Managed) -> str:
    """What to do about something that a manifest describes."""
    what = error.subject[:1].upper() + error.subject[1:]
    places = ", ".join(IN_MANIFEST.get(name, name) for name in error.fields)
    return f"{what} comes from a manifest{f', which says {places}' if places else ''}: {INSTEAD}"
