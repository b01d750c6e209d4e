"""Payload types and what they are."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hookflash.sip.codecs import ALL, BY_NAME, NOISE, event_format, formats, numbered, written
from hookflash.sip.sdp import MediaDescription, RtpMap

OPUS, WIDE = BY_NAME["opus"].format, BY_NAME["L16/16000"].format
FORMS = [*(codec.format for codec in ALL), NOISE, *(event_format(rate) for rate in (8_000, 16_000, 48_000))]


def test_numbers_that_are_taken_are_replaced_by_free_ones() -> None:
    kept = {RtpMap("SPEEX", 8_000): 96, RtpMap("ILBC", 8_000): 97}
    assert numbered([OPUS, WIDE], kept) == [(127, OPUS), (126, WIDE)]


def test_a_number_is_kept() -> None:
    assert numbered([WIDE, OPUS], {OPUS: 97}) == [(127, WIDE), (97, OPUS)]


@given(
    st.lists(st.sampled_from(FORMS), unique=True),
    st.dictionaries(st.sampled_from([*FORMS, RtpMap("SPEEX", 8_000)]), st.integers(0, 127)).map(
        lambda kept: {
            form: number for number, form in {number: form for form, number in kept.items()}.items()
        }
    ),
)
def test_no_number_means_two_things(wanted: list[RtpMap], kept: dict[RtpMap, int]) -> None:
    found = numbered(wanted, kept)
    assert [form for _, form in found] == wanted
    numbers = [number for number, _ in found]
    assert len(set(numbers)) == len(numbers)
    assert all(0 <= number < 128 for number in numbers)
    for number, form in found:
        assert kept.get(form, number) == number
        assert number not in [one for other, one in kept.items() if other != form]


@given(st.lists(st.sampled_from(FORMS), unique=True, min_size=1))
def test_what_is_written_is_read_again(wanted: list[RtpMap]) -> None:
    pairs = numbered(wanted, {})
    maps = tuple(("rtpmap", f"{number} {written(form)}") for number, form in pairs)
    media = MediaDescription("audio", 4, "RTP/AVP", tuple(str(number) for number, _ in pairs), None, maps)
    assert formats(media) == pairs


def test_static_numbers_need_no_rtpmap() -> None:
    media = MediaDescription("audio", 4, "RTP/AVP", ("9", "13", "0", "8", "18"))
    assert [form.encoding for _, form in formats(media)] == ["G722", "CN", "PCMU", "PCMA"]
