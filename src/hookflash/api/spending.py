"""What calls out have cost, under /hookflash/spending."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hookflash.api.own_http import Guard, asker, json_answer
from hookflash.ports.spending import Spending


def spending_routes(spending: Spending, guarded: Guard) -> list[Route]:
    """The route."""

    async def show(request: Request) -> Response:
        return json_answer(spending.accounts(asker(request)))

    return [Route("/hookflash/spending", guarded(show), methods=["GET"])]
