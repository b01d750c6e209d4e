"""What can be played and recognised: files and keys; speech needs a provider, and this version has none.

The contract has speech only for calls that were set up with a cognitive services endpoint; without one the
answer is 405/8522, as for transcription. With one, the real service asks its own identity in, and where that
is not possible answers 400/8567; this server has no provider behind any endpoint, so that is its answer too.
An empty text needs no provider to be found out: it is accepted and fails with 8582 (contract section 4.4).
"""

from __future__ import annotations

from collections.abc import Sequence

from hookflash.media.line import Source
from hookflash.wire.enums import PlaySourceKind, RecognizeInputType
from hookflash.wire.requests import PlaySource, RecognizeRequest
from hookflash.wire.results import (
    Refusal,
    cognitive_services_unavailable,
    invalid_argument,
    not_configured,
)

EMPTY = Source("")
"""Stands for a text or SSML with nothing in it; it cannot be played."""


def audio(source: PlaySource, field: str, resource: str, endpoint: str | None) -> Source:
    """What to play for a source. Raises Refusal 405/8522 or 400/8567 for speech, 400/8523 without a file.

    ``endpoint`` is the cognitive services endpoint of the call, if it was set up with one. A cache id means
    something within ``resource`` only: one app must not hear another's file.
    """
    if source.kind is not PlaySourceKind.FILE:
        spoken = source.text.text if source.text else source.ssml.ssml_text if source.ssml else ""
        if endpoint and not spoken.strip():
            return EMPTY
        raise _no_speech(
            f"{field} is of kind {source.kind}",
            endpoint,
            "play a file source (a WAV behind an http or https URL) instead",
        )
    if source.file is None or not source.file.uri:
        raise invalid_argument(f"{field}.file.uri", "a source of kind file needs the URL of a WAV file.")
    cache_id = source.play_source_cache_id
    return Source(source.file.uri, f"{resource}/{cache_id}" if cache_id else None)


def audios(
    sources: Sequence[PlaySource], field: str, resource: str, endpoint: str | None
) -> tuple[Source, ...]:
    """Every source of a request, in order; see :func:`audio`."""
    return tuple(
        audio(source, f"{field}[{index}]", resource, endpoint) for index, source in enumerate(sources)
    )


def first_empty(sources: Sequence[Source]) -> int | None:
    """The index of the first source with nothing to say, None when there is no such."""
    return next((index for index, source in enumerate(sources) if source is EMPTY), None)


def refuse_speech(request: RecognizeRequest, endpoint: str | None) -> None:
    """Raises Refusal 405/8522 or 400/8567 for everything but DTMF recognition."""
    kind = request.recognize_input_type
    if kind is not RecognizeInputType.DTMF:
        raise _no_speech(f"recognizeInputType is {kind}", endpoint, "recognizeInputType dtmf needs none")


def _no_speech(what: str, endpoint: str | None, instead: str) -> Refusal:
    if not endpoint:
        return not_configured(
            f"{what}, which needs callIntelligenceOptions.cognitiveServicesEndpoint, and that was not given "
            f"when the call was created, answered or connected; {instead}."
        )
    return cognitive_services_unavailable(
        f"{what}, which needs a speech provider, and this server has none behind the cognitive services "
        f"endpoint or of its own; {instead}."
    )
