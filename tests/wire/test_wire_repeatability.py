from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookflash.wire.repeatability import Repeatability, repeatability
from hookflash.wire.results import Refusal
from hookflash.wire.timestamps import imf_fixdate

ID = "0f7a4bdc-5f3e-4d0e-9e5b-8d6a2b1c3d4e"
SENT = "Sun, 06 Nov 1994 08:49:37 GMT"


def test_neither_header() -> None:
    assert repeatability(None, None) is None


def test_both_headers() -> None:
    assert repeatability(ID.upper(), SENT) == Repeatability(ID, 784111777)


@given(st.uuids(version=4), st.integers(0, 4_000_000_000))
def test_any_version_4_id_and_date(guid: UUID, moment: int) -> None:
    assert repeatability(str(guid), imf_fixdate(moment)) == Repeatability(str(guid), moment)


@pytest.mark.parametrize(
    ("request_id", "first_sent", "target"),
    [
        (None, SENT, "Repeatability-Request-ID"),
        (ID, None, "Repeatability-First-Sent"),
        ("", SENT, "Repeatability-Request-ID"),
        ("x" * 36, SENT, "Repeatability-Request-ID"),
        ("0f7a4bdc-5f3e-1d0e-9e5b-8d6a2b1c3d4e", SENT, "Repeatability-Request-ID"),
        ("{0f7a4bdc-5f3e-4d0e-9e5b-8d6a2b1c3d4e}", SENT, "Repeatability-Request-ID"),
        (ID.replace("-", ""), SENT, "Repeatability-Request-ID"),
        (ID, "", "Repeatability-First-Sent"),
        (ID, "1994-11-06T08:49:37Z", "Repeatability-First-Sent"),
    ],
)
def test_what_is_refused(request_id: str | None, first_sent: str | None, target: str) -> None:
    with pytest.raises(Refusal) as info:
        repeatability(request_id, first_sent)
    assert (info.value.status, info.value.code, info.value.target) == (400, "8523", target)
