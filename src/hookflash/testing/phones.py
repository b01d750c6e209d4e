"""Virtual phones from a Python test: a client of /hookflash/phones that blocks."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import quote, urlencode

Document = dict[str, Any]


class PhoneError(Exception):
    """A request was refused. ``status`` is HTTP's, ``code`` and the message are the server's."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{status}/{code}: {message}")
        self.status = status
        self.code = code


class VirtualPhones:
    """The virtual phones of a server.

    Args:
        url: the server's base URL.
        access_key: for a server that asks for one.
    """

    def __init__(self, url: str, access_key: str = "") -> None:
        self._url = f"{url.rstrip('/')}/hookflash/phones"
        self._headers = {"Authorization": f"Bearer {access_key}"} if access_key else {}

    def add(self, id: str, identity: str, display_name: str = "", **script: Any) -> Phone:
        """Have a phone, or give one that is there a new script; script keys as on the wire (``onCall``)."""
        document = {"identity": identity, "displayName": display_name, "script": script}
        self.request("PUT", f"/{quote(id, safe='')}", document)
        return Phone(self, id)

    def clear(self) -> None:
        """Take every phone away."""
        self.request("DELETE", "")

    def request(self, method: str, path: str, document: Document | None = None, wait: float = 0.0) -> Any:
        """One request; raises :class:`PhoneError`. ``wait`` is how many seconds the answer may take more."""
        body = None if document is None else json.dumps(document).encode()
        request = urllib.request.Request(self._url + path, body, self._headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=10 + wait) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            told = json.loads(error.read() or b"{}").get("error", {})
            raise PhoneError(error.code, str(told.get("code", "")), str(told.get("message", ""))) from None
        return json.loads(text) if text else None


class Phone:
    """One virtual phone. A ``call`` is a call's number, or "last": the newest."""

    def __init__(self, phones: VirtualPhones, id: str) -> None:
        self._phones = phones
        self.id = id

    def show(self) -> Document:
        """The phone and the calls it remembers."""
        found: Document = self._phones.request("GET", self._path())
        return found

    def remove(self) -> None:
        """Take it away."""
        self._phones.request("DELETE", self._path())

    def wait(self, call: int | str = "last", timeout: float = 10.0, **wanted: str) -> Document:
        """The call once it is as ``wanted``: ``state="up"``, ``heard="finished"``, ``digits="12"``,
        ``held="true"``, ``muted="false"``. Raises :class:`PhoneError` 408 after ``timeout`` seconds.
        """
        query = urlencode({**wanted, "timeoutMs": round(timeout * 1000)})
        path = f"{self._path()}/calls/{call}?{query}"
        found: Document = self._phones.request("GET", path, wait=timeout)
        return found

    def call(self, to: str, **document: Any) -> Document:
        """Call somebody; ``document`` as on the wire (``displayName``, ``sipHeaders``, ``voipHeaders``)."""
        return self._do("call", {"to": to, **document})

    def answer(self, call: int | str = "last") -> Document:
        """Pick up."""
        return self._do(f"answer?call={call}", {})

    def reject(self, call: int | str = "last", **document: Any) -> Document:
        """Refuse; ``document`` as on the wire (``status``, ``reason``, ``q850``)."""
        return self._do(f"reject?call={call}", document)

    def hang_up(self, call: int | str = "last") -> Document:
        """Put down."""
        return self._do(f"hangup?call={call}", {})

    def press(self, digits: str, call: int | str = "last") -> Document:
        """Press keys, five a second."""
        return self._do(f"press?call={call}", {"digits": digits})

    def _path(self) -> str:
        return f"/{quote(self.id, safe='')}"

    def _do(self, what: str, document: Document) -> Document:
        found: Document = self._phones.request("POST", f"{self._path()}/{what}", document)
        return found
