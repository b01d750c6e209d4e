"""What a peer wishes of our Opus (RFC 7587 section 6.1)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookflash.ports.plane_commands import OpusTerms
from hookflash.sip.opus_terms import opus_terms
from hookflash.sip.sdp import MediaDescription


def terms(*fmtp: str, number: int = 111) -> OpusTerms:
    lines = tuple(("fmtp", one) for one in fmtp)
    return opus_terms(MediaDescription("audio", 4000, "RTP/AVP", ("111",), None, lines), number)


@pytest.mark.parametrize(
    ("said", "wished"),
    [
        ("minptime=10; useinbandfec=1", OpusTerms()),
        ("maxaveragebitrate=12000;maxplaybackrate=8000", OpusTerms(12_000, 8_000, fec=False)),
        ("USEDTX=1 ; UseInbandFec=1", OpusTerms(dtx=True)),
        ("cbr=1;usedtx=0;useinbandfec=1", OpusTerms(constant=True)),
        ("maxaveragebitrate=5999;maxplaybackrate=7999;useinbandfec=1", OpusTerms()),
        ("maxaveragebitrate=510001;maxplaybackrate=48001;useinbandfec=1", OpusTerms()),
        ("maxaveragebitrate=-1;maxplaybackrate=;usedtx=2;useinbandfec=1;;=;x", OpusTerms()),
        ("maxaveragebitrate=99999999999999999999;useinbandfec=1", OpusTerms()),
    ],
)
def test_wishes_are_read_and_nonsense_is_ignored(said: str, wished: OpusTerms) -> None:
    assert terms(f"111 {said}") == wished


def test_without_a_word_there_is_no_forward_error_correction() -> None:
    """Section 6.1: the default of useinbandfec is 0."""
    assert terms() == OpusTerms(fec=False)
    assert terms("96 useinbandfec=1", "101 0-15") == OpusTerms(fec=False)


@given(st.text(max_size=60))
def test_any_text_is_borne(text: str) -> None:
    found = terms(f"111 {text}")
    assert found.bitrate == 0 or 6_000 <= found.bitrate <= 510_000
    assert 8_000 <= found.rate <= 48_000
