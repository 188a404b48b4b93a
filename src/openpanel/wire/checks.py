"""Rules for messages that a type cannot say. Each raises `Invalid` with the path of the wrong value.

Called once per message after decoding. A rule applies on every way in: the older routes and batches are turned
into the same structs first.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final, NoReturn
from urllib.parse import urlsplit

import msgspec

from openpanel.identity.ids import DEVICE_REF_MAX
from openpanel.wire import limits, messages, reserved
from openpanel.wire.messages import IdentifyPayload, Message, Properties, Track
from openpanel.wire.names import fault_of
from openpanel.wire.refusals import BodyTooLarge, Invalid, TooDeep, TooManyParts

# One @, no blanks, a dot in the host: what gets past is not always an address, what does not never is.
_EMAIL: Final = re.compile(r"[^@\s\x00]{1,64}@[^@\s\x00.]+(?:\.[^@\s\x00.]+)+")
_EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC)


def check(message: Message) -> None:
    """Raise `Invalid` for what no client may send."""
    if type(message) is Track:
        check_track(message)
    else:
        _OTHERS[type(message)](message.payload)


def refuse_too_much(body: bytes) -> None:
    """Refuse a body of many messages by what making objects of it would take: a small packed one may hold millions.

    Brackets within texts count, too; ten megabytes of recordings have some 300,000.
    """
    if len(body) > limits.BODY_BYTES:
        raise BodyTooLarge
    if body.count(b"{") + body.count(b"[") > limits.BODY_BRACKETS:
        raise TooManyParts


def check_depth(message: Message) -> None:
    """Raise `TooDeep` for properties nested further than allowed. Only asked of bodies with many brackets."""
    properties = getattr(message.payload, "properties", None)
    if properties:
        refuse_deep(properties, 3)


def check_track(message: Track) -> None:
    payload = message.payload
    if fault := fault_of(payload.name):
        raise Invalid(f"{fault} - at `$.payload.name`")
    if payload.profile_id is not None:
        _plain(payload.profile_id, "$.payload.profileId")
    if properties := payload.properties:
        _reserved(payload.name, properties)


def refuse_deep(value: dict[str, Any] | list[Any], level: int) -> None:
    """Refuse what is nested so deeply that readers elsewhere would run out of stack; `value` is on this level."""
    if level > limits.DEPTH:
        raise TooDeep
    for child in value.values() if type(value) is dict else value:
        if type(child) is dict or type(child) is list:
            refuse_deep(child, level + 1)


def _reserved(name: str, properties: Properties) -> None:
    if reserved.REVENUE in properties and name == reserved.REVENUE_EVENT:
        _revenue(properties[reserved.REVENUE])
    if reserved.DEVICE in properties:
        _device(properties[reserved.DEVICE])
    if reserved.IDENTIFY in properties:
        _inner_identify(properties[reserved.IDENTIFY])


def _revenue(value: object) -> None:
    # A float without a fraction is how some languages write a whole number; JavaScript cannot tell them apart.
    whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    if value is None or (whole and not isinstance(value, bool) and 0 <= value <= limits.SAFE_INTEGER):  # type: ignore[operator]  # a number by now
        return
    raise Invalid("Expected a non-negative integer - at `$.payload.properties.__revenue`")


def _device(value: object) -> None:
    path = f"$.payload.properties.{reserved.DEVICE}"
    if value is None:
        return
    if not isinstance(value, str):
        raise Invalid(f"Expected `str | null` - at `{path}`")
    if len(value.strip()) > DEVICE_REF_MAX:
        raise Invalid(f"Expected `str` of length <= {DEVICE_REF_MAX} - at `{path}`")
    _plain(value, path)


def _inner_identify(value: object) -> None:
    path = f"$.payload.properties.{reserved.IDENTIFY}"
    if value is None:
        return
    try:
        payload = msgspec.convert(value, IdentifyPayload)
    except msgspec.ValidationError as error:
        raise Invalid(_below(path, str(error))) from None
    _identify(payload, path)


def _below(path: str, text: str) -> str:
    """Put a path that starts at `$` where it really is."""
    return text.replace("`$", f"`{path}") if "`$" in text else f"{text} - at `{path}`"


def _identify(payload: IdentifyPayload, path: str = "$.payload") -> None:
    _plain(payload.profile_id, f"{path}.profileId")
    if payload.email and not is_email(payload.email):
        raise Invalid(f"Expected an e-mail address - at `{path}.email`")
    if payload.avatar and not is_url(payload.avatar):
        raise Invalid(f"Expected a URL - at `{path}.avatar`")


def _step(payload: messages.StepPayload) -> None:
    _plain(payload.profile_id, "$.payload.profileId")
    _plain(payload.property, "$.payload.property")


def _alias(payload: messages.AliasPayload) -> None:
    _plain(payload.profile_id, "$.payload.profileId")
    _plain(payload.alias, "$.payload.alias")


def _replay(payload: messages.ReplayPayload) -> None:
    for name, moment in (("started_at", payload.started_at), ("ended_at", payload.ended_at)):
        if not _EARLIEST <= moment < _LATEST:
            raise Invalid(f"Expected a time between 1970 and 2199 - at `$.payload.{name}`")


def _group(payload: messages.GroupPayload) -> None:
    _plain(payload.id, "$.payload.id")
    _plain(payload.type, "$.payload.type")
    _plain(payload.name, "$.payload.name")


def _assign_group(payload: messages.AssignGroupPayload) -> None:
    if payload.profile_id is not None:
        _plain(payload.profile_id, "$.payload.profileId")
    for place, group in enumerate(payload.group_ids):
        _plain(group, f"$.payload.groupIds[{place}]")


def _plain(value: str | float, path: str) -> None:
    """Ids become keys in stores that know no NUL."""
    if type(value) is str and "\x00" in value:
        _refuse_nul(path)


def _refuse_nul(path: str) -> NoReturn:
    raise Invalid(f"Expected text without NUL - at `{path}`")


def is_email(text: str) -> bool:
    """Whether this could be an e-mail address."""
    return _EMAIL.fullmatch(text) is not None


def is_url(text: str) -> bool:
    """Whether this is an address with a scheme."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return bool(parts.scheme and (parts.netloc or parts.path))


_OTHERS: Final[dict[type, Callable[[Any], None]]] = {
    messages.Identify: _identify,
    messages.Increment: _step,
    messages.Decrement: _step,
    messages.Alias: _alias,
    messages.Replay: _replay,
    messages.Group: _group,
    messages.AssignGroup: _assign_group,
}
