"""From method and path to operation: one dict, after the ids have been cut out of the path.

Ids sit at fixed places, so no pattern is ever matched. A verb follows the last colon of a segment where the
contract has verbs; elsewhere a colon belongs to the id (``participants/8:acs:...`` may come un-encoded).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import unquote_to_bytes

from hookflash.api.exchange import Operation
from hookflash.wire.results import Refusal

MAX_PATH = 4096
"""Longest path in bytes."""
MAX_ID = 512
"""Longest id in a path, in characters, once it is decoded."""

Ids = tuple[str, ...]

_COLLECTIONS = frozenset({"callConnections", "recordings"})
_ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}")
_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ufeff\u2028\u2029]")


def locate(path: str) -> tuple[str, Ids]:
    """The template of a raw (still encoded) path and its decoded ids.

    ``/calling/callConnections/c-1:play`` gives ``/calling/callConnections/{}:play`` and ``("c-1",)``.
    """
    parts = path.split("/")
    count = len(parts)
    if count < 3:
        return path, ()
    root, collection = parts[1], parts[2]
    if root == "calling" and collection in _COLLECTIONS:
        if count == 4:
            name, colon, verb = parts[3].rpartition(":")
            if colon:
                return f"/calling/{collection}/{{}}:{verb}", (_decoded(name),)
            return f"/calling/{collection}/{{}}", (_decoded(verb),)
        if count == 5:
            return f"/calling/{collection}/{{}}/{parts[4]}", (_decoded(parts[3]),)
        if count == 6:
            name, colon, verb = parts[5].rpartition(":")
            if colon and parts[4] == "dialogs":
                return f"/calling/{collection}/{{}}/dialogs/{{}}:{verb}", (_decoded(parts[3]), _decoded(name))
            return f"/calling/{collection}/{{}}/{parts[4]}/{{}}", (_decoded(parts[3]), _decoded(parts[5]))
    elif root == "identities" or (root == "phoneNumbers" and collection != "operations"):
        if count == 3:
            return f"/{root}/{{}}", (_decoded(collection),)
        if count == 4:
            return f"/{root}/{{}}/{parts[3]}", (_decoded(collection),)
    elif root in ("availablePhoneNumbers", "phoneNumbers"):
        if count == 4:
            return f"/{root}/{collection}/{{}}", (_decoded(parts[3]),)
        if count == 5:
            return f"/{root}/{collection}/{{}}/{parts[4]}", (_decoded(parts[3]),)
    return path, ()


def _decoded(segment: str) -> str:
    """The id that a segment holds; percent-encoded once or not at all, and a plus sign is a plus sign.

    Raises Refusal 400 when it cannot be meant as one.
    """
    text = segment
    if "%" in segment:
        broken = _BROKEN_ESCAPE.search(segment)
        if broken is not None:
            raise _bad_id(segment, f"{segment[broken.start() :][:3]!r} in it is no percent-encoding")
        try:
            text = unquote_to_bytes(segment).decode()
        except UnicodeDecodeError:
            raise _bad_id(segment, "its percent-encoding is not UTF-8") from None
        if _ESCAPE.search(text):
            raise _bad_id(segment, f"it is percent-encoded twice; once decoded it reads {text[:200]!r}")
        if _CONTROL.search(text):
            raise _bad_id(segment, "it has a control character in it")
    if not text:
        raise _bad_id(segment, "it is empty")
    if len(text) > MAX_ID:
        raise _bad_id(segment, f"it has {len(text)} characters, no id has more than {MAX_ID}")
    return text


def _bad_id(segment: str, problem: str) -> Refusal:
    shown = segment if len(segment) <= 200 else segment[:197] + "..."
    message = (
        f"The id {shown!r} in the path is invalid: {problem}. Give the id as the server did, percent-encoded "
        "once as UTF-8 (4:+14255550123 may be sent as 4%3A%2B14255550123)."
    )
    return Refusal(400, 8523, message, target="path")


class WrongMethod(Refusal):
    """405: the path exists, the method does not; ``allowed`` are the methods it has."""

    def __init__(self, method: str, path: str, allowed: list[str]) -> None:
        self.allowed = allowed
        message = f"{method} is not possible on {path}; use {', '.join(allowed)}."
        super().__init__(405, "MethodNotAllowed", message)


class Router:
    """The operation table as a dict on (method, template)."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        self._operations: dict[tuple[str, str], Operation] = {}
        self._methods: dict[str, list[str]] = {}
        for operation in operations:
            key = (operation.method, operation.path)
            if key in self._operations:
                raise ValueError(f"{operation.method} {operation.path} is in the table twice")
            self._operations[key] = operation
            self._methods.setdefault(operation.path, []).append(operation.method)

    @property
    def operations(self) -> list[Operation]:
        """The whole table."""
        return list(self._operations.values())

    def find(self, method: str, path: str) -> tuple[Operation, Ids]:
        """The operation and the ids of its path.

        Raises:
            WrongMethod: the path does not have this method.
            Refusal: 404, nobody serves the path; 414, the path is too long.
        """
        if len(path) > MAX_PATH:
            message = (
                f"The path has {len(path)} bytes; at most {MAX_PATH} are read. No id of ours is that long."
            )
            raise Refusal(414, "UriTooLong", message, target="path")
        template, ids = locate(path)
        operation = self._operations.get((method, template))
        if operation is None:
            raise self._missing(method[:20], path, template)
        return operation, ids

    def _missing(self, method: str, path: str, template: str) -> Refusal:
        shown = path if len(path) <= 200 else path[:197] + "..."
        methods = self._methods.get(template)
        if methods:
            return WrongMethod(method, shown, methods)
        return Refusal(
            404,
            "NotFound",
            f"There is nothing at {method} {shown}. Call Automation is under /calling, users and tokens are "
            "under /identities, numbers under /phoneNumbers, SIP routing is /sip, what is Hookflash's own is "
            "under /hookflash.",
        )
