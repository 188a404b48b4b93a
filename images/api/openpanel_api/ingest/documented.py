"""What the ingest routes take and give, as pydantic models: the source of their OpenAPI text.

The service never runs this: `app` answers the routes from the structs of `openpanel.wire`. A contract test feeds the
same cases to both, so that this text stays true.
"""

from typing import Annotated, Any, Literal

from fastapi import FastAPI, Header
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StrictBool, TypeAdapter
from pydantic.alias_generators import to_camel

from openpanel.identity.ids import DEVICE_REF_MAX
from openpanel.wire import limits
from openpanel.wire.checks import is_email, is_url
from openpanel.wire.names import fault_of

TITLE = "openpanel ingest API"
DESCRIPTION = (
    "Takes what SDKs send. Every accepted message of `/track` is answered with 200, `deviceId` and `sessionId`. "
    "A client is let in by the origin of the page, by its secret, or by a flag of its own. Bodies may be packed "
    "(`Content-Encoding` gzip, deflate, zstd or br) and sent as `text/plain`. A repeated `Idempotency-Key` counts once."
)


def _named(name: str) -> str:
    if fault := fault_of(name):
        raise ValueError(fault)
    return name


def _without_nul(value: Any) -> Any:
    if isinstance(value, str) and "\x00" in value:
        raise ValueError("text without NUL")
    return value


def _email(text: str) -> str:
    if text and not is_email(text):
        raise ValueError("an e-mail address")
    return text


def _url(text: str) -> str:
    if text and not is_url(text):
        raise ValueError("a URL")
    return text


class Model(BaseModel):
    """Unknown keys are ignored; names are camel case on the outside."""

    model_config = ConfigDict(alias_generator=to_camel, extra="ignore", strict=True)


IdText = Annotated[str, Field(min_length=1, max_length=limits.PROFILE_ID), AfterValidator(_without_nul)]
ProfileId = Annotated[
    IdText | int | float, Field(description="Text or number; 7 and 7.0 are the profile `7`.")
]
Properties = Annotated[dict[str, Any], Field(description="Anything JSON can say; nested keys become dotted.")]
PlainText = Annotated[str, Field(min_length=1), AfterValidator(_without_nul)]


class Identity(Model):
    """What is known about a person; empty text never overwrites what is known."""

    profile_id: ProfileId
    first_name: str | None = None
    last_name: str | None = None
    email: Annotated[str, AfterValidator(_email)] | None = None
    avatar: Annotated[str, AfterValidator(_url)] | None = None
    properties: Properties | None = None


class EventProperties(BaseModel):
    """Reserved properties; all others are kept as they are."""

    model_config = ConfigDict(extra="allow", strict=True)

    path: Any = Field(
        default=None, alias="__path", description="Address of the page, or the name of a screen."
    )
    title: Any = Field(default=None, alias="__title")
    referrer: Any = Field(default=None, alias="__referrer")
    timestamp: Any = Field(default=None, alias="__timestamp", description="When it happened, if not now.")
    device_id: Annotated[str, AfterValidator(_without_nul)] | None = Field(
        default=None,
        alias="__deviceId",
        description=f"A device of the client's own, {DEVICE_REF_MAX} characters.",
    )
    revenue: Any = Field(
        default=None, alias="__revenue", description="A whole number, for events named `revenue`."
    )
    identify: Identity | None = Field(default=None, alias="__identify")

    def model_post_init(self, _: Any) -> None:
        """Trimmed, a device id has its bound."""
        if self.device_id is not None and len(self.device_id.strip()) > DEVICE_REF_MAX:
            raise ValueError(f"at most {DEVICE_REF_MAX} characters")


class TrackPayload(Model):
    name: Annotated[str, Field(min_length=1, max_length=limits.EVENT_NAME), AfterValidator(_named)]
    properties: EventProperties | None = None
    profile_id: ProfileId | None = None
    groups: Annotated[list[str], Field(max_length=limits.GROUPS)] | None = None

    def model_post_init(self, _: Any) -> None:
        """The amount of a revenue is a whole number."""
        amount = self.properties.revenue if self.properties is not None and self.name == "revenue" else None
        whole = isinstance(amount, int | float) and not isinstance(amount, bool) and amount == int(amount)
        if amount is not None and not (whole and 0 <= amount <= limits.SAFE_INTEGER):
            raise ValueError("a non-negative integer")


class StepPayload(Model):
    profile_id: ProfileId
    property: PlainText = Field(description="Dotted path of the property.")
    value: Annotated[float, Field(gt=0, le=limits.SAFE_INTEGER)] | None = Field(
        default=None, description="1 if left out."
    )


class AliasPayload(Model):
    profile_id: ProfileId
    alias: ProfileId


class ReplayPayload(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)

    chunk_index: int = Field(ge=0, le=limits.CHUNK_INDEX)
    events_count: int = Field(ge=1, le=limits.EVENTS_OF_CHUNK)
    is_full_snapshot: StrictBool
    started_at: AwareDatetime
    ended_at: AwareDatetime
    payload: str = Field(max_length=limits.REPLAY_CHARACTERS)
    session_id: str | None = Field(default=None, alias="sessionId", max_length=limits.SESSION_REF)

    def model_post_init(self, _: Any) -> None:
        """The warehouse knows no times before 1970."""
        if not all(1970 <= moment.year < 2200 for moment in (self.started_at, self.ended_at)):
            raise ValueError("a time between 1970 and 2199")


class GroupPayload(Model):
    id: IdText
    type: PlainText
    name: PlainText
    properties: Properties | None = None


class AssignGroupPayload(Model):
    group_ids: list[IdText] = Field(min_length=1, max_length=limits.GROUPS)
    profile_id: ProfileId | None = None


class Message(Model):
    client_id: str | None = Field(
        default=None, description="Where the header `openpanel-client-id` is missing."
    )
    client_secret: str | None = Field(default=None, description="Where its header is missing; never kept.")
    message_id: str | None = Field(
        default=None, max_length=limits.IDEMPOTENCY_KEY, description="Counts once."
    )


class Track(Message):
    type: Literal["track"]
    payload: TrackPayload


class Identify(Message):
    type: Literal["identify"]
    payload: Identity


class Increment(Message):
    type: Literal["increment"]
    payload: StepPayload


class Decrement(Message):
    type: Literal["decrement"]
    payload: StepPayload


class Alias(Message):
    type: Literal["alias"]
    payload: AliasPayload


class Replay(Message):
    type: Literal["replay"]
    payload: ReplayPayload


class Group(Message):
    type: Literal["group"]
    payload: GroupPayload


class AssignGroup(Message):
    type: Literal["assign_group"]
    payload: AssignGroupPayload


AnyMessage = Annotated[
    Track | Identify | Increment | Decrement | Alias | Replay | Group | AssignGroup,
    Field(discriminator="type"),
]
MESSAGE: TypeAdapter[Any] = TypeAdapter(AnyMessage)


class Accepted(Model):
    device_id: str
    session_id: str


class Batch(BaseModel):
    messages: list[AnyMessage] = Field(max_length=limits.BATCH_MESSAGES)


class Result(Model):
    """One message of a batch: its ids, or its refusal."""

    index: int
    status: int
    device_id: str | None = None
    session_id: str | None = None
    error: str | None = None
    message: str | None = None


class BatchAnswer(BaseModel):
    accepted: int
    rejected: int
    results: list[Result]


class Error(BaseModel):
    """The shape of every error but the 401 of ingestion, which is plain text."""

    status: int
    error: str
    message: str


ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"model": Error, "description": "The body is wrong; the message names the path"},
    401: {"content": {"text/plain": {}}, "description": "Refused for good; the text says why"},
    413: {"model": Error, "description": "Too large"},
    415: {"model": Error, "description": "A form, or an unknown Content-Encoding"},
    429: {"model": Error, "description": "Too fast; see Retry-After"},
    503: {"model": Error, "description": "Nothing was kept; see Retry-After"},
}
_BOT: dict[int | str, dict[str, Any]] = {202: {"description": "A declared bot; only page views are counted"}}


def documented() -> dict[str, Any]:
    """The OpenAPI document of the ingest routes."""
    api = FastAPI(title=TITLE, description=DESCRIPTION, version="1.0.0")
    api.post("/track", responses=ERRORS | _BOT)(_track)
    api.post("/track/batch", responses=ERRORS)(_batch)
    document = api.openapi()
    for path in document["paths"].values():
        path["post"]["responses"].pop("422")  # a wrong body is 400 here
    return document


async def _track(
    message: AnyMessage,
    openpanel_client_id: Annotated[str | None, Header()] = None,
    openpanel_client_secret: Annotated[str | None, Header()] = None,
    idempotency_key: Annotated[str | None, Header()] = None,
) -> Accepted:
    """Keep one message."""
    raise NotImplementedError


async def _batch(
    batch: Batch,
    openpanel_client_id: Annotated[str | None, Header()] = None,
    openpanel_client_secret: Annotated[str | None, Header()] = None,
    idempotency_key: Annotated[str | None, Header()] = None,
) -> BatchAnswer:
    """Keep many messages; the good ones are kept even where others are refused."""
    raise NotImplementedError
