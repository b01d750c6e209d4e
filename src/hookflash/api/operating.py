"""Running a server, under /hookflash: media workers and legs, metrics, draining, bans.

Workers and metrics name no calls and are shown to every key; legs are those of the key's own calls. What
concerns everybody's calls (draining, lifting bans) takes a key of the first resource of the configuration.
"""

from __future__ import annotations

import math

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hookflash.api.own_http import Guard, asker, document, json_answer, whole_number
from hookflash.ports.operating import MAX_DRAIN, MAX_LEGS, LiftedView, Operating
from hookflash.wire.results import conflict, forbidden, invalid_argument, not_found

PAGE = 100
"""Legs of a page unless asked for otherwise."""
_MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class DrainDocument(msgspec.Struct, forbid_unknown_fields=True):
    """How to drain: calls go on for up to ``seconds``, those of ``server.drain_seconds`` when left out."""

    seconds: float | None = None


_decode = msgspec.json.Decoder(DrainDocument).decode


def operating_routes(operating: Operating, guarded: Guard) -> list[Route]:
    """The routes."""

    async def media(request: Request) -> Response:
        return json_answer(operating.media())

    async def speech(request: Request) -> Response:
        return json_answer(operating.speech())

    async def legs(request: Request) -> Response:
        after = whole_number(request, "after", 0, 0, 2**62)
        top = whole_number(request, "top", PAGE, 1, MAX_LEGS)
        worst = request.query_params.get("order", "leg")
        if worst not in ("leg", "mos"):
            raise invalid_argument(
                "order", f"expected leg or mos (the worst heard first), got {worst[:40]!r}."
            )
        return json_answer(operating.legs(asker(request), after, top, worst=worst == "mos"))

    async def metrics(request: Request) -> Response:
        return Response(operating.metrics(), media_type=_MEDIA_TYPE)

    async def drain(request: Request) -> Response:
        _may(operating, request)
        return json_answer(operating.drain(_seconds(await document(request))), 202)

    async def resume(request: Request) -> Response:
        _may(operating, request)
        if not operating.resume():
            raise conflict("The server is not being drained, or its calls are being ended already.")
        return Response(status_code=204)

    async def drain_worker(request: Request) -> Response:
        _may(operating, request)
        name = request.path_params["worker"]
        number = int(name) if name.isascii() and name.isdigit() and len(name) < 6 else -1
        view = operating.drain_worker(number)
        if view is None:
            raise not_found(
                f"There is no media worker {name[:40]!r} that could be drained; GET /hookflash/media lists "
                "them. One that is starting has no calls.",
                target="worker",
            )
        return json_answer(view, 202)

    async def bans(request: Request) -> Response:
        return json_answer(operating.bans())

    async def trunks(request: Request) -> Response:
        return json_answer(operating.trunks())

    async def lift(request: Request) -> Response:
        _may(operating, request)
        source = request.query_params.get("source")
        lifted = operating.lift_bans(source)
        if source is not None and not lifted:
            raise not_found(
                f"{source[:60]!r} is not banned; GET /hookflash/bans lists who is.", target="source"
            )
        return json_answer(LiftedView(lifted))

    return [
        Route("/hookflash/bans", guarded(bans), methods=["GET"]),
        Route("/hookflash/bans", guarded(lift), methods=["DELETE"]),
        Route("/hookflash/trunks", guarded(trunks), methods=["GET"]),
        Route("/hookflash/media", guarded(media), methods=["GET"]),
        Route("/hookflash/speech", guarded(speech), methods=["GET"]),
        Route("/hookflash/media/legs", guarded(legs), methods=["GET"]),
        Route("/hookflash/media/workers/{worker}:drain", guarded(drain_worker), methods=["POST"]),
        Route("/hookflash/metrics", guarded(metrics), methods=["GET"]),
        Route("/hookflash/drain", guarded(drain), methods=["POST"]),
        Route("/hookflash/drain", guarded(resume), methods=["DELETE"]),
    ]


def _may(operating: Operating, request: Request) -> None:
    if not operating.may_operate(asker(request)):
        raise forbidden(
            "This concerns the calls of every resource; use an access key of the first resource of the "
            "configuration.",
            target="Authorization",
        )


def _seconds(body: bytes) -> float | None:
    if not body.strip():
        return None
    try:
        seconds = _decode(body).seconds
    except msgspec.MsgspecError as error:
        raise invalid_argument("body", f"{error}; send nothing, or an object with seconds.") from None
    if seconds is not None and not (math.isfinite(seconds) and 0 <= seconds <= MAX_DRAIN):
        raise invalid_argument("seconds", f"expected a number from 0 to {MAX_DRAIN:.0f}, got {seconds!r}.")
    return seconds
