"""Do the settings of SIP and of TLS go together?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from hookflash.config.errors import Problem
from hookflash.config.places import Places, at
from hookflash.config.tree import Settings


def certificates(settings: Settings, places: Places) -> Iterator[Problem]:
    """Certificates and keys that are not both there, or not there at all; listeners without one."""
    for section in ("server", "sip"):
        part = getattr(settings, section)
        given = {name: getattr(part, name) for name in ("tls_cert", "tls_key")}
        missing = [name for name, value in given.items() if value is None]
        if len(missing) == 1:
            other = next(name for name in given if name not in missing)
            what = f"is given without {missing[0]}"
            yield Problem(places.of(section, other), f"{section}.{other}", what, "give both, or neither")
        for name, value in given.items():
            if value is not None and not Path(value).is_file():
                what = f"there is no file {value!r}"
                yield Problem(
                    places.of(section, name), f"{section}.{name}", what, "name an existing PEM file"
                )
    if settings.sip.tls_bind and not settings.sip.tls_cert:
        what = "SIP over TLS needs a certificate"
        yield Problem(places.of("sip", "tls_bind"), "sip.tls_bind", what, "give sip.tls_cert and sip.tls_key")
    if settings.sip.wss_bind and not settings.sip.tls_cert:
        what = "secure WebSockets need a certificate"
        yield Problem(places.of("sip", "wss_bind"), "sip.wss_bind", what, "give sip.tls_cert and sip.tls_key")
    authorities = settings.sip.tls_authorities
    if authorities is not None and not Path(authorities).is_file():
        what = f"there is no file {authorities!r}"
        place = places.of("sip", "tls_authorities")
        yield Problem(place, "sip.tls_authorities", what, "name an existing PEM file")
    if settings.sip.tls_clients != "off" and not (settings.sip.tls_bind or settings.sip.wss_bind):
        what = "concerns those who connect to us over TLS, and nothing listens for them"
        yield Problem(places.of("sip", "tls_clients"), "sip.tls_clients", what, "give sip.tls_bind")
    if (
        settings.server.tls_cert
        and settings.server.bind == settings.server.tls_bind
        and settings.server.bind.port
    ):
        what = f"is the same address as server.bind, {settings.server.bind}"
        yield Problem(
            places.of("server", "tls_bind"), "server.tls_bind", what, "give HTTPS a port of its own"
        )


def credentials(settings: Settings, places: Places) -> Iterator[Problem]:
    """Credentials that are half given, or missing where they are needed."""
    for trunk in settings.trunk:
        if (trunk.username is None) != (trunk.password is None):
            name, other = ("username", "password") if trunk.password is None else ("password", "username")
            place, key = at(places, trunk, name)
            yield Problem(place, key, f"is given without {other}", "give both, or neither")
        elif trunk.register and trunk.username is None:
            place, key = at(places, trunk, "register")
            what = f"trunk {trunk.name!r} shall register, but has no credentials"
            yield Problem(place, key, what, "give username and password")


def sips(settings: Settings, places: Places) -> Iterator[Problem]:
    """Calls that shall be secure all the way, and begin without TLS."""
    for trunk in settings.trunk:
        if trunk.sips and trunk.transport != "tls":
            place, key = at(places, trunk, "sips")
            what = f"asks for TLS on every hop, and trunk {trunk.name!r} is called over {trunk.transport}"
            yield Problem(place, key, what, 'set transport = "tls", or leave it out')


def callers(settings: Settings, places: Places) -> Iterator[Problem]:
    """A number to show instead of others that is not there."""
    for trunk in settings.trunk:
        if trunk.callers and trunk.callers_otherwise == "replace" and trunk.caller is None:
            place, key = at(places, trunk, "callers")
            what = f"trunk {trunk.name!r} has no number to show instead of those that may not be shown"
            yield Problem(place, key, what, "give caller, or set callers_otherwise to withhold or refuse")


def prices(settings: Settings, places: Places) -> Iterator[Problem]:
    """Prices of what is no prefix."""
    for prefix in settings.tolls.prices:
        if not prefix or re.fullmatch(r"\+?\d*\*?", prefix) is None:
            what = f"names {prefix[:40]!r}, which is no prefix"
            yield Problem(places.of("tolls", "prices"), "tolls.prices", what, 'write a prefix such as "+49"')


def challenged(settings: Settings, places: Places) -> Iterator[Problem]:
    """Trunks that shall prove who they are, and cannot, or not which one they are."""
    users: dict[str, str] = {}
    for trunk in settings.trunk:
        if not trunk.challenge:
            continue
        place, key = at(places, trunk, "challenge")
        if trunk.username is None:
            what = f"trunk {trunk.name!r} shall prove who it is, but has no credentials"
            yield Problem(place, key, what, "give username and password")
        elif (other := users.setdefault(trunk.username, trunk.name)) != trunk.name:
            what = f"trunks {other!r} and {trunk.name!r} have the same username and could not be told apart"
            yield Problem(place, key, what, "give each challenged trunk a username of its own")


def phones(settings: Settings, places: Places) -> Iterator[Problem]:
    """Phones whose names somebody else has, whose users nobody's app could call, or who ask for the
    impossible.
    """
    challenged = {trunk.username: trunk.name for trunk in settings.trunk if trunk.challenge}
    resources = {resource.id.casefold() for resource in settings.resource}
    for phone in settings.phone:
        if phone.username in challenged:
            place, key = at(places, phone, "username")
            what = f"is also the username of trunk {challenged[phone.username]!r}, which is challenged"
            yield Problem(place, key, what, "give the phone another one, so that the two can be told apart")
        scope = phone.user.rsplit(":", 1)[-1].partition("_")[0].casefold()
        if scope not in resources and settings.server.mode == "production":
            place, key = at(places, phone, "user")
            what = f"{phone.user!r} is a user of no [[resource]], so no app could ever call the phone"
            yield Problem(place, key, what, "write 8:acs:<id of a resource>_<any name>")
        if phone.caller is not None and not phone.numbers:
            place, key = at(places, phone, "caller")
            what = "is shown to numbers that the phone dials, and it may dial none"
            yield Problem(place, key, what, "give numbers, or leave it out")
    if settings.sip.min_registration > settings.sip.max_registration:
        what = f"is more than sip.max_registration, {settings.sip.max_registration}"
        place = places.of("sip", "min_registration")
        yield Problem(place, "sip.min_registration", what, "give the smaller one")
