"""Storage of recordings out of settings: which places there are, how to get in, what seals files."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from pathlib import Path

from hookflash.config import Settings, StorageSettings
from hookflash.recording.cloud import CloudStore, Place
from hookflash.recording.orders import Order
from hookflash.recording.sealing import KeyRing, read_keys
from hookflash.recording.stores import Store, StoreError
from hookflash.wire.containers import ContainerRules, Grant, NoContainer, read_container

KEYS = {("azure", "key"): "AZURE_STORAGE_KEY", ("azure", "sas"): "AZURE_STORAGE_SAS_TOKEN"}
"""Where a secret is looked for when `key_env` names no variable; else :data:`S3_KEY`."""
S3_KEY = "AWS_SECRET_ACCESS_KEY"
S3_KEY_ID = "AWS_ACCESS_KEY_ID"


class StorageUnusable(Exception):
    """Recordings can not be kept as the settings say; the message says why and what next."""


def container_rules(settings: Settings) -> ContainerRules:
    """What containers apps may name."""
    ids = {one.name.casefold(): one.id.casefold() for one in settings.resource}
    return ContainerRules(
        hosts=settings.recording.external_hosts,
        http=settings.server.http_callbacks,
        grants=[
            Grant(
                read_container(one.url).url,
                frozenset(ids[name.casefold()] for name in one.resources if name.casefold() in ids),
            )
            for one in settings.storage
            if one.resources and not one.s3
        ],
    )


def key_ring(settings: Settings, environ: Mapping[str, str]) -> KeyRing | None:
    """The keys that recordings are sealed with; None where they are not.

    Raises:
        StorageUnusable: they shall be, and there is no key: nothing is recorded in clear by mistake.
    """
    recording = settings.recording
    if recording.encryption_key_file is not None:
        where = f"recording.encryption_key_file {recording.encryption_key_file}"
        path = Path(recording.encryption_key_file)
        try:
            if stat.S_IMODE(path.stat().st_mode) & 0o077:
                raise StorageUnusable(f"{where}: others can read it; chmod 600 it, or make a new key")
            text = path.read_text("ascii")
        except (OSError, UnicodeError) as error:
            raise StorageUnusable(f"{where} can not be read: {error}") from error
    elif recording.encryption_key_env is not None:
        where = f"recording.encryption_key_env {recording.encryption_key_env}"
        text = environ.get(recording.encryption_key_env, "")
    else:
        return None
    try:
        return read_keys(text)
    except ValueError as error:
        raise StorageUnusable(f"{where}: {error}; make a key with openssl rand -base64 32") from error


def described(settings: Settings, environ: Mapping[str, str]) -> list[str]:
    """Where recordings go and how they are kept, for ``hookflash check``, a line each."""
    lines = []
    recording = settings.recording
    if recording.storage is not None:
        lines.append(f"recordings go to {recording.storage}")
        try:
            Places(settings, environ).check(recording.storage)
        except StorageUnusable as error:
            lines[-1] = f"recordings cannot be sent, so the server will not start: {error}"
    try:
        if key_ring(settings, environ) is not None:
            lines.append("recordings are encrypted")
    except StorageUnusable as error:
        lines.append(f"recordings cannot be encrypted, so the server will not start: {error}")
    return lines


class Places:
    """Opens the stores that orders name.

    Args:
        settings: with the credentials' names.
        environ: with the credentials.
    """

    def __init__(self, settings: Settings, environ: Mapping[str, str]) -> None:
        self._entries = sorted(settings.storage, key=lambda one: -len(one.url))
        self._environ = environ

    def check(self, url: str) -> None:
        """Raises StorageUnusable when what the settings name can not be used."""
        try:
            self.open(Order("", url, own=True))
        except StoreError as error:
            raise StorageUnusable(f"recording.storage: {error}") from error

    def open(self, order: Order) -> Store:
        """The store behind an order. Raises StoreError."""
        entry = self._entry(order.url)
        if order.url.startswith("s3://"):
            return CloudStore(self._bucket(order.url, entry))
        try:
            container = read_container(order.url)
        except NoContainer as error:
            raise StoreError(str(error)) from error
        credential, secret = "sas", order.sas
        if not order.sas:
            if entry is None and not order.own:
                raise StoreError(f"there is no credential for {order.url}; add a [[storage]] entry for it")
            credential = entry.credential if entry is not None else "identity"
            secret = self._secret("azure", entry)
        return CloudStore(
            Place(
                "azure",
                container.name,
                container.prefix,
                container.endpoint,
                container.account,
                credential=credential,
                secret=secret.lstrip("?"),
            )
        )

    def _bucket(self, url: str, entry: StorageSettings | None) -> Place:
        bucket, _, prefix = url.removeprefix("s3://").strip("/").partition("/")
        if entry is None:
            return Place("s3", bucket, prefix)
        return Place(
            "s3",
            bucket,
            prefix,
            entry.endpoint or "",
            region=entry.region or "",
            credential=entry.credential,
            key_id=self._variable(entry.key_id_env or S3_KEY_ID) if entry.credential == "key" else "",
            secret=self._secret("s3", entry),
        )

    def _entry(self, url: str) -> StorageSettings | None:
        """The entry for a place: the one that says most about it."""
        if not url.startswith("s3://"):
            url = read_container(url).url
        for one in self._entries:
            mine = one.url.rstrip("/") if one.s3 else read_container(one.url).url
            if url == mine or url.startswith(mine + "/"):
                return one
        return None

    def _secret(self, kind: str, entry: StorageSettings | None) -> str:
        if entry is None or entry.credential == "identity":
            return ""
        return self._variable(entry.key_env or KEYS.get((kind, entry.credential), S3_KEY))

    def _variable(self, name: str) -> str:
        value = self._environ.get(name, "").strip()
        if not value:
            raise StoreError(f"the environment variable {name} has no key")
        return value
