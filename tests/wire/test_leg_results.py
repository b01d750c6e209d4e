"""Contract section 4.5: ends of call legs."""

from __future__ import annotations

import json

import msgspec
import pytest

from hookflash.wire.leg_results import leg_result


@pytest.mark.parametrize("status", [403, 404, 408, 480, 484, 486, 487, 500, 503, 603, 499, 606])
def test_outbound_leg_refused(status: int) -> None:
    result = leg_result(status, "Some Reason", True)
    assert (result.code, result.sub_code) == (status, 560000 + status)
    assert result.message.endswith(f" DiagCode: {status}#{560000 + status}.@")
    assert result.sip_details is not None
    assert (result.sip_details.code, result.sip_details.message) == (status, "Some Reason")
    assert leg_result(status, "Some Reason", False).sub_code == 540000 + status


def test_busy_reads_as_in_the_contract() -> None:
    result = leg_result(486, "Busy Here", True, q850=17, q850_text="User busy")
    assert result.message == "Call ended because remote PSTN participant was busy. DiagCode: 486#560486.@"
    assert json.loads(msgspec.json.encode(result)) == {
        "code": 486,
        "subCode": 560486,
        "message": result.message,
        "sipDetails": {"code": 486, "message": "Busy Here"},
        "q850Details": {"code": 17, "message": "User busy"},
    }


def test_unusual_status_names_itself() -> None:
    assert "SIP 499 Teapot." in leg_result(499, "Teapot", True).message
    assert "SIP 499." in leg_result(499, "", True).message


@pytest.mark.parametrize("status", [0, 200])
def test_normal_end_is_code_200(status: int) -> None:
    outward, inward = leg_result(status, "OK", True), leg_result(status, "OK", False)
    assert (outward.code, outward.sub_code) == (200, 560000)
    assert (inward.code, inward.sub_code) == (200, 540000)
    assert outward.message == "The conversation has ended. DiagCode: 0#560000.@"
    assert outward.sip_details is None


def test_platform_decisions_keep_their_sub_code() -> None:
    result = leg_result(403, "", True, 511532)
    assert (result.code, result.sub_code, result.sip_details) == (403, 511532, None)
    assert "trunk" in result.message
    assert leg_result(487, "Request Terminated", True, sub_code=10004).message.startswith(
        "Call was not answered"
    )
    assert leg_result(500, "Worker died.", False, 4999).message == "Worker died. DiagCode: 500#4999.@"
    assert leg_result(200, "", False, 4999).message == "The conversation has ended. DiagCode: 0#4999.@"


def test_details_only_from_2026_03_12() -> None:
    old = leg_result(486, "Busy Here", True, q850=17, version="2025-06-15")
    assert old.sip_details is None
    assert old.q850_details is None
    assert leg_result(486, "Busy Here", True, q850=17, version="2026-03-12").q850_details is not None
