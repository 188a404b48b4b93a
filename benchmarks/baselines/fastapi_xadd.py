"""What most people write: FastAPI, a pydantic model, and one XADD per event. No ids, no session, no batching."""

import os
from typing import Any

import redis.asyncio
from fastapi import FastAPI, Header
from pydantic import BaseModel, Field


class Payload(BaseModel):
    name: str = Field(min_length=1, max_length=80)
    properties: dict[str, Any] = {}
    profileId: str | None = None  # noqa: N815 (the wire's name)


class Track(BaseModel):
    type: str
    payload: Payload


app = FastAPI()
store = redis.asyncio.from_url(os.environ["OPENPANEL_REDIS_URL"])


@app.post("/track")
async def track(body: Track, openpanel_client_id: str = Header()) -> dict[str, str]:
    await store.xadd("baseline", {"client": openpanel_client_id, "body": body.model_dump_json()})
    return {"deviceId": "0" * 16, "sessionId": "0" * 16}
