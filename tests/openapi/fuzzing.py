"""Requests of every operation in the OpenAPI document, well-formed and not, against a real server.

Schemathesis makes them of the document; what is added here is what it cannot know: signatures, the ids of
calls that are up, and addresses that lead nowhere but to this machine.
"""

from __future__ import annotations

import contextlib
import json
import queue
import random
import re
import threading
import time
import urllib.parse
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.specs.openapi import checks
from system.harness import ACCESS_KEY, NUMBER, Server, Webhook

from hookflash.wire import catalogue
from hookflash.wire.hmac import decode_key, sign

PHONE = "+14255550123"
VERSION = "2026-03-12"
_IDS = {"callConnectionId", "recordingId", "invitationId", "serverCallId", "fromCall", "id"}
"""Names of ids that answers give and requests take."""
_KEY = decode_key(ACCESS_KEY)
_URL = re.compile(r"^(https?|wss?)://", re.IGNORECASE)
_CHECKS = [
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
]
NOT_READY = ("GET", "/hookflash/ready")
"""The one operation whose 503 is an answer like any other."""

ENDS_IT = {("POST", "/hookflash/drain"), ("POST", "/hookflash/media/workers/{worker}:drain")}
"""What takes the server, or its one worker, out of service: nothing could be asked of it afterwards."""


class Signing(requests.auth.AuthBase):
    """Signs for the Azure surfaces, shows the key to the own one."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        parts = urllib.parse.urlsplit(request.url or "")
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        if parts.path.startswith("/hookflash"):
            request.headers["Authorization"] = f"Bearer {ACCESS_KEY}"
            return request
        body = request.body or b""
        data = body.encode() if isinstance(body, str) else bytes(body)
        request.headers.update(sign(request.method or "", target, parts.netloc, data, _KEY, time.time()))
        return request


class Sink:
    """An HTTP server that takes whatever the server under test sends, and says 200."""

    def __init__(self) -> None:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_GET = do_OPTIONS = do_POST

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = f"127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class World:
    """A server with calls that are up, and what was asked of it so far.

    ``seed`` decides which requests get the id of a live call, a participant that is there, and so on.
    """

    def __init__(self, server: Server, webhook: Webhook, sink: Sink, seed: int = 7) -> None:
        self.server = server
        self.webhook = webhook
        self.sink = sink
        self.session = requests.Session()
        self.session.auth = Signing()
        self.session.trust_env = False
        self.random = random.Random(seed)
        self.statuses: Counter[int] = Counter()
        self.reached: set[tuple[str, int]] = set()
        self._calls: list[str] = []
        self._known: dict[str, list[str]] = {}
        self._uses = 0
        self.document: dict[str, Any] = self.session.get(f"{server.url}/hookflash/openapi.json").json()
        self.schema = schemathesis.openapi.from_dict(self.document)

    @property
    def requests(self) -> int:
        """How many were sent."""
        return sum(self.statuses.values())

    def call(self) -> str:
        """The connection of a call to a phone; a new one now and then, because requests end calls."""
        if not self._calls or self._uses > 40:
            self._uses = 0
            self._calls = [self._new_call(), *self._calls[:2]]
        self._uses += 1
        return self.random.choice(self._calls)

    def _new_call(self) -> str:
        url = self.server.url
        self.session.put(f"{url}/hookflash/phones/fuzz", json={"identity": PHONE})
        body = {
            "targets": [{"phoneNumber": {"value": PHONE}}],
            "sourceCallerIdNumber": {"value": NUMBER},
            "callbackUri": f"http://{self.sink.address}/callbacks",
        }
        answer = self.session.post(f"{url}/calling/callConnections?api-version={VERSION}", json=body)
        assert answer.status_code == 201, answer.text
        made: str = answer.json()["callConnectionId"]
        for _ in range(20):
            # Up or not, both are worth a request; most are up.
            properties = self.session.get(
                f"{url}/calling/callConnections/{made}?api-version={VERSION}"
            ).json()
            if properties.get("callConnectionState") == "connected":
                self._learn(properties)
                break
            self.session.get(f"{url}/hookflash/phones/fuzz/calls/last?state=up&timeoutMs=100")
        return made

    def _context(self) -> str | None:
        """The context of a call that rings, from a phone of ours."""
        phone = f"{self.server.url}/hookflash/phones/caller"
        # A phone that is made anew has no calls left that ring.
        self.session.delete(phone)
        self.session.put(phone, json={"identity": "+14255550177"})
        made = self.session.post(f"{phone}/call", json={"to": NUMBER})
        if made.status_code != 202:
            return None
        try:
            found: str = self.webhook.incoming.get(timeout=2)["incomingCallContext"]
        except queue.Empty:
            return None  # a subscription was removed, or replaced by one that leads elsewhere
        return found

    def _learn(self, answer: Any) -> None:
        """Remember the ids in an answer, to ask about them."""
        for name in _IDS & set(answer if isinstance(answer, dict) else ()):
            if isinstance(answer[name], str):
                self._known[name] = [*self._known.get(name, [])[-4:], answer[name]]

    def prepare(self, case: Case, good: bool) -> None:
        """Make a case reach further in, most of the time; and never beyond this machine."""
        luck = self.random.random()
        if "api-version" in str(case.operation.definition.raw.get("parameters")) and luck < 0.85:
            versions = self.document["paths"][case.path][case.method.lower()]["parameters"]
            known = next(one for one in versions if one.get("name") == "api-version")["schema"]["enum"]
            if not case.query or case.query.get("api-version") not in known or luck < 0.5:
                case.query = {**(case.query or {}), "api-version": known[-1]}
        luck = self.random.random()
        if good and isinstance(case.body, dict) and luck < 0.6:
            case.body = {**case.body, **self._example(case)}
        luck = self.random.random()
        if "callConnectionId" in case.path_parameters and luck < 0.8:
            case.path_parameters["callConnectionId"] = self.call()
        for name in _IDS & set(case.path_parameters) - {"callConnectionId"}:
            if self._known.get(name) and luck < 0.8:
                case.path_parameters[name] = self.random.choice(self._known[name])
        if "participantRawId" in case.path_parameters and luck < 0.5:
            case.path_parameters["participantRawId"] = f"4:{PHONE}"
        if case.path_parameters.get("id") and case.path.startswith("/hookflash/phones") and luck < 0.8:
            case.path_parameters["id"] = "fuzz"
            self.session.put(f"{self.server.url}/hookflash/phones/fuzz", json={"identity": PHONE})
        if case.path.endswith("/calls/{call}"):
            patience = (case.query or {}).get("timeoutMs", 50)
            case.query = {
                **(case.query or {}),
                "timeoutMs": 50 if patience in range(50, 60_001) else patience,
            }
        case.body = self._local(case.body)
        if isinstance(case.body, dict) and "incomingCallContext" in case.body and luck < 0.5:
            case.body["incomingCallContext"] = self._context() or ""
        if case.headers and "Repeatability-Request-ID" in case.headers and luck < 0.6:
            now = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime())
            case.headers["Repeatability-First-Sent"] = now

    def _example(self, case: Case) -> dict[str, Any]:
        body = case.operation.definition.raw.get("requestBody", {})
        name = body["content"]["application/json"]["schema"].get("$ref", "").rpartition("/")[2]
        found: dict[str, Any] = self.document["components"]["schemas"].get(name, {}).get("examples", [{}])[0]
        return found

    def _local(self, value: Any, name: str = "") -> Any:
        if isinstance(value, dict):
            someone = name.endswith(
                ("articipant", "target", "participantToAdd", "participantToRemove", "playTo")
            )
            if someone and self.random.random() < 0.6:
                return {"phoneNumber": {"value": PHONE}}
            return {key: self._local(one, key) for key, one in value.items()}
        if isinstance(value, list):
            return [self._local(one, name) for one in value]
        if not isinstance(value, str):
            return value
        if name in self._known and self.random.random() < 0.6:
            return self.random.choice(self._known[name])
        if _URL.match(value) or name.endswith(("Uri", "uri", "Url", "endpoint")):
            if name == "transportUrl":
                return f"ws://{self.sink.address}/socket"
            return f"http://{self.sink.address}/callbacks" if self.random.random() < 0.9 else ""
        return value

    def send(self, case: Case, good: bool) -> None:
        """Send a case, ``good`` or meant to be wrong; hold the answer against document and catalogue."""
        self.prepare(case, good)
        answer = case.call(base_url=self.server.url, session=self.session, timeout=30)
        status = answer.status_code
        self.statuses[status] += 1
        self.reached.add((case.operation.label, status))
        what = f"{case.method} {case.formatted_path} {case.body!r:.500}: {status} {answer.text:.500}"
        if status >= 500 and (case.method, case.path) != NOT_READY:
            raise AssertionError(f"{what}\nlog: {self.server.log.read_text()[-3000:]}")
        if status >= 400 and (case.method, case.path) != NOT_READY:
            error = json.loads(answer.text)["error"]
            row = catalogue.find(error["code"])
            assert row is not None, what
            assert status in row.answers, what
            assert error["message"], what
            assert "Traceback" not in answer.text, what
            assert "link" in answer.headers, what
        elif answer.text.startswith("{"):
            self._learn(answer.json())
        if status in (400, 404) and case.path_parameters.get("callConnectionId") in self._calls:
            error = answer.json()["error"]
            if error["code"] in ("8528", "8522") and not error["message"].startswith("Participant"):
                self._calls.remove(case.path_parameters["callConnectionId"])
        case.validate_response(answer, checks=_CHECKS)

    def fuzz(self, total: int) -> None:
        """Send ``total`` requests, about as many of each operation, half of them meant to be wrong."""
        every = [result.ok() for result in self.schema.get_all_operations()]
        operations = [one for one in every if (one.method.upper(), one.path) not in ENDS_IT]
        assert len(every) - len(operations) == len(ENDS_IT)
        turn = 0
        while self.requests < total:
            turn += 1
            before = self.requests
            each = max(1, (total - self.requests) // (2 * len(operations)))
            for operation in operations:
                for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
                    if self.requests < total:
                        self._some(operation, mode, each, turn)
            assert self.requests > before, "no more requests can be made of the document"

    def _some(self, operation: Any, mode: GenerationMode, count: int, turn: int) -> None:
        @settings(
            max_examples=count,
            database=None,
            deadline=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def run(case: Case) -> None:
            self.send(case, mode is GenerationMode.POSITIVE)

        # What is generated follows from the name.
        run.__name__ = run.__qualname__ = f"{operation.label} {mode.value} {turn}"
        with contextlib.suppress(Unsatisfiable):  # nothing about it can be wrong, or right, in that way
            run()
