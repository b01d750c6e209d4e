"""What can be played: files, and words where there is a voice to say them (contract section 6.2).

The contract has speech only for calls that were set up with a cognitive services endpoint; without one the
answer is 405/8522, as for transcription. With one, the real service asks its own identity in, and where that
is not possible answers 400/8567; a server without any provider of speech answers the same. An empty text
needs no provider to be found out: it is accepted and fails with 8582 (contract section 4.4).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from hookflash.media.line import Audio, Line, Source
from hookflash.media.speech import Speech
from hookflash.wire.enums import PlaySourceKind, RecognizeInputType
from hookflash.wire.requests import PlaySource, RecognizeRequest
from hookflash.wire.results import (
    Refusal,
    cognitive_services_unavailable,
    invalid_argument,
    not_configured,
)
from hookflash.wire.urls import without_secrets

_SHOWN = 4
_CUT = 60
_LOOKED_AT = 4 * 2048
"""Characters of SSML in which URLs are looked for, some of the longest: what is shown is the beginning."""
_URL = re.compile(r"[a-z][a-z0-9+.-]{0,9}://[^\s\"'<>]*", re.IGNORECASE)


def audio(source: PlaySource, field: str, line: Line) -> Audio:
    """What to play for a source. Raises Refusal 405/8522 or 400/8567 for speech, 400/8523 without a file.

    A cache id means something within the resource of ``line`` only: one app must not hear another's audio.
    """
    cache_id = f"{line.resource}/{source.play_source_cache_id}" if source.play_source_cache_id else None
    if source.kind is PlaySourceKind.FILE:
        if source.file is None or not source.file.uri:
            raise invalid_argument(f"{field}.file.uri", "a source of kind file needs the URL of a WAV file.")
        return Source(source.file.uri, cache_id)
    speech = replace(_speech(source, cache_id, strict=line.abilities.strict), owner=line.resource)
    if not line.cognitive_endpoint or not (line.abilities.speaks or is_empty(speech)):
        raise _no_speech(
            f"{field} is of kind {source.kind}",
            line.cognitive_endpoint,
            "play a file source (a WAV behind an http or https URL) instead",
        )
    return speech


def audios(sources: Sequence[PlaySource], field: str, line: Line) -> tuple[Audio, ...]:
    """Every source of a request, in order; see :func:`audio`."""
    return tuple(audio(source, f"{field}[{index}]", line) for index, source in enumerate(sources))


def is_empty(source: Audio) -> bool:
    """Whether there is nothing to be said."""
    return isinstance(source, Speech) and not (source.text.strip() or source.ssml.strip())


def described(sources: Sequence[Audio]) -> str:
    """What is played, for people: URLs without their secrets, texts cut short."""
    return "; ".join(map(_described, sources[:_SHOWN])) + ("; ..." if len(sources) > _SHOWN else "")


def _described(source: Audio) -> str:
    if isinstance(source, Source):
        return f"file {without_secrets(source.url)}"
    kind, said = ("SSML", _without_secrets(source.ssml)) if source.ssml else ("text", source.text)
    voice = source.voice or source.locale
    return f"{kind} {said[:_CUT]!r}{'...' if len(said) > _CUT else ''}{f' by {voice}' if voice else ''}"


def _without_secrets(ssml: str) -> str:
    """The beginning of a document, its URLs without what may be secret in them."""
    return _URL.sub(lambda match: without_secrets(match[0]), ssml[:_LOOKED_AT])


def first_empty(sources: Sequence[Audio]) -> int | None:
    """The index of the first source with nothing to say, None when there is no such."""
    return next((index for index, source in enumerate(sources) if is_empty(source)), None)


def refuse_speech(request: RecognizeRequest, line: Line) -> None:
    """Raises Refusal 405/8522 or 400/8567 for a recognition that needs more than keys and cannot have it.

    Where there are voices but nobody understands words, what can be answered by keys as well is taken by keys
    alone; a strict server refuses that too.
    """
    kind = request.recognize_input_type
    if kind is RecognizeInputType.DTMF or (line.cognitive_endpoint and line.abilities.understands):
        return
    lenient = line.abilities.speaks and not line.abilities.strict
    if line.cognitive_endpoint and lenient and _has_keys(request):
        return
    raise _no_speech(
        f"recognizeInputType is {kind}", line.cognitive_endpoint, "recognizeInputType dtmf needs none"
    )


def _has_keys(request: RecognizeRequest) -> bool:
    """Whether a recognition of words can be answered by keys too."""
    if request.recognize_input_type is RecognizeInputType.CHOICES:
        return any(choice.tone is not None for choice in request.recognize_options.choices or ())
    return request.recognize_input_type is RecognizeInputType.SPEECH_OR_DTMF


def _speech(source: PlaySource, cache_id: str | None, *, strict: bool) -> Speech:
    if source.kind is PlaySourceKind.SSML:
        ssml = source.ssml
        return Speech(
            ssml=ssml.ssml_text if ssml else "",
            cache_id=cache_id,
            endpoint=(ssml.custom_voice_endpoint_id or "") if ssml else "",
            strict=strict,
        )
    text = source.text
    if text is None:
        return Speech(cache_id=cache_id, strict=strict)
    return Speech(
        text=text.text,
        voice=text.voice_name or "",
        locale=text.source_locale or "",
        gender=text.voice_kind.value if text.voice_kind else "",
        cache_id=cache_id,
        endpoint=text.custom_voice_endpoint_id or "",
        strict=strict,
    )


def _no_speech(what: str, endpoint: str | None, instead: str) -> Refusal:
    if not endpoint:
        return not_configured(
            f"{what}, which needs callIntelligenceOptions.cognitiveServicesEndpoint, and that was not given "
            f"when the call was created, answered or connected; {instead}."
        )
    return cognitive_services_unavailable(
        f"{what}, which needs a speech provider, and this server has none: install hookflash[speech] "
        f"or configure a [[speech_provider]]; {instead}."
    )
