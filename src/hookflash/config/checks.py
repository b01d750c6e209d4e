"""Do the settings go together? References, pairs, files, and what production mode demands."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from hookflash.config.errors import Problem
from hookflash.config.kinds import as_regex
from hookflash.config.places import Places, at
from hookflash.config.sip_checks import (
    callers,
    certificates,
    challenged,
    credentials,
    phones,
    prices,
    sips,
)
from hookflash.config.speech import BUILT_IN
from hookflash.config.tree import Settings, is_development
from hookflash.wire.containers import NoContainer, read_container
from hookflash.wire.eventgrid import ALL_TYPES, EVENT_TYPES, event_type_named
from hookflash.wire.grid_filters import FilterError, Filters, equal_to, read_filters

_SUBSCRIPTION_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}")
"""It becomes part of paths and headers."""


def cross_check(settings: Settings, places: Places) -> list[Problem]:
    """Every mistake that concerns more than one value."""
    return [
        *_references(settings, places),
        *_duplicates(settings, places),
        *certificates(settings, places),
        *credentials(settings, places),
        *sips(settings, places),
        *challenged(settings, places),
        *callers(settings, places),
        *prices(settings, places),
        *phones(settings, places),
        *_rewrites(settings, places),
        *_plain_endpoints(settings, places),
        *_subscribed(settings, places),
        *_issuers(settings, places),
        *_media(settings, places),
        *_speech(settings, places),
        *_storage(settings, places),
        *(_production(settings, places) if settings.server.mode == "production" else ()),
    ]


def _references(settings: Settings, places: Places) -> Iterator[Problem]:
    resources = [one.name for one in settings.resource]
    trunks = [one.name for one in settings.trunk]
    wanted: list[tuple[Any, str, str, list[str]]] = [
        *((one, "resource", one.resource, resources) for one in settings.number),
        *((one, "resource", one.resource, resources) for one in settings.subscription),
        *((one, "resource", one.resource, resources) for one in settings.issuer),
        *((one, "trunk", one.trunk, trunks) for one in settings.route),
    ]
    for row, noun, name, names in wanted:
        if noun not in places.broken and name.casefold() not in [one.casefold() for one in names]:
            place, key = at(places, row, noun)
            what = f"names {noun} {name!r}, which is not configured"
            remedy = f"add a [[{noun}]] of that name"
            if names:
                remedy = f"{noun}s are: {', '.join(names)}; use one of these or {remedy}"
            yield Problem(place, key, what, remedy)


def _duplicates(settings: Settings, places: Places) -> Iterator[Problem]:
    unique: list[tuple[Sequence[Any], str]] = [
        (settings.resource, "name"),
        (settings.resource, "id"),
        (settings.number, "e164"),
        (settings.subscription, "name"),
        (settings.trunk, "name"),
        (settings.phone, "username"),
    ]
    for rows, name in unique:
        seen: dict[str, str] = {}
        for row in rows:
            value = getattr(row, name)
            place, key = at(places, row, name)
            first = seen.setdefault(value.casefold(), place)
            if first != place:
                yield Problem(place, key, f"{value!r} was given before ({first})", "give each entry its own")
    holders: dict[str, str] = {}
    for resource in settings.resource:
        for access_key in resource.access_keys:
            holder = holders.setdefault(access_key, resource.name)
            if holder != resource.name:
                place, key = at(places, resource, "access_keys")
                what = f"shares an access key with resource {holder!r}, so requests could not be told apart"
                yield Problem(place, key, what, "give each resource keys of its own")
        for token in resource.tokens:
            holder = holders.setdefault(token, resource.name)
            if holder != resource.name:
                place, key = at(places, resource, "tokens")
                what = f"shares a token with resource {holder!r}, so requests could not be told apart"
                yield Problem(place, key, what, "give each resource tokens of its own")


def _rewrites(settings: Settings, places: Places) -> Iterator[Problem]:
    for route in settings.route:
        if route.rewrite is None:
            continue
        try:
            # The template is compiled against the pattern; the text itself does not matter.
            re.compile(f"(?:{as_regex(route.pattern)})|").sub(route.rewrite, "")
        except (re.error, IndexError) as error:
            place, key = at(places, route, "rewrite")
            what = f"{route.rewrite!r} does not go with the pattern {route.pattern!r}: {error}"
            yield Problem(place, key, what, r"refer only to groups of the pattern, as \1")


def _plain_endpoints(settings: Settings, places: Places) -> Iterator[Problem]:
    if settings.server.http_callbacks:
        return
    for one in settings.subscription:
        if one.endpoint.lower().startswith("http://"):
            place, key = at(places, one, "endpoint")
            what = f"subscription {one.name!r} has a plain http endpoint, and server.http_callbacks is off"
            yield Problem(place, key, what, "give an https URL, or turn server.http_callbacks on")


def _issuers(settings: Settings, places: Places) -> Iterator[Problem]:
    for one in settings.issuer:
        if "{tenantid}" not in one.issuer:
            continue
        for name, value in (("tenants", one.tenants), ("discovery", one.discovery)):
            if not value:
                place, key = at(places, one, name)
                what = f"is missing; issuer {one.issuer!r} stands for any tenant"
                remedy = (
                    "list the tenants to accept" if name == "tenants" else "give the URL of its configuration"
                )
                yield Problem(place, key, what, remedy)


def _subscribed(settings: Settings, places: Places) -> Iterator[Problem]:
    """Names that cannot be used, event types nobody knows, and filters that cannot be used."""
    for one in settings.subscription:
        if not _SUBSCRIPTION_NAME.fullmatch(one.name):
            place, key = at(places, one, "name")
            yield Problem(
                place,
                key,
                f"{one.name[:100]!r} does not fit",
                "use 1 to 64 of A-Z a-z 0-9 and . _ - only, and no . at the beginning",
            )
        for name in one.event_types:
            if event_type_named(name) is None and name.casefold() != ALL_TYPES.casefold():
                place, key = at(places, one, "event_types")
                what = f"subscription {one.name!r} names event type {name!r}, which there is not"
                known = ", ".join(full.rpartition(".")[2] for full in EVENT_TYPES)
                yield Problem(place, key, what, f"use {known} or {ALL_TYPES}")
        try:
            filters = (*equal_to(one.filters), *read_filters(one.advanced_filters))
            Filters(
                subject_begins_with=one.subject_begins_with,
                subject_ends_with=one.subject_ends_with,
                advanced_filters=filters,
            ).check()
        except FilterError as error:
            place, key = at(places, one, "advanced_filters" if one.advanced_filters else "filters")
            what, _, remedy = str(error).partition("; ")
            yield Problem(place, key, f"subscription {one.name!r}: {what}", remedy)


def _media(settings: Settings, places: Places) -> Iterator[Problem]:
    """CPUs that there are not, or not enough of; ports that do not go round; delays the wrong way round."""
    media = settings.media
    place, key = places.of("media", "cpus"), "media.cpus"
    if not isinstance(media.cpus, str) and media.cpus:
        usable = os.sched_getaffinity(0)
        missing = sorted(set(media.cpus) - usable)
        if missing:
            what = f"names CPU {', '.join(map(str, missing))}, which this process can not run on"
            yield Problem(place, key, what, f"it can run on {_ranges(usable)}; use these")
        if len(media.cpus) < media.workers:
            what = f"has {len(media.cpus)} CPUs for {media.workers} workers"
            remedy = "name one for each worker (one may come twice), or set media.workers"
            yield Problem(place, key, what, remedy)
    if media.cpus and not media.workers:
        yield Problem(
            place, key, "pins workers, and media.workers is 0", "leave it out, or have at least one worker"
        )
    ports = media.rtp_ports
    pairs = (ports.last - ports.first + 1) // 2
    if pairs < 2 * max(1, media.workers):
        what = f"{ports} has {pairs} pairs of ports for {max(1, media.workers)} workers"
        remedy = "give each worker at least 2 pairs, better 2 for each call it is to carry"
        yield Problem(places.of("media", "rtp_ports"), "media.rtp_ports", what, remedy)
    if media.jitter_least_ms > media.jitter_most_ms:
        what = f"is {media.jitter_least_ms}, and media.jitter_most_ms is {media.jitter_most_ms}"
        remedy = "make it less, or the other more"
        yield Problem(places.of("media", "jitter_least_ms"), "media.jitter_least_ms", what, remedy)


_INSTEAD = {
    ("builtin", "concurrency"): "set speech.speaking_workers and speech.recognising_workers instead",
    ("builtin", "timeout"): "set speech.first_audio instead",
    ("beep", "concurrency"): "leave it out",
    ("beep", "timeout"): "leave it out",
}
"""What to do where a setting of services is given to who is none."""


def _speech(settings: Settings, places: Places) -> Iterator[Problem]:
    """Providers that need what they are not given, or are given what is not theirs."""
    labels: set[str] = set()
    for one in settings.speech_provider:
        if one.label.casefold() in labels:
            place, key = at(places, one, "name")
            yield Problem(
                place, key, f"{one.label!r} was given before", "give each provider a name of its own"
            )
        labels.add(one.label.casefold())
        for path in one.voice_files:
            place, key = at(places, one, "voice_files")
            if one.kind != "builtin":
                yield Problem(place, key, f"a provider of kind {one.kind} has no files", "leave it out")
            elif not (Path(path).is_file() and Path(f"{path}.json").is_file()):
                what = f"there is no {path!r} with a {Path(path).name + '.json'!r} beside it"
                yield Problem(place, key, what, "name a Piper voice (.onnx) that is there")
            elif what := _unreadable(f"{path}.json"):
                yield Problem(place, key, what, "get the two files of the voice once more")
        if one.kind in BUILT_IN and one.key_env:
            place, key = at(places, one, "key_env")
            yield Problem(place, key, f"a provider of kind {one.kind} needs no key", "leave it out")
        for name, value in (("concurrency", one.concurrency), ("timeout", one.timeout)):
            if one.kind in BUILT_IN and value is not None:
                place, key = at(places, one, name)
                what = f"bounds requests to a service, and a provider of kind {one.kind} asks none"
                yield Problem(place, key, what, _INSTEAD[one.kind, name])
        if one.kind == "azure" and not one.region and not one.endpoint:
            place, key = at(places, one, "region")
            what = "is missing: nobody knows where the speech resource is"
            yield Problem(place, key, what, 'give its region, such as "westeurope", or its endpoint')


def _storage(settings: Settings, places: Places) -> Iterator[Problem]:
    """Containers and buckets that are none, and settings that do not go with their kind."""
    recording = settings.recording
    if recording.storage is not None and (what := no_place(recording.storage)):
        place = places.of("recording", "storage")
        yield Problem(place, "recording.storage", what, "give s3://<bucket> or the URL of a container")
    if recording.encryption_key_env and recording.encryption_key_file:
        place = places.of("recording", "encryption_key_env")
        what = "is given as well as recording.encryption_key_file"
        yield Problem(place, "recording.encryption_key_env", what, "give one of them")
    names = [one.name.casefold() for one in settings.resource]
    for one in settings.storage:
        place, key = at(places, one, "url")
        if what := no_place(one.url):
            yield Problem(
                place, key, what, "give s3://<bucket> or the URL of a container, without a signature"
            )
        unfit = {
            "endpoint": (
                one.endpoint is not None and not one.s3,
                "is for S3; the URL of a container has its own",
            ),
            "region": (one.region is not None and not one.s3, "is for S3"),
            "key_id_env": (one.key_id_env is not None and not one.s3, "is for S3"),
            "credential": (one.credential == "sas" and one.s3, "is sas, which is for Azure"),
            "key_env": (
                one.key_env is not None and one.credential == "identity",
                "is not read with an identity",
            ),
            "resources": (bool(one.resources) and one.s3, "may name containers only, and this is a bucket"),
        }
        for name, (wrong, what) in unfit.items():
            if wrong:
                place, key = at(places, one, name)
                yield Problem(place, key, what, "leave it out")
        for name in one.resources:
            if "resource" not in places.broken and name.casefold() not in names:
                place, key = at(places, one, "resources")
                what = f"names resource {name!r}, which is not configured"
                yield Problem(place, key, what, "add a [[resource]] of that name")


def no_place(url: str) -> str:
    """Why a URL is neither a bucket nor a container, "" when it is one."""
    if url.startswith("s3://"):
        fits = re.fullmatch(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9!_.*'()-]+)*/?", url)
        return "" if fits and "/." not in url else f"{url[:200]!r} is not s3://<bucket>/<folder>"
    try:
        container = read_container(url)
    except NoContainer as error:
        return str(error)
    return "has a signature in it, and secrets have no place in a file" if container.sas else ""


def _ranges(numbers: Iterable[int]) -> str:
    """1, 2, 3 and 5 as "1-3, 5"."""
    found: list[list[int]] = []
    for number in sorted(numbers):
        if found and number == found[-1][-1] + 1:
            found[-1].append(number)
        else:
            found.append([number])
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in found)


def _production(settings: Settings, places: Places) -> Iterator[Problem]:
    why = "production mode demands it"
    if not settings.resource and "resource" not in places.broken:
        remedy = "add a [[resource]] with name, id and access_keys of your own"
        yield Problem(places.of("server", "mode"), "resource", f"there is no resource; {why}", remedy)
    for resource in settings.resource:
        if is_development(resource):
            place, key = at(places, resource, "id")
            what = f"resource {resource.name!r} uses the published development id or key"
            remedy = "make a GUID and keys of your own (openssl rand -base64 64)"
            yield Problem(place, key.removesuffix(".id"), what, remedy)
        if resource.tokens:
            place, key = at(places, resource, "tokens")
            what = (
                f"resource {resource.name!r} has static tokens, which anybody who reads them may use for ever"
            )
            yield Problem(place, key, what, "leave them out; use access keys, or an [[issuer]] for tokens")
    for issuer in settings.issuer:
        for name in ("issuer", "discovery"):
            if (getattr(issuer, name) or "").lower().startswith("http://"):
                place, key = at(places, issuer, name)
                what = "is plain http, so its keys could be anybody's"
                yield Problem(place, key, what, "give an https URL")
    url = settings.server.public_url
    if url is None or not url.startswith("https://"):
        what = f"{url!r} is not an https URL" if url else f"is missing; {why}"
        remedy = 'give the base URL that applications use, such as "https://calls.example.org"'
        yield Problem(places.of("server", "public_url"), "server.public_url", what, remedy)


def _unreadable(path: str) -> str:
    """What is wrong with the settings of a voice, "" for nothing."""
    try:
        found = json.loads(Path(path).read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        return f"{path!r} cannot be read: {error}"
    return "" if isinstance(found, dict) else f"{path!r} does not hold the settings of a voice"
