"""Limits of the contract and the checks that apply them to single fields.

Each check raises Refusal 400/8523 whose target is the field's wire name (contract sections 1.4, 6.2, 6.3 and
6.5).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from hookflash.wire import parts, requests
from hookflash.wire.enums import CallLocatorKind, IdentifierKind, PlaySourceKind
from hookflash.wire.identifiers import CommunicationIdentifierModel, Identifier, PhoneNumberModel
from hookflash.wire.results import invalid_argument
from hookflash.wire.urls import is_public, unreachable, without_secrets

MAX_DTMF_TONES = 18
"""Tones in one sendDtmfTones request (contract section 6.5)."""
MAX_TEXT = 4000
"""Characters of a text source; longer ones have to be SSML (contract section 6.2)."""
MAX_INITIAL_SILENCE = 300
"""Seconds that may be asked for (contract section 1.4)."""
MAX_INITIAL_SILENCE_SPEECH = 20
"""Seconds that are waited at most where words are recognised (contract section 6.3)."""
INTER_TONE_TIMEOUT = (1, 60)
INVITATION_TIMEOUT = (0, 180)
"""Seconds, both ends included."""
MAX_SIP_HEADERS = 5
MAX_SIP_HEADER_NAME = 64
MAX_SIP_HEADER_VALUE = 256
MAX_VOIP_HEADERS = 1000
MAX_VOIP_HEADER_NAME = 64
MAX_VOIP_HEADER_VALUE = 1024
MAX_SPEECH_LANGUAGES = 10
MAX_CHOICE_LANGUAGES = 4
MAX_CALL_TOPIC = 48
MAX_CALLER_INFORMATION = 10
MAX_CHANNEL = 4
MAX_URI = 2048
"""Characters of any URI."""

# The contract names no bound for these; they keep one request from costing out of all proportion.
MAX_CONTEXT = 16_384
MAX_CALL_CONTEXT = 16_384
MAX_TARGETS = 100
MAX_DISPLAY_NAME = 256
MAX_PLAY_SOURCES = 100
MAX_CHOICES = 100
MAX_PHRASES = 100
MAX_CHOICE_TEXT = 65_536
"""Characters of all phrases and labels of a recognition: what is said is compared with each of them."""
MAX_TONES_TO_COLLECT = 1000
MAX_NAME = 256
"""Characters of a voice, a model, a cache id, a label or a phrase."""
MAX_SSML = 65_536
"""Characters of an SSML document."""
MAX_LOCALES = 10


# --- URIs -----------------------------------------------------------------------------------------------


def require_uri(uri: str, field: str, schemes: tuple[str, ...] = ("https", "http")) -> None:
    """Refuse ``field`` unless ``uri`` is absolute, has one of ``schemes``, and a host and port there may be,
    and is not too long.
    """
    wanted = f"expected an absolute {' or '.join(schemes)} URL"
    if len(uri) > MAX_URI:
        raise invalid_argument(field, f"{wanted} of at most {MAX_URI} characters, got {len(uri)}.")
    fault = _fault(uri, schemes)
    if fault is not None:
        why = f": {fault}" if fault else ""
        raise invalid_argument(field, f"{wanted}, got {without_secrets(uri)!r}{why}.")


@lru_cache(maxsize=256)
def _fault(uri: str, schemes: tuple[str, ...]) -> str | None:
    """Why a URI cannot be used, "" where that is plain to see; None where it can."""
    try:
        split = urlsplit(uri)
        absolute = split.scheme.lower() in schemes and bool(split.hostname)
        if not absolute or not uri.isprintable() or " " in uri:
            return ""
        return unreachable(uri) or None
    except ValueError:
        return ""


@dataclass(frozen=True, slots=True)
class CallbackRules:
    """What callback URIs a server takes: plain ``http`` ones, and ones that lead to ``private`` addresses."""

    http: bool = False
    private: bool = True


def require_callback(uri: str, field: str, rules: CallbackRules) -> None:
    """A callback URI; plain http only where the server allows it (contract section 0, rule 24).

    A host name may still resolve to a private address; that is found out when an event is sent.
    """
    _require_outward(uri, field, ("https", "http") if rules.http else ("https",), rules)


def require_stream(uri: str, field: str, rules: CallbackRules) -> None:
    """Where audio or transcripts go: wss, and plain ws where plain http callbacks are allowed."""
    _require_outward(uri, field, ("wss", "ws") if rules.http else ("wss",), rules)


def _require_outward(uri: str, field: str, schemes: tuple[str, ...], rules: CallbackRules) -> None:
    require_uri(uri, field, schemes)
    if not rules.private and _is_private(uri):
        host = urlsplit(uri).hostname
        raise invalid_argument(
            field, f"{host} is not an address of the public internet, and this server calls no other."
        )


@lru_cache(maxsize=256)
def _is_private(uri: str) -> bool:
    host = (urlsplit(uri).hostname or "").rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return not is_public(ip_address(host.partition("%")[0]))
    except ValueError:
        return False


def check_operation(model: Any) -> None:
    uri = model.operation_callback_uri
    if uri is not None:
        require_uri(uri, "operationCallbackUri")
    check_context(model)


def check_context(model: Any) -> None:
    check_length(model.operation_context, "operationContext", MAX_CONTEXT)


def check_length(value: str | None, field: str, longest: int) -> None:
    if value is not None and len(value) > longest:
        raise invalid_argument(field, f"expected at most {longest} characters, got {len(value)}.")


def check_display_name(name: str | None) -> None:
    """A display name travels in SIP headers, so control characters have no place in it."""
    if name is not None and (len(name) > MAX_DISPLAY_NAME or not name.isprintable()):
        raise invalid_argument(
            "sourceDisplayName",
            f"expected at most {MAX_DISPLAY_NAME} printable characters, got {name[:64]!r}.",
        )


def check_filled(value: str, field: str, longest: int = MAX_URI) -> None:
    if not value:
        raise invalid_argument(field, "it is required, but empty.")
    check_length(value, field, longest)


def check_range(value: float | None, field: str, low: int, high: int | None, unit: str = "") -> None:
    if value is None or (low <= value and (high is None or value <= high)):
        return
    bounds = f"at least {low}" if high is None else f"{low} to {high}"
    got = f"{value}" if abs(value) < 1e15 else "a number far outside"
    raise invalid_argument(field, f"expected {bounds}{unit}, got {got}.")


def check_count(items: Collection[object], field: str, low: int, high: int, what: str) -> None:
    if len(items) < low:
        raise invalid_argument(field, f"expected at least {low} {what}, got none.")
    if len(items) > high:
        raise invalid_argument(field, f"expected at most {high} {what}, got {len(items)}.")


# --- identifiers ----------------------------------------------------------------------------------------


def check_identifier(model: CommunicationIdentifierModel, field: str) -> Identifier:
    return Identifier.from_model(model, field)


def check_identifiers(
    models: Sequence[CommunicationIdentifierModel] | None, field: str, low: int = 0
) -> None:
    items = models or ()
    check_count(items, field, low, MAX_TARGETS, "identifiers")
    for index, model in enumerate(items):
        check_identifier(model, f"{field}[{index}]")


_DIALABLE = re.compile(r"\+?[0-9]{1,32}")


def is_dialable(number: str) -> bool:
    """Whether ``number`` may go into a SIP request: an optional plus and at most 32 digits."""
    return _DIALABLE.fullmatch(number) is not None


def check_callee(model: CommunicationIdentifierModel, field: str) -> bool:
    """Check someone to be called; True when it is a phone."""
    identifier = Identifier.from_model(model, field)
    if identifier.kind is not IdentifierKind.PHONE_NUMBER:
        return False
    number = identifier.phone_number or ""
    if not is_dialable(number):
        raise invalid_argument(field, f"expected a number such as +14255550123, got {number[:64]!r}.")
    return True


def check_caller_id(model: PhoneNumberModel | None, *, required_by: str = "") -> None:
    field = "sourceCallerIdNumber"
    if model is None:
        if required_by:
            raise invalid_argument(
                field, f"it is required, because {required_by} is a phone number; name a number of yours."
            )
    elif not is_dialable(model.value):
        raise invalid_argument(field, f"expected a number such as +14255550123, got {model.value[:64]!r}.")


# --- parts ----------------------------------------------------------------------------------------------

_TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")


def check_custom_context(context: parts.CustomCallingContext | None) -> None:
    if context is None:
        return
    field = "customCallingContext"
    sip = context.sip_headers or {}
    custom = [name for name in sip if name.casefold() != "user-to-user"]
    check_count(custom, f"{field}.sipHeaders", 0, MAX_SIP_HEADERS, "custom headers beside User-To-User")
    for name, value in sip.items():
        _header(name, value, f"{field}.sipHeaders", MAX_SIP_HEADER_NAME, MAX_SIP_HEADER_VALUE)
    for name in custom:
        if not name.casefold().startswith("x-"):
            raise invalid_argument(
                f"{field}.sipHeaders", f"expected names User-To-User, X-MS-Custom-* or X-*, got {name!r}."
            )
    voip = context.voip_headers or {}
    check_count(voip, f"{field}.voipHeaders", 0, MAX_VOIP_HEADERS, "headers")
    for name, value in voip.items():
        _header(name, value, f"{field}.voipHeaders", MAX_VOIP_HEADER_NAME, MAX_VOIP_HEADER_VALUE)
    if context.teams_phone_call_details is not None:
        _teams_details(context.teams_phone_call_details, f"{field}.teamsPhoneCallDetails")


def _header(name: str, value: str, field: str, longest_name: int, longest_value: int) -> None:
    if not name or len(name) > longest_name or not _TOKEN.issuperset(name):
        raise invalid_argument(
            field,
            f"expected header names of 1 to {longest_name} letters, digits and dashes, got {name[:80]!r}.",
        )
    if len(value) > longest_value or not value.isprintable():
        raise invalid_argument(
            f"{field}.{name}", f"expected at most {longest_value} printable characters, got {value[:80]!r}."
        )


def _teams_details(details: parts.TeamsPhoneCallDetails, field: str) -> None:
    check_length(details.call_topic, f"{field}.callTopic", MAX_CALL_TOPIC)
    caller = details.teams_phone_caller_details
    if caller is not None:
        check_identifier(caller.caller, f"{field}.teamsPhoneCallerDetails.caller")
        information = list(caller.additional_caller_information or ())
        where = f"{field}.teamsPhoneCallerDetails.additionalCallerInformation"
        check_count(information, where, 0, MAX_CALLER_INFORMATION, "entries")
    source = details.teams_phone_source_details
    if source is not None:
        check_identifier(source.source, f"{field}.teamsPhoneSourceDetails.source")


def check_play_source(source: requests.PlaySource, field: str) -> None:
    if source.kind is PlaySourceKind.FILE:
        if source.file is None:
            raise invalid_argument(f"{field}.file", "it is required for the kind file, but missing.")
        require_uri(source.file.uri, f"{field}.file.uri")
    elif source.kind is PlaySourceKind.TEXT:
        if source.text is None:
            raise invalid_argument(f"{field}.text", "it is required for the kind text, but missing.")
        if len(source.text.text) > MAX_TEXT:
            raise invalid_argument(
                f"{field}.text.text",
                f"expected at most {MAX_TEXT} characters, got {len(source.text.text)}; use SSML for more.",
            )
        check_locale(source.text.source_locale, f"{field}.text.sourceLocale")
        check_length(source.text.voice_name, f"{field}.text.voiceName", MAX_NAME)
        check_length(source.text.custom_voice_endpoint_id, f"{field}.text.customVoiceEndpointId", MAX_NAME)
    else:
        if source.ssml is None:
            raise invalid_argument(f"{field}.ssml", "it is required for the kind ssml, but missing.")
        check_length(source.ssml.ssml_text, f"{field}.ssml.ssmlText", MAX_SSML)
        check_length(source.ssml.custom_voice_endpoint_id, f"{field}.ssml.customVoiceEndpointId", MAX_NAME)
    check_length(source.play_source_cache_id, f"{field}.playSourceCacheId", MAX_NAME)


def check_play_sources(sources: Sequence[requests.PlaySource], field: str, low: int) -> None:
    check_count(sources, field, low, MAX_PLAY_SOURCES, "play sources")
    for index, source in enumerate(sources):
        check_play_source(source, f"{field}[{index}]")


_LOCALE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z]{4})?-([A-Za-z]{2}|[0-9]{3})(-[A-Za-z0-9]{1,32}){0,2}")
"""BCP 47 with a region: language, script if any, region, and what makes a dialect. The last may be as long as
the name of a voice, which Microsoft's own example gives as a locale.
"""


def check_locale(locale: str | None, field: str, *, required: bool = False) -> None:
    if not locale:
        if required:
            raise invalid_argument(field, "it is required, but missing; expected a locale such as en-US.")
        return
    if not _LOCALE.fullmatch(locale):
        raise invalid_argument(field, f"expected a locale with a region such as en-US, got {locale[:64]!r}.")


def check_locales(locales: Sequence[str] | None, field: str) -> None:
    """Languages to tell apart (preview)."""
    check_count(locales or (), field, 0, MAX_LOCALES, "locales")
    for index, locale in enumerate(locales or ()):
        check_locale(locale, f"{field}[{index}]", required=True)


def check_intelligence(model: Any) -> None:
    """The cognitive services endpoint of create, answer and connect, wherever the version puts it."""
    options: parts.CallIntelligenceOptions | None = model.call_intelligence_options
    if options is not None and options.cognitive_services_endpoint:
        require_uri(options.cognitive_services_endpoint, "callIntelligenceOptions.cognitiveServicesEndpoint")
    top_level = getattr(model, "cognitive_services_endpoint", None)
    if top_level:
        require_uri(top_level, "cognitiveServicesEndpoint")


def check_streams(model: Any) -> None:
    check_intelligence(model)
    streaming: parts.MediaStreamingOptions | None = model.media_streaming_options
    # Without a URL nothing can be sent; that is told when it is to start.
    if streaming is not None and streaming.transport_url is not None:
        require_uri(streaming.transport_url, "mediaStreamingOptions.transportUrl", ("wss", "ws"))
    transcription: parts.TranscriptionOptions | None = model.transcription_options
    if transcription is not None:
        if transcription.transport_url is not None:
            require_uri(transcription.transport_url, "transcriptionOptions.transportUrl", ("wss", "ws"))
        field = "transcriptionOptions"
        check_locale(transcription.locale, f"{field}.locale", required=not transcription.locales)
        check_locales(transcription.locales, f"{field}.locales")
        check_length(transcription.speech_model_endpoint_id, f"{field}.speechModelEndpointId", MAX_NAME)


_LOCATED_BY = {
    CallLocatorKind.SERVER_CALL: "serverCallId",
    CallLocatorKind.GROUP_CALL: "groupCallId",
    CallLocatorKind.ROOM_CALL: "roomId",
}


def check_locator(locator: parts.CallLocator, field: str = "callLocator") -> None:
    given = {
        "serverCallId": locator.server_call_id,
        "groupCallId": locator.group_call_id,
        "roomId": locator.room_id,
    }
    names = [name for name, value in given.items() if value]
    if len(names) != 1:
        got = " and ".join(names) or "none of them"
        raise invalid_argument(field, f"expected exactly one of {', '.join(given)}, got {got}.")
    if locator.kind is not None and _LOCATED_BY[locator.kind] != names[0]:
        raise invalid_argument(
            f"{field}.kind", f"{locator.kind} goes with {_LOCATED_BY[locator.kind]}, but {names[0]} is given."
        )
