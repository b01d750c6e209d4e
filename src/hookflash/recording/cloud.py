"""Azure Blob and S3-compatible storage behind :class:`hookflash.recording.stores.Store`."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import obstore
from obstore.exceptions import BaseError
from obstore.store import AzureStore, S3Store

from hookflash.recording.stores import Content, StoreError

PART = 5 << 20
"""Bytes of one part of a large object: the least that S3 takes. It takes 10,000 of them, which is 50 GB."""
AT_ONCE = 2
"""Parts that are under way at the same time; memory is bounded by some of them."""
PIECE = 2 << 20
"""Bytes read from a store at a time, at most."""
_MESSAGE = 300

_CLIENT: dict[str, Any] = {
    # Of one request, which carries a part at most.
    "timeout": "120s",
    "connect_timeout": "10s",
    "user_agent": "hookflash",
}
# What lasts longer than this is the business of whoever asked, who waits far longer in between.
_RETRIES: dict[str, Any] = {
    "max_retries": 2,
    "retry_timeout": timedelta(seconds=30),
    "backoff": {"init_backoff": timedelta(milliseconds=200), "max_backoff": timedelta(seconds=2), "base": 2},
}


@dataclass(frozen=True, slots=True)
class Place:
    """A container or bucket, and how to get in.

    ``endpoint`` is the base URL of the service (of the account, for Azure; "" for the usual one of S3),
    ``prefix`` the folder in it. ``secret`` is what ``credential`` says: "sas" or "key" (Azure's account key;
    S3's secret access key, with ``key_id``), or nothing for "identity": then the credential is what the
    environment gives (managed or workload identity, instance role, the usual variables).
    """

    kind: str
    container: str
    prefix: str
    endpoint: str = ""
    account: str = ""
    region: str = ""
    credential: str = "identity"
    key_id: str = ""
    secret: str = field(default="", repr=False)


class CloudStore:
    """A :class:`Place` as a store. Raises StoreError when the place can not be one."""

    def __init__(self, place: Place) -> None:
        self._place = place
        try:
            self._store = _azure(place) if place.kind == "azure" else _s3(place)
        except (BaseError, ValueError, OSError) as error:
            raise StoreError(f"{place.container} can not be used: {_short(error)}") from None

    async def put(self, name: str, content: Content, media_type: str) -> None:
        attributes: Any = {"Content-Type": media_type}
        try:
            if content.size <= PART:
                data = b"".join([piece async for piece in content.read(0, content.size)])
                await obstore.put_async(self._store, name, data, attributes=attributes, use_multipart=False)
            else:
                await obstore.put_async(
                    self._store,
                    name,
                    content.read(0, content.size),
                    attributes=attributes,
                    chunk_size=PART,
                    max_concurrency=AT_ONCE,
                )
        except (BaseError, OSError, ValueError) as error:
            raise self._failed("kept", name, error) from None

    async def open(self, name: str) -> Content:
        try:
            found = await obstore.head_async(self._store, name)
        except (BaseError, OSError, ValueError) as error:
            raise self._failed("looked at", name, error) from None
        return _Object(self, name, found["size"])

    async def delete(self, name: str) -> None:
        try:
            await obstore.delete_async(self._store, name)
        except FileNotFoundError:
            return
        except (BaseError, OSError, ValueError) as error:
            raise self._failed("deleted", name, error) from None

    async def piece(self, name: str, start: int, length: int) -> bytes:
        """Some bytes of an object."""
        try:
            return bytes(await obstore.get_range_async(self._store, name, start=start, length=length))
        except (BaseError, OSError, ValueError) as error:
            raise self._failed("read", name, error) from None

    def _failed(self, what: str, name: str, error: Exception) -> StoreError:
        message = f"{name.rpartition('/')[2]} could not be {what} in {self._place.container}: {_short(error)}"
        return StoreError(message, gone=isinstance(error, FileNotFoundError))


class _Object:
    """An object of a :class:`CloudStore` as content."""

    def __init__(self, store: CloudStore, name: str, size: int) -> None:
        self._store = store
        self._name = name
        self._size = size

    @property
    def size(self) -> int:
        return self._size

    async def read(self, start: int, stop: int) -> AsyncIterator[bytes]:
        while start < stop:
            piece = await self._store.piece(self._name, start, min(PIECE, stop - start))
            if not piece:
                raise StoreError(f"{self._name} is shorter than it was")
            start += len(piece)
            yield piece


def _client(endpoint: str) -> Any:
    return {**_CLIENT, "allow_http": endpoint.startswith("http://")}


def _azure(place: Place) -> AzureStore:
    # A provider, since variables of the environment would win over credentials given in another way.
    provider: Callable[[], Any] | None = None
    if place.credential == "sas":
        provider = _giving({"sas_token": place.secret, "expires_at": None})
    elif place.credential == "key":
        provider = _giving({"access_key": place.secret, "expires_at": None})
    return AzureStore(
        place.container,
        prefix=place.prefix or None,
        account_name=place.account,
        endpoint=place.endpoint,
        client_options=_client(place.endpoint),
        retry_config=_RETRIES,  # type: ignore[arg-type]
        credential_provider=provider,
    )


def _s3(place: Place) -> S3Store:
    provider: Callable[[], Any] | None = None
    if place.credential == "key":
        provider = _giving(
            {
                "access_key_id": place.key_id,
                "secret_access_key": place.secret,
                "token": None,
                "expires_at": None,
            }
        )
    config: dict[str, Any] = {"disable_bulk_delete": True}
    if place.endpoint:
        config["endpoint"] = place.endpoint
    if place.region:
        config["region"] = place.region
    return S3Store(
        place.container,
        prefix=place.prefix or None,
        config=config,  # type: ignore[arg-type]
        client_options=_client(place.endpoint),
        retry_config=_RETRIES,  # type: ignore[arg-type]
        credential_provider=provider,
    )


def _giving(credential: dict[str, Any]) -> Callable[[], Any]:
    return lambda: credential


_SECRETS = re.compile(r"(https?://[^\s?\"]*)\?[^\s\"]*")
_STATUS = re.compile(r"status code: (\d{3}(?: [A-Z][A-Za-z-]*)*)")
_CODE = re.compile(r"<Code>([\w.]+)</Code>")


def _short(error: Exception) -> str:
    """One line of a message of many, without what URLs may hold: what was answered, or what failed."""
    text = str(error)
    first = _SECRETS.sub(r"\1", text.split("<?xml", 1)[0].split("\n", 1)[0]).strip().rstrip(":")
    status, code = _STATUS.search(first), _CODE.search(text)
    return (status[1] if status else first[:_MESSAGE]) + (f" ({code[1]})" if code else "")
