"""Commands: control -> media worker."""

from __future__ import annotations

import msgspec

from hookflash.ports.plane_messages import PlaneMessage, SrtpSource


class OpenLeg(PlaneMessage, frozen=True):
    """Reserve a row for ``leg`` in ``call``. ``socket`` False makes an app leg: one without a network side.

    Answered by :class:`LegOpened` or :class:`LegRefused`.
    """

    leg: int
    call: int
    socket: bool


class SrtpKeys(msgspec.Struct, array_like=True, frozen=True):
    """How a leg's RTP and RTCP are protected (SDES, RFC 4568).

    ``suite`` is "AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32" or "AEAD_AES_128_GCM"; the keys are
    master key and salt, one after the other (30 octets; 28 for AEAD).
    """

    suite: str
    send_key: bytes
    receive_key: bytes

    def __repr__(self) -> str:
        """Without the keys: messages are logged."""
        return f"SrtpKeys({self.suite!r})"


class OpusTerms(msgspec.Struct, array_like=True, frozen=True):
    """What a peer wishes of the Opus it gets (RFC 7587 section 6.1).

    ``bitrate`` is the most on average in bit/s, 0 for no bound; ``rate`` in Hz is what it can play; with
    ``fec`` it makes use of in-band FEC, with ``dtx`` it wants no packets of silence; ``constant``: all
    packets are to have one size.
    """

    bitrate: int = 0
    rate: int = 48_000
    fec: bool = True
    dtx: bool = False
    constant: bool = False


class ConnectLeg(PlaneMessage, frozen=True):
    """Say where and how RTP flows; may be repeated after a re-offer.

    ``codec`` is "PCMU", "PCMA", "G722", "L16" or "OPUS"; ``clock`` its RTP clock in Hz: 8,000 (G.711, G.722,
    L16 at 8,000 Hz), 16,000 (L16 at 16,000 Hz) or 48,000 (Opus). ``payload_type`` is what we send;
    ``event_payload_type`` the negotiated telephone-event payload type at the same clock, or -1 when none was
    (DTMF then goes in band). The ``receive_`` ones are what we expect, -1: the same as we send.
    ``noise_payload_type`` is comfort noise (RFC 3389) as the peer sends it, -1 when it was not agreed.
    ``ptime`` is the ms of audio in each packet we send: 10, 20, 30, 40 or 60.
    ``host``/``port`` are the peer's RTP address from SDP ("" and 0: learn it from the first packet),
    ``rtcp_host``/``rtcp_port`` its RTCP address ("" and 0: the port after RTP's); with ``rtcp_mux`` RTCP
    shares the RTP port (RFC 5761). ``sending``/``receiving`` follow the SDP direction as seen from us.
    ``opus`` is about what we send when that is Opus.
    ``source`` is, for a protected leg from another worker, how far the peer's stream had come there.
    """

    leg: int
    host: str
    port: int
    payload_type: int
    codec: str
    event_payload_type: int
    sending: bool
    receiving: bool
    clock: int = 8000
    ptime: int = 20
    receive_payload_type: int = -1
    receive_event_payload_type: int = -1
    noise_payload_type: int = 13
    rtcp_host: str = ""
    rtcp_port: int = 0
    rtcp_mux: bool = False
    srtp: SrtpKeys | None = None
    source: SrtpSource | None = None
    opus: OpusTerms = OpusTerms()


class JoinMix(PlaneMessage, frozen=True):
    """From now on ``leg`` hears the other joined legs of its call, and they hear it."""

    leg: int


class LeaveMix(PlaneMessage, frozen=True):
    """``leg`` neither hears nor is heard; plays addressed to it still reach it (hold, early legs)."""

    leg: int


class MuteLeg(PlaneMessage, frozen=True):
    """While ``muted``, nobody hears ``leg``; it hears the others as before."""

    leg: int
    muted: bool


class SetGain(PlaneMessage, frozen=True):
    """Make ``leg`` louder or quieter for those who hear it: ``gain_db`` 0 is as it speaks, -60..+20."""

    leg: int
    gain_db: float


class HearingRule(msgspec.Struct, array_like=True, frozen=True):
    """``listener`` hears ``speaker`` (both legs of one call) with ``gain``: 0 not at all, 1 as it speaks."""

    listener: int
    speaker: int
    gain: float


class SetHearing(PlaneMessage, frozen=True):
    """Who hears whom in ``call``, instead of what was said before: pairs without a rule hear each other.

    Rules about legs that are not in the call wait until they are. A whisper is a speaker whom all but one
    hear with gain 0.
    """

    call: int
    rules: tuple[HearingRule, ...]


class MoveLeg(PlaneMessage, frozen=True):
    """``leg`` belongs to ``call`` from now on; it is in no mix until :class:`JoinMix`.

    It leaves the plays of its former call, and its taps end; all else stays as it is.
    """

    leg: int
    call: int


class CloseLeg(PlaneMessage, frozen=True):
    """Free the row, its sockets and its plays. Answered by :class:`LegClosed`."""

    leg: int


class LoadClip(PlaneMessage, frozen=True):
    """Give the worker audio to play, once; ``pcm`` is int16 LE mono at ``rate`` 8,000 or 16,000 Hz.

    The same at 16,000 Hz (twice as many samples) may follow for a clip that was given at 8,000 Hz: wideband
    legs hear that then. A clip given at 16,000 Hz alone is narrowed for the others.
    """

    clip: int
    pcm: bytes
    rate: int = 8000


class DropClip(PlaneMessage, frozen=True):
    """Forget a clip; a play that still uses it keeps its own reference."""

    clip: int


class StartPlay(PlaneMessage, frozen=True):
    """Play ``clips`` one after the other, sample-exactly joined, to each of ``legs``.

    ``loop`` repeats the whole list until :class:`StopPlay`. ``more`` True says that :class:`ExtendPlay` will
    follow: when the clips run out the play waits in silence instead of finishing. A key heard of the leg
    ``until_key`` stops it in the same tick, as :class:`StopPlay` would a tick later.
    """

    play: int
    legs: tuple[int, ...]
    clips: tuple[int, ...]
    loop: bool
    more: bool
    until_key: int | None = None


class ExtendPlay(PlaneMessage, frozen=True):
    """Append clips to a running play; ``more`` as in :class:`StartPlay`."""

    play: int
    clips: tuple[int, ...]
    more: bool


class AddPlayLeg(PlaneMessage, frozen=True):
    """Let one more leg hear a running play (someone joined the call)."""

    play: int
    leg: int


class RemovePlayLeg(PlaneMessage, frozen=True):
    """A leg does not hear a running play any more (it was put on hold); the others do."""

    play: int
    leg: int


class StopPlay(PlaneMessage, frozen=True):
    """Stop a play with a short fade; no :class:`PlayFinished` follows."""

    play: int


class AskPlay(PlaneMessage, frozen=True):
    """How far is a play? Answered by :class:`PlayProgress` after the next tick."""

    play: int


class SendTones(PlaneMessage, frozen=True):
    """Send DTMF on ``leg``: ``digits`` over "0123456789*#ABCD", each ``tone_ms`` long, ``gap_ms`` apart.

    Among them "w" is a pause of half a second and "W" one of a second.

    RFC 4733 when telephone-event was negotiated, in-band tones otherwise. Answered by :class:`TonesSent` or
    :class:`TonesRefused`.
    """

    sending: int
    leg: int
    digits: str
    tone_ms: int
    gap_ms: int


class StopTones(PlaneMessage, frozen=True):
    """Abort a sending; the digit being sent is ended properly. No :class:`TonesSent` follows."""

    sending: int


class OpenTap(PlaneMessage, frozen=True):
    """From now on write a frame a tick into ring ``tap``. Answered by :class:`TapClosed` when it ends.

    ``kind`` is "heard" (what leg ``subject`` hears), "said" (what others hear of leg ``subject``), "whole"
    (all of call ``subject``, prompts included) or "prompts" (those of call ``subject`` alone). ``itself``:
    the leg's own voice is part of what it hears. ``rate`` is 8,000 or 16,000 Hz. ``patient``: its reader does
    with being told of some ticks only.
    """

    tap: int
    kind: str
    subject: int
    itself: bool = False
    rate: int = 8000
    patient: bool = False


class CloseTap(PlaneMessage, frozen=True):
    """Write no more into a ring."""

    tap: int


class OpenVoice(PlaneMessage, frozen=True):
    """What control writes into ring ``voice`` is what ``leg`` says, until :class:`VoiceClosed`.

    ``rate`` is that of the samples in the ring: 8,000 or 16,000 Hz.
    """

    voice: int
    leg: int
    rate: int = 8000


class CloseVoice(PlaneMessage, frozen=True):
    """Read no more from a ring."""

    voice: int


class Shutdown(PlaneMessage, frozen=True):
    """Close everything and exit."""


PlaneCommand = (
    OpenLeg
    | ConnectLeg
    | JoinMix
    | LeaveMix
    | MuteLeg
    | SetGain
    | SetHearing
    | MoveLeg
    | CloseLeg
    | LoadClip
    | DropClip
    | StartPlay
    | ExtendPlay
    | AddPlayLeg
    | RemovePlayLeg
    | StopPlay
    | AskPlay
    | SendTones
    | StopTones
    | OpenTap
    | CloseTap
    | OpenVoice
    | CloseVoice
    | Shutdown
)
