"""The routes that take a body: who calls is looked at before anything of it is read, and it is bounded."""

from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from fastapi import Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from openpanel_api.public.access import Door
from openpanel_api.public.bodies import Body, check_length
from openpanel_api.public.services import Services


class Guarded(APIRoute):
    """A route whose body is read for those alone who may call. FastAPI reads and parses it before all dependencies."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        if self.body_field is None:
            return handle
        doors = tuple(_doors(self.dependant))

        async def guarded(request: Request) -> Response:
            services: Services = request.app.state.services
            check_length(request.headers)
            for door in doors:
                await door.open(request)
            body = Body(request.receive, seconds=services.body_seconds)
            return await handle(Request(request.scope, body.receive))

        return guarded


def _doors(dependant: Dependant) -> Iterator[Door]:
    """Those among the dependencies of a route, which let in whoever has credentials."""
    if isinstance(dependant.call, Door):
        yield dependant.call
    for each in dependant.dependencies:
        yield from _doors(each)
