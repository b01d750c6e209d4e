"""Blob containers that apps name for their recordings (contract sections 1.4 and 9.4): read, and allowed.

A container's URL comes from an app, and the server sends audio there with a credential in hand. So who may be
named is bounded by configuration: by host for URLs that bring their own credential (a SAS), and by resource
for containers that the server has a credential for.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import unquote, urlsplit

from hookflash.wire.results import invalid_argument
from hookflash.wire.urls import without_secrets

MAX_URL = 4096
"""Characters of a container's URL."""
MAX_PREFIX = 512
"""Characters of the folder within a container."""
_CONTAINER = re.compile(r"\$root|[a-z0-9](?:-?[a-z0-9]){2,62}")
_ACCOUNT = re.compile(r"[a-z0-9][a-z0-9-]{1,62}")
_UNPRINTABLE = re.compile(r"[\x00-\x20\x7f]")
_DEFAULT_PORTS = {"https": 443, "http": 80}


class NoContainer(ValueError):
    """A URL is not that of a blob container; the message says why, without its secrets."""


@dataclass(frozen=True, slots=True)
class Container:
    """An Azure blob container, perhaps with a folder in it.

    ``endpoint`` is the base URL of the account, ``prefix`` the folder ("" for none), ``sas`` the query string
    that opens it ("" for none).
    """

    endpoint: str
    account: str
    name: str
    prefix: str
    sas: str = field(default="", repr=False)

    @property
    def url(self) -> str:
        """Where it is, without the secret."""
        parts = (self.endpoint, self.name, self.prefix)
        return "/".join(part for part in parts if part)

    @property
    def host(self) -> str:
        """Host, and the port where it is not the scheme's own."""
        return urlsplit(self.endpoint).netloc

    @property
    def plain(self) -> bool:
        """Whether it is reached without TLS."""
        return self.endpoint.startswith("http://")


def read_container(url: str) -> Container:
    """The container behind a URL, ``https://<account>.<host>/<container>[/<folder>][?<SAS>]``.

    A host without dots or that is an address has the account first in the path, as emulators do.

    Raises:
        NoContainer: it is none.
    """
    shown = without_secrets(url)
    if len(url) > MAX_URL:
        raise NoContainer(f"the URL has {len(url)} characters; at most {MAX_URL} are taken")
    if _UNPRINTABLE.search(url):
        raise NoContainer(f"{shown} holds spaces or control characters")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise NoContainer(f"{shown} is not a URL") from error
    if parts.scheme not in _DEFAULT_PORTS or not host or parts.fragment or parts.username is not None:
        raise NoContainer(f"{shown} is not an absolute https URL of a container")
    segments = [unquote(segment) for segment in parts.path.strip("/").split("/")]
    shown_host = f"[{host}]" if ":" in host else host
    netloc = shown_host if port in (None, _DEFAULT_PORTS[parts.scheme]) else f"{shown_host}:{port}"
    endpoint = f"{parts.scheme}://{netloc}"
    if _account_in_path(host):
        account, segments = segments[0], segments[1:]
        endpoint += f"/{account}"
    else:
        account = host.partition(".")[0]
    if not _ACCOUNT.fullmatch(account):
        raise NoContainer(f"{shown} names no storage account")
    if not segments or not _CONTAINER.fullmatch(segments[0]) or len(segments[0]) > 63:
        raise NoContainer(f"{shown} names no container (3 to 63 of a-z, 0-9 and single -)")
    folders = segments[1:]
    prefix = "/".join(folders)
    if any(
        not one or one in (".", "..") or not one.isprintable() or set(one) & set("\\/?#%") for one in folders
    ):
        raise NoContainer(f"{shown} has a folder that is not usable")
    if len(prefix) > MAX_PREFIX:
        raise NoContainer(f"the folder has {len(prefix)} characters; at most {MAX_PREFIX} are taken")
    if parts.query and not re.search(r"(?:^|&)sig=[^&]", parts.query):
        raise NoContainer(f"{shown} has a query that is no shared access signature")
    return Container(endpoint, account, segments[0], prefix, parts.query)


def _account_in_path(host: str) -> bool:
    if "." not in host and ":" not in host:
        return True
    try:
        ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Grant:
    """The resources (GUIDs) whose apps may name anything under ``url``, with the server's own credential."""

    url: str
    resources: frozenset[str]

    def covers(self, container: Container, resource: str) -> bool:
        mine, theirs = self.url.rstrip("/"), container.url
        return (theirs == mine or theirs.startswith(mine + "/")) and resource.casefold() in self.resources


@dataclass(frozen=True, slots=True)
class ContainerRules:
    """What containers apps may name.

    Args:
        hosts: of URLs with a SAS: ``host``, ``host:port``, or ``*.suffix`` for everything below.
        http: whether plain http will do.
        grants: what the server itself has credentials for.
    """

    hosts: Sequence[str] = ()
    http: bool = False
    grants: Sequence[Grant] = ()

    def allows_host(self, host: str) -> bool:
        host = host.casefold()
        return any(
            host.endswith(one[1:].casefold()) if one.startswith("*.") else host == one.casefold()
            for one in self.hosts
        )

    def granted(self, container: Container, resource: str) -> bool:
        """Whether the server may use its own credential."""
        return any(grant.covers(container, resource) for grant in self.grants)


NO_CONTAINERS = ContainerRules()


def require_container(url: str, name: str, resource: str, rules: ContainerRules) -> Container:
    """The container that a field of a request names for ``resource``. Raises Refusal 400/8523."""
    try:
        container = read_container(url)
    except NoContainer as error:
        raise invalid_argument(
            name, f"{error}; give https://<account>.blob.core.windows.net/<container>?<SAS>."
        ) from error
    if container.plain and not rules.http:
        raise invalid_argument(name, f"{container.url} is plain http; use https.")
    if rules.granted(container, resource):
        return container
    if not rules.allows_host(container.host):
        raise invalid_argument(
            name,
            f"this server sends no recordings to {container.host}; its setting recording.external_hosts "
            "says where to.",
        )
    if not container.sas:
        raise invalid_argument(
            name,
            f"{container.url} has no shared access signature, and this server has no credential for it that "
            "this resource may use; add a SAS with create and write permission.",
        )
    return container
