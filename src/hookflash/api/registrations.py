"""Who has registered, under /hookflash/registrations."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hookflash.api.own_http import Guard, asker, json_answer, whole_number
from hookflash.ports.registrations import MAX_REGISTRATIONS, Registrations

PAGE = 100
"""User names of a page unless asked for otherwise."""


def registration_routes(registrations: Registrations, guarded: Guard) -> list[Route]:
    """The route."""

    async def show(request: Request) -> Response:
        after = request.query_params.get("after", "")
        top = whole_number(request, "top", PAGE, 1, MAX_REGISTRATIONS)
        return json_answer(registrations.page(asker(request), after, top))

    return [Route("/hookflash/registrations", guarded(show), methods=["GET"])]
