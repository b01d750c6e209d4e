"""A fake engine, memory in place of the store, and requests driven into the ASGI app in process."""

from __future__ import annotations

import asyncio
import itertools
import json
import uuid
from collections.abc import Callable
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric import rsa

from hookflash.api.access import Access
from hookflash.api.asgi import AzureSurface, Bounds
from hookflash.api.ports import Resource
from hookflash.calls.commands import (
    AddParticipant,
    AnswerCall,
    CancelAddParticipant,
    Command,
    Connect,
    CreateCall,
    GetCall,
    GetParticipant,
    ListParticipants,
    MoveParticipants,
    MuteParticipants,
    RemoveParticipant,
    SendDtmf,
    Transfer,
    UnmuteParticipants,
)
from hookflash.config import DEVELOPMENT_ACCESS_KEY, DEVELOPMENT_RESOURCE_ID
from hookflash.identity import IdentityService
from hookflash.ports.journal import KeptAnswer
from hookflash.ports.outbox import SigningKey
from hookflash.wire.enums import CallConnectionState
from hookflash.wire.hmac import decode_key, sign
from hookflash.wire.identifiers import Identifier
from hookflash.wire.responses import (
    AddParticipantResponse,
    CallConnectionProperties,
    CallParticipant,
    CancelAddParticipantResponse,
    GetParticipantsResponse,
    MoveParticipantsResponse,
    OperationResponse,
)
from hookflash.wire.results import not_found

CONNECTION = "2c006980-8ef1-46c2-84fa-357fefac0893"
CORRELATION = "5683b58d-bb85-4073-ae9a-c03488d4291d"
INVITATION = "d0a3f609-8237-4b80-8e60-b854bca65bb4"
VERSION = "2026-03-12"
CALLER = Identifier.phone("+14255550123")
DEVELOPMENT = Resource("devresource", DEVELOPMENT_RESOURCE_ID, (DEVELOPMENT_ACCESS_KEY,))
NOON = 1_795_348_800.0
PRIVATE_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def properties() -> CallConnectionProperties:
    return CallConnectionProperties(
        call_connection_id=CONNECTION,
        call_connection_state=CallConnectionState.CONNECTED,
        callback_uri="https://app.example.org/cb",
        server_call_id="aHR0cHM6Ly9leGFtcGxl",
        targets=[Identifier.phone("+18005550100").to_model()],
        source=CALLER.to_model(),
        correlation_id=CORRELATION,
    )


class FakeEngine:
    """Answers with canned models and keeps the commands; ``trouble`` is raised instead, once."""

    def __init__(self) -> None:
        self.commands: list[Command] = []
        self.trouble: BaseException | None = None
        self.gate: asyncio.Event | None = None
        self.kept: list[KeptAnswer] = []
        self.undurable: BaseException | None = None
        self.people: list[CallParticipant] = []

    async def execute(self, command: Command, keep: Any = None) -> msgspec.Struct | None:
        self.commands.append(command)
        if self.gate is not None:
            await self.gate.wait()
        if self.trouble is not None:
            trouble, self.trouble = self.trouble, None
            raise trouble
        connection = getattr(command, "connection_id", CONNECTION)
        if connection != CONNECTION:
            raise not_found(f"There is no call connection {connection!r}.")
        response = self._respond(command)
        if keep is not None:
            self.kept.append(keep(response))
        if self.undurable is not None:
            raise self.undurable
        return response

    def correlation_of(self, resource: str, connection_id: str) -> str | None:
        return CORRELATION if (resource, connection_id) == (DEVELOPMENT.id, CONNECTION) else None

    def _respond(self, command: Command) -> msgspec.Struct | None:
        participant = CallParticipant(identifier=CALLER.to_model(), is_muted=False, is_on_hold=False)
        match command:
            case CreateCall() | AnswerCall() | GetCall():
                return properties()
            case ListParticipants():
                return GetParticipantsResponse(value=list(self.people or [participant]))
            case GetParticipant():
                return participant
            case Connect():
                return properties()
            case AddParticipant():
                context = command.request.operation_context
                return AddParticipantResponse(participant, INVITATION, context)
            case CancelAddParticipant():
                context = command.request.operation_context
                return CancelAddParticipantResponse(command.request.invitation_id, context)
            case MoveParticipants():
                context = command.request.operation_context
                return MoveParticipantsResponse([participant], command.request.from_call, context)
            case SendDtmf() | Transfer() | RemoveParticipant() | MuteParticipants() | UnmuteParticipants():
                return OperationResponse(operation_context=command.request.operation_context)
            case _:
                return None


class FixedClock:
    """Implements ``ports.clock.Clock`` as far as the edge uses it."""

    def __init__(self, wall: float = NOON) -> None:
        self.at = wall

    def now(self) -> float:
        return self.at - NOON

    def wall(self) -> float:
        return self.at

    def call_at(self, when: float, fn: Callable[[], None]) -> Any:
        raise NotImplementedError


class MemoryDocuments:
    """Implements ``ports.outbox.Documents``."""

    def __init__(self) -> None:
        self.spaces: dict[str, dict[str, bytes]] = {}

    async def documents(self, space: str) -> dict[str, bytes]:
        return dict(sorted(self.spaces.get(space, {}).items()))

    def put_document(self, space: str, key: str, body: bytes) -> asyncio.Future[None]:
        self.spaces.setdefault(space, {})[key] = body
        return _done()

    def delete_document(self, space: str, key: str) -> asyncio.Future[None]:
        self.spaces.get(space, {}).pop(key, None)
        return _done()


def _done() -> asyncio.Future[None]:
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    future.set_result(None)
    return future


class Keys:
    """Implements ``ports.outbox.KeyRing`` and ``api.ports.KeyDocuments``."""

    def __init__(self) -> None:
        self.keys = [SigningKey("kid-1", NOON, PRIVATE_KEY)]

    @property
    def current(self) -> SigningKey:
        return self.keys[0]

    def openid_configuration(self, base_url: str) -> dict[str, Any]:
        return {"issuer": "https://issuer.example.org", "jwks_uri": f"{base_url}/calling/keys"}

    def jwks(self) -> dict[str, Any]:
        return {"keys": [{"kid": key.kid} for key in self.keys]}


_numbers = itertools.count(1)


def identity_service(
    clock: Any, documents: MemoryDocuments | None = None, verify_teams: Any = None
) -> IdentityService:
    return IdentityService(
        documents or MemoryDocuments(),
        Keys(),
        new_user_id=lambda resource: f"8:acs:{resource}_{uuid.UUID(int=next(_numbers))}",
        wall=clock.wall,
        verify_teams=verify_teams,
    )


def surface(
    engine: FakeEngine,
    clock: Any,
    *,
    resources: tuple[Resource, ...] = (DEVELOPMENT,),
    access: Access | None = None,
    write_answer: Any = None,
    more: Any = (),
    identities: IdentityService | None = None,
    **bounds: Any,
) -> AzureSurface:
    return AzureSurface(
        engine=engine,
        identities=identities or identity_service(clock),
        key_documents=Keys(),
        access=access or Access(resources, public_hosts=("127.0.0.1:8080",)),
        clock=clock,
        public_url="http://127.0.0.1:8080",
        bounds=Bounds(**bounds),
        write_answer=write_answer,
        more=more,
    )


class Reply:
    """What an ASGI app answered; header names are lower case."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = b""
        self.finished = False

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        error: dict[str, Any] = self.json["error"]
        return error


class Client:
    """Signs requests as the Python SDK does and runs them through an ASGI app."""

    def __init__(self, app: Any, clock: Any, key: str = DEVELOPMENT_ACCESS_KEY) -> None:
        self.app = app
        self.clock = clock
        self.key = key

    async def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: dict[str, str | None] | None = None,
        chunks: list[bytes] | None = None,
        query: str = f"api-version={VERSION}",
        receive: Any = None,
    ) -> Reply:
        """``body`` bytes are sent as they are, anything else as JSON. A header of None is left out."""
        raw = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = b"".join(chunks) if chunks is not None else raw
        target = f"{path}?{query}" if query else path
        out: dict[str, str | None] = {"host": "127.0.0.1:8080"}
        signed = sign(method, target, "127.0.0.1:8080", sent, decode_key(self.key), self.clock.wall())
        out |= {name.lower(): value for name, value in signed.items()}
        if sent:
            out["content-type"] = "application/json"
            if chunks is None:
                out["content-length"] = str(len(sent))
        out |= {name.lower(): value for name, value in (headers or {}).items()}
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [
                (name.encode("latin-1"), value.encode("latin-1"))
                for name, value in out.items()
                if value is not None
            ],
        }
        messages = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks or [raw]]
        messages[-1]["more_body"] = False
        waiting = iter([*messages, {"type": "http.disconnect"}])

        async def receive_next() -> Any:
            return next(waiting)

        reply = Reply()

        async def take(message: Any) -> None:
            if message["type"] == "http.response.start":
                assert not reply.status, "two responses"
                reply.status = message["status"]
                reply.headers = {k.decode().lower(): v.decode() for k, v in message["headers"]}
            else:
                assert not reply.finished, "a body after the end"
                reply.body += message.get("body", b"")
                reply.finished = not message.get("more_body", False)

        await self.app(scope, receive or receive_next, take)
        return reply
