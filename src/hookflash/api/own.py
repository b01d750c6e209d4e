"""Hookflash's own surface under /hookflash: health, operation, calls, subscriptions, phones, the journal.

Health, readiness and the validation URL are open to anybody. The rest asks for an access key as bearer token
(``Authorization: Bearer <access key>``), unless it was opened on purpose (dev mode). With a key,
subscriptions, the journal and credentials are those of its resource.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

import hookflash
from hookflash.api.operating import operating_routes
from hookflash.api.own_http import asker, document, json_answer, key_guard
from hookflash.api.ports import JournalReader, Readiness, Resource, Subscriptions
from hookflash.api.registrations import registration_routes
from hookflash.api.spending import spending_routes
from hookflash.api.stories import call_routes
from hookflash.api.virtual_phones import phone_routes
from hookflash.ports.calls import Calls
from hookflash.ports.operating import Operating
from hookflash.ports.registrations import Registrations
from hookflash.ports.spending import Spending
from hookflash.ports.virtual_phones import VirtualPhones
from hookflash.wire.catalogue import help_link
from hookflash.wire.results import Refusal, internal_error, not_found, wrong_resource

log = logging.getLogger("hookflash.api")

MAX_LINES = 10_000
"""Journal entries in one answer."""
MAX_BEFORE_OPENED = 100
"""Entries of a connection among which the one is that says whose it is: it is among the first."""


class Line(msgspec.Struct, omit_defaults=True):
    """One entry of the journal as shown; ``at`` is Unix time."""

    seq: int
    at: float
    kind: str
    name: str
    data: msgspec.Raw
    call: str = ""


class _Opened(msgspec.Struct):
    """What is looked at of the entry that says that a connection lives."""

    resource: str


class Page(msgspec.Struct, rename="camel", omit_defaults=True):
    """Entries in order; ``next`` is the ``after`` of the next page, absent on the last."""

    connection: str
    entries: list[Line]
    next: int | None = None


def own_surface(
    *,
    subscriptions: Subscriptions,
    journal: JournalReader,
    readiness: Readiness,
    resources: Iterable[Resource],
    open_to_all: bool,
    counts: Callable[[], Mapping[str, int]] = dict,
    credentials: Callable[[str | None], Sequence[msgspec.Struct]] = lambda asker: (),
    phones: VirtualPhones | None = None,
    operating: Operating | None = None,
    calls: Calls | None = None,
    spending: Spending | None = None,
    registrations: Registrations | None = None,
    more: Iterable[Route] = (),
) -> Starlette:
    """The ASGI app of the own surface.

    Args:
        subscriptions, journal, readiness: what it shows and changes.
        resources: whose access keys open it.
        open_to_all: no key is asked for.
        counts: how much of what is alive, by name.
        credentials: the access keys and tokens of a resource (None: of all), and when each was used; without
            their secrets.
        phones: the virtual phones; None when they are off.
        operating: media workers, metrics and draining; None where there is no such server behind it.
        calls: the calls and what happened in them; None as above.
        spending: what calls out have cost; None as above.
        registrations: which phones have registered; None as above.
        more: further routes (console), beside these.
    """
    guarded = key_guard(resources, open_to_all)

    async def health(request: Request) -> Response:
        return json_answer({"status": "alive", "version": hookflash.__version__})

    async def ready(request: Request) -> Response:
        problems = list(readiness.problems())
        if problems:
            return json_answer({"status": "not ready", "problems": problems}, 503)
        return json_answer({"status": "ready"})

    async def show_counts(request: Request) -> Response:
        return json_answer(counts())

    async def show_credentials(request: Request) -> Response:
        return json_answer({"value": credentials(asker(request))})

    async def list_subscriptions(request: Request) -> Response:
        return json_answer({"value": subscriptions.listed(asker(request))})

    async def put_subscription(request: Request) -> Response:
        return json_answer(await subscriptions.put(await document(request), asker(request)), 201)

    async def remove_subscription(request: Request) -> Response:
        name = request.path_params["name"]
        if not await subscriptions.remove(name, asker(request)):
            raise not_found(
                f"There is no subscription {name[:100]!r}; GET /hookflash/subscriptions lists them.",
                target="name",
            )
        return Response(status_code=204)

    async def confirm(request: Request) -> Response:
        name = subscriptions.confirm(request.query_params.get("code", ""))
        if name is None:
            raise not_found(
                "No subscription waits for this validation code; it may have been replaced. Add the "
                "subscription again, and use the code of the newest handshake.",
                target="code",
            )
        return PlainTextResponse(f"Subscription {name} is validated.\n")

    async def read_journal(request: Request) -> Response:
        connection = request.path_params["connection"]
        after = request.query_params.get("after", "0")
        if not (after.isascii() and after.isdigit() and len(after) < 19):
            raise Refusal(
                400,
                "BadRequest",
                f"after is {after[:40]!r}; give the next of the page before.",
                target="after",
            )
        await _check_owner(journal, connection, asker(request))
        lines = await journal.entries_of_connection(connection, int(after), MAX_LINES)
        if not lines and after == "0":
            raise _unknown(connection)
        shown = [
            Line(line.seq, line.entry.at, line.entry.kind, line.entry.name, msgspec.Raw(line.entry.data))
            for line in lines
        ]
        return json_answer(Page(connection, shown, shown[-1].seq if len(shown) == MAX_LINES else None))

    routes = [
        Route("/hookflash/health", health, methods=["GET"]),
        Route("/hookflash/ready", ready, methods=["GET"]),
        Route("/hookflash/counts", guarded(show_counts), methods=["GET"]),
        Route("/hookflash/credentials", guarded(show_credentials), methods=["GET"]),
        Route("/hookflash/subscriptions", guarded(list_subscriptions), methods=["GET"]),
        Route("/hookflash/subscriptions", guarded(put_subscription), methods=["POST"]),
        Route("/hookflash/subscriptions/validate", confirm, methods=["GET", "POST"]),
        Route("/hookflash/subscriptions/{name}", guarded(remove_subscription), methods=["DELETE"]),
        Route("/hookflash/journal/{connection}", guarded(read_journal), methods=["GET"]),
        *phone_routes(phones, guarded),
        *(operating_routes(operating, guarded) if operating is not None else ()),
        *(call_routes(calls, guarded) if calls is not None else ()),
        *(spending_routes(spending, guarded) if spending is not None else ()),
        *(registration_routes(registrations, guarded) if registrations is not None else ()),
        *more,
    ]
    handlers = {Refusal: _refused, 404: _lost, 405: _lost, Exception: _failed}
    return Starlette(routes=routes, exception_handlers=handlers)


async def _check_owner(journal: JournalReader, connection: str, asker: str | None) -> None:
    """Refuses to show a connection that is not known to be the asker's."""
    if asker is None:
        return
    for line in await journal.entries_of_connection(connection, 0, MAX_BEFORE_OPENED):
        if (line.entry.kind, line.entry.name) == ("connection", "opened"):
            owner = msgspec.json.decode(line.entry.data, type=_Opened).resource
            if owner.casefold() == asker.casefold():
                return
            raise wrong_resource(
                f"Connection {connection[:100]!r} belongs to another resource; use the key of that one.",
                target="connection",
            )
    raise _unknown(connection)


def _unknown(connection: str) -> Refusal:
    return not_found(
        f"The journal has nothing about connection {connection[:100]!r}: it never was, or its "
        "entries are older than what is kept. Take the callConnectionId from an answer or an event.",
        target="connection",
    )


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    headers = {"www-authenticate": "Bearer"} if error.status == 401 else {}
    link = help_link(error.code)
    if link is not None:
        headers["link"] = link
    return Response(error.body(), error.status, headers, "application/json; charset=utf-8")


async def _lost(request: Request, error: Exception) -> Response:
    status = int(getattr(error, "status_code", 404))
    headers = dict(getattr(error, "headers", None) or {})
    code, what = ("MethodNotAllowed", "does not take") if status == 405 else ("NotFound", "has nothing for")
    message = f"{request.url.path[:200]} {what} {request.method[:20]}; the documentation lists what is here."
    return Response(Refusal(status, code, message).body(), status, headers, "application/json; charset=utf-8")


async def _failed(request: Request, error: Exception) -> Response:
    fault = str(uuid.uuid4())
    about = {"fault": fault, "method": request.method[:20]}
    log.error(
        "%s %s failed, fault %s", request.method, request.url.path[:200], fault, exc_info=error, extra=about
    )
    return await _refused(
        request, internal_error(f"Hookflash failed; its log has the reason, fault {fault}.")
    )
