"""What can be played: file sources now; text and SSML need a speech provider, and none is configured."""

from __future__ import annotations

from collections.abc import Sequence

from hookflash.media.line import Source
from hookflash.wire.enums import PlaySourceKind, RecognizeInputType
from hookflash.wire.requests import PlaySource, RecognizeRequest
from hookflash.wire.results import invalid_argument, not_supported


def audio_file(source: PlaySource, field: str, resource: str) -> Source:
    """The file of a source. Raises Refusal 405/8520 for text and SSML, 400/8523 when there is no file.

    A cache id means something within ``resource`` only: one app must not hear another's file.
    """
    if source.kind is not PlaySourceKind.FILE:
        raise not_supported(
            f"{field} is of kind {source.kind}, which needs a text-to-speech provider, and no speech "
            "provider is "
            "configured on this server; play a file source (a WAV behind an http or https URL) instead."
        )
    if source.file is None or not source.file.uri:
        raise invalid_argument(f"{field}.file.uri", "a source of kind file needs the URL of a WAV file.")
    cache_id = source.play_source_cache_id
    return Source(source.file.uri, f"{resource}/{cache_id}" if cache_id else None)


def audio_files(sources: Sequence[PlaySource], field: str, resource: str) -> tuple[Source, ...]:
    """Every source of a request, in order; see :func:`audio_file`."""
    return tuple(audio_file(source, f"{field}[{index}]", resource) for index, source in enumerate(sources))


def refuse_speech(request: RecognizeRequest) -> None:
    """Raises Refusal 405/8520 for everything but DTMF recognition."""
    kind = request.recognize_input_type
    if kind is not RecognizeInputType.DTMF:
        raise not_supported(
            f"recognizeInputType {kind} needs a speech-to-text provider, and no speech provider is "
            "configured on this "
            "server; recognizeInputType dtmf works without one."
        )
