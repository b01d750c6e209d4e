"""Calls with all that happened in them, under /hookflash/calls: those that are up and the lately ended."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hookflash.api.own_http import Guard, asker, json_answer, whole_number
from hookflash.ports.calls import MAX_CALLS, Ambiguous, Calls
from hookflash.wire.results import conflict, not_found

PAGE = 100
"""Calls of a page unless asked for otherwise."""
_SHOWN = 100


def call_routes(calls: Calls, guarded: Guard) -> list[Route]:
    """The routes."""

    async def listed(request: Request) -> Response:
        after = whole_number(request, "after", 0, 0, 2**62)
        top = whole_number(request, "top", PAGE, 1, MAX_CALLS)
        return json_answer(calls.listed(asker(request), after or None, top))

    async def story(request: Request) -> Response:
        text = request.path_params["id"]
        try:
            found = calls.story(asker(request), text)
        except Ambiguous as error:
            raise conflict(
                f"{text[:_SHOWN]!r} may mean several calls: {', '.join(error.found)}; give more of the id.",
                target="id",
            ) from None
        if found is None:
            raise not_found(
                f"No call is known by {text[:_SHOWN]!r}: there never was one, it ended too long ago, or it "
                "is another resource's. Give a callConnectionId (or its first characters, four at least), a "
                "serverCallId or a correlationId; GET /hookflash/calls lists what is known, "
                "GET /hookflash/journal/{callConnectionId} goes further back.",
                target="id",
            )
        return json_answer(found)

    return [
        Route("/hookflash/calls", guarded(listed), methods=["GET"]),
        Route("/hookflash/calls/{id}", guarded(story), methods=["GET"]),
        # A serverCallId is base64 and may have a slash in it.
        Route("/hookflash/calls/{id:path}", guarded(story), methods=["GET"]),
    ]
