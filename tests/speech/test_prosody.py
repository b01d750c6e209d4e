"""The values of prosody and break."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookflash.speech import prosody
from hookflash.speech.script import SILENT_DB, Manner

PLAIN = Manner()
CHANGED = Manner(rate=1.2, gain_db=-6.0206, pitch=2)


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("500ms", 500),
        ("1.5s", 1500),
        (" 2 S ", 2000),
        ("+250ms", 250),
        (".5s", 500),
        ("0ms", 0),
        ("99s", 20_000),
    ]
    + [(bad, None) for bad in ("", "500", "-1s", "1m", "s", "1e3ms", "nan")],
)
def test_times(text: str, ms: int | None) -> None:
    assert prosody.duration_ms(text) == ms


def test_strengths() -> None:
    names = ["none", "x-weak", "weak", "medium", "strong", "x-strong", "huge"]
    assert [prosody.strength_ms(name) for name in names] == [0, 250, 500, 750, 1000, 1250, None]


@pytest.mark.parametrize(
    ("text", "now", "rate"),
    [
        ("x-slow", PLAIN, 0.5),
        ("fast", CHANGED, 1.55),
        ("default", CHANGED, 1.0),
        ("1.5", CHANGED, 1.5),
        ("+30.00%", PLAIN, 1.3),
        ("50%", PLAIN, 1.5),
        ("-50%", CHANGED, 0.6),
        ("+0.5", PLAIN, 1.5),
        ("9", PLAIN, 2.0),
        ("0", PLAIN, 0.5),
        ("quick", PLAIN, None),
        ("", PLAIN, None),
        ("3Hz", PLAIN, None),
    ],
)
def test_rates(text: str, now: Manner, rate: float | None) -> None:
    assert prosody.rate(text, now) == (None if rate is None else pytest.approx(rate))


@pytest.mark.parametrize(
    ("text", "now", "db"),
    [
        ("silent", PLAIN, SILENT_DB),
        ("0", PLAIN, SILENT_DB),
        ("100", CHANGED, 0.0),
        ("50", PLAIN, -6.0206),
        ("loud", PLAIN, -1.9382),
        ("-50%", PLAIN, -6.0206),
        ("-50%", CHANGED, -12.0412),
        ("-50", PLAIN, -6.0206),
        ("+10", PLAIN, 0.8279),
        ("+6dB", CHANGED, -0.0206),
        ("+100%", PLAIN, 6.0),
        ("-200%", PLAIN, SILENT_DB),
        ("120", PLAIN, 0.0),
        ("noisy", PLAIN, None),
        ("5st", PLAIN, None),
    ],
)
def test_volumes(text: str, now: Manner, db: float | None) -> None:
    assert prosody.gain(text, now) == (None if db is None else pytest.approx(db, abs=1e-3))


@pytest.mark.parametrize(
    ("text", "now", "semitones"),
    [
        ("medium", CHANGED, 0.0),
        ("high", PLAIN, 3.156),
        ("x-low", PLAIN, -10.35),
        ("-2st", PLAIN, -2.0),
        ("+2st", CHANGED, 4.0),
        ("50%", PLAIN, 7.02),
        ("-50%", PLAIN, -12.0),
        ("210Hz", Manner(gender="female"), 0.0),
        ("240Hz", Manner(gender="male"), 12.0),
        ("+12Hz", Manner(gender="male"), 1.65),
        ("1000000Hz", PLAIN, 12.0),
        ("0Hz", PLAIN, -12.0),
        ("shrill", PLAIN, None),
        ("3", PLAIN, None),
    ],
)
def test_pitches(text: str, now: Manner, semitones: float | None) -> None:
    assert prosody.pitch(text, now) == (None if semitones is None else pytest.approx(semitones, abs=0.01))


def test_emphasis() -> None:
    assert prosody.emphasis("", PLAIN) == prosody.emphasis("moderate", PLAIN) == (0.95, 1.5)
    assert prosody.emphasis("none", CHANGED) == (1.2, -6.0206)
    assert prosody.emphasis("loudly", PLAIN) is None


_manners = st.builds(
    Manner,
    rate=st.floats(0.5, 2),
    gain_db=st.floats(SILENT_DB, 6),
    pitch=st.floats(-12, 12),
    gender=st.sampled_from(["", "male", "female"]),
)
_values = st.one_of(
    st.text(max_size=12),
    st.builds(
        "{}{}{}".format,
        st.sampled_from(["", "+", "-"]),
        st.one_of(st.integers(0, 10**9), st.floats(0, 1e6).map("{:.3f}".format)),
        st.sampled_from(["", "%", "Hz", "st", "dB", " st"]),
    ),
)


@given(_values, _manners)
def test_whatever_is_written_stays_within_bounds(text: str, now: Manner) -> None:
    rate, gain, pitch = prosody.rate(text, now), prosody.gain(text, now), prosody.pitch(text, now)
    assert rate is None or 0.5 <= rate <= 2
    assert gain is None or SILENT_DB <= gain <= prosody.MAX_GAIN_DB
    assert pitch is None or -prosody.MAX_PITCH <= pitch <= prosody.MAX_PITCH
    ms = prosody.duration_ms(text)
    assert ms is None or 0 <= ms <= prosody.MAX_BREAK_MS
