from __future__ import annotations

from datetime import UTC, datetime
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookflash.wire.timestamps import (
    dotnet_ticks,
    imf_fixdate,
    millisecond_time,
    offset_time,
    parse_imf_fixdate,
    zulu_time,
)


def test_seven_fraction_digits() -> None:
    assert offset_time(1781377807.5) == "2026-06-13T19:10:07.5000000+00:00"
    assert zulu_time(1781377807.25) == "2026-06-13T19:10:07.2500000Z"
    assert offset_time(0.99999999) == "1970-01-01T00:00:01.0000000+00:00"


def test_three_fraction_digits() -> None:
    assert millisecond_time(1781377807.9249) == "2026-06-13T19:10:07.925Z"
    assert millisecond_time(0.9999) == "1970-01-01T00:00:01.000Z"


def test_dotnet_ticks() -> None:
    assert dotnet_ticks(0) == 621355968000000000
    # `e` of a serverCallId in the contract: 2025-06-13.
    assert dotnet_ticks(datetime(2025, 6, 13, tzinfo=UTC).timestamp()) == 638853696000000000


@given(st.integers(min_value=0, max_value=4_000_000_000))
def test_imf_fixdate_round_trips(moment: int) -> None:
    text = imf_fixdate(moment)
    assert parse_imf_fixdate(text) == moment
    assert text == formatdate(moment, usegmt=True)


def test_known_date() -> None:
    assert parse_imf_fixdate("Sun, 06 Nov 1994 08:49:37 GMT") == 784111777
    assert imf_fixdate(784111777.9) == "Sun, 06 Nov 1994 08:49:37 GMT"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Mon, 06 Nov 1994 08:49:37 GMT",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 08:49:37 +0000",
        "Sun. 06 Nov 1994 08:49:37 GMT",
        "Sun, 06-Nov-1994 08:49:37 GMT",
        "Sun, 06 nov 1994 08:49:37 GMT",
        "Sun, 31 Feb 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 25:49:37 GMT",
        "Sun, 0x Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994     ",
        "Sun, ٠٦ Nov 1994 08:49:37 GMT",
    ],
)
def test_what_is_no_imf_fixdate(text: str) -> None:
    assert parse_imf_fixdate(text) is None


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    moment = parse_imf_fixdate(text)
    assert moment is None or imf_fixdate(moment) == text
