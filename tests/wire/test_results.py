"""Contract section 4: error bodies, refusals and results of events."""

from __future__ import annotations

import json

import pytest

from hookflash.wire import results
from hookflash.wire.results import ErrorDetail, Refusal, ResultInformation
from hookflash.wire.subcodes import SUB_CODES


def test_error_body() -> None:
    refusal = results.not_found("Recording not found.")
    assert json.loads(refusal.body()) == {"error": {"code": "8522", "message": "Recording not found."}}
    assert str(refusal) == "Recording not found."


def test_error_body_with_target_and_details() -> None:
    details = [ErrorDetail("8523", "too long", "tones[3]")]
    body = json.loads(Refusal(400, 8523, "no", target="tones", details=details).body())
    assert body["error"] == {
        "code": "8523",
        "message": "no",
        "target": "tones",
        "details": [{"code": "8523", "message": "too long", "target": "tones[3]"}],
    }


@pytest.mark.parametrize(
    ("refusal", "status", "code"),
    [
        (results.invalid_argument("callbackUri", "no."), 400, "8523"),
        (results.not_established("x"), 400, "8501"),
        (results.call_terminated("x"), 400, "8528"),
        (results.invalid_state("x"), 400, "8585"),
        (results.recording_active("x"), 400, "8559"),
        (results.cognitive_services_unavailable("x"), 400, "8567"),
        (results.unauthenticated("x"), 401, "7509"),
        (results.invalid_token("x"), 401, "7501"),
        (results.wrong_resource("x"), 403, "7507"),
        (results.forbidden("x"), 403, "7504"),
        (results.not_found("x"), 404, "8522"),
        (results.not_supported("x"), 405, "8520"),
        (results.not_configured("x"), 405, "8522"),
        (results.conflict("x"), 409, "8519"),
        (results.incompatible_operation("x"), 412, "8583"),
        (results.throttled("x"), 429, "8516"),
        (results.internal_error("x"), 500, "9999"),
    ],
)
def test_synchronous_refusals(refusal: Refusal, status: int, code: str) -> None:
    assert (refusal.status, refusal.code) == (status, code)
    assert int(code) in SUB_CODES
    assert code in repr(refusal)


def test_invalid_argument_names_the_field() -> None:
    refusal = results.invalid_argument("callbackUri", "expected an absolute https URL.")
    assert refusal.target == "callbackUri"
    assert "callbackUri" in refusal.message


def test_throttling_says_when_to_come_back() -> None:
    assert results.throttled("x", sub_code=8530, retry_after=7).retry_after == 7


def test_unsupported_version_lists_the_supported() -> None:
    missing = results.unsupported_api_version("", ("2026-03-12",))
    assert (missing.status, missing.code) == (400, "UnsupportedApiVersion")
    assert "missing" in missing.message
    assert "'1999'" in results.unsupported_api_version("1999", ("2026-03-12",)).message


CONSTANTS = {name: value for name, value in vars(results).items() if isinstance(value, ResultInformation)}


@pytest.mark.parametrize("name", sorted(CONSTANTS))
def test_every_result_is_in_the_catalogue(name: str) -> None:
    sub_code = CONSTANTS[name].sub_code
    assert sub_code in SUB_CODES


@pytest.mark.parametrize(
    ("result", "code", "sub_code"),
    [
        (results.SUCCESS, 200, 0),
        (results.ACTION_COMPLETED, 200, 0),
        (results.CANCELED, 400, 8508),
        (results.INVALID_FILE, 400, 8535),
        (results.DOWNLOAD_FAILED, 400, 8536),
        (results.PLAY_SOURCE_EMPTY, 400, 8582),
        (results.PLAY_SERVICE_SHUTDOWN, 500, 8572),
        (results.MAX_DIGITS, 200, 8531),
        (results.STOP_TONE, 200, 8514),
        (results.DTMF_OPTION_MATCHED, 200, 8533),
        (results.SPEECH_OPTION_MATCHED, 200, 8545),
        (results.SPEECH_RECOGNIZED, 200, 8569),
        (results.INTER_DIGIT_TIMEOUT, 400, 8532),
        (results.INITIAL_SILENCE, 400, 8510),
        (results.PROMPT_FAILED, 500, 8511),
        (results.INCORRECT_TONE, 500, 8534),
        (results.SPEECH_OPTION_NOT_MATCHED, 400, 8547),
        (results.UNKNOWN_ERROR, 500, 9999),
        (results.STREAMING_FAILED, 500, 8603),
        (results.TRANSCRIPTION_FAILED, 500, 8578),
    ],
)
def test_results_of_events(result: ResultInformation, code: int, sub_code: int) -> None:
    assert (result.code, result.sub_code) == (code, sub_code)


def test_play_failures() -> None:
    assert results.play_failed(8535) is results.INVALID_FILE
    detailed = results.play_failed(8536, "GET https://x/a.wav gave 404.")
    assert detailed.code == 400
    assert detailed.message.endswith("GET https://x/a.wav gave 404.")
    assert results.play_failed(1234).sub_code == 9999
