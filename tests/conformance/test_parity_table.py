"""The parity table: what is read from the SDKs, what of a run is counted, what is missed when it goes."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

TOOLS = Path(__file__).parents[2] / "tools"


@pytest.fixture(scope="module")
def parity() -> ModuleType:
    sys.path.insert(0, str(TOOLS))
    try:
        import parity
    finally:
        sys.path.remove(str(TOOLS))
    return parity


def test_the_installed_sdk_has_the_34_operations_of_the_table(parity: ModuleType) -> None:
    from hookflash.wire.operations import OPERATIONS

    ours = {
        (one.method, one.path.count("{"), one.path.rpartition("/")[2].rpartition("}")[2])
        for one in OPERATIONS
    }
    listed = parity.sdk.operations("Call Automation")
    theirs = {
        (one.method, one.path.count("{"), one.path.rpartition("/")[2].rpartition("}")[2]) for one in listed
    }
    assert len(listed) == 34
    assert ours == theirs


def test_models_lead_to_their_fields_and_enums(parity: ModuleType) -> None:
    fields = parity.sdk.fields("Call Automation", "SendDtmfTonesRequest")
    assert fields["tones"][2] == "DtmfTone"
    assert fields["targetParticipant"][1] == "CommunicationIdentifierModel"
    reached = parity.sdk.closure("Call Automation", {"CreateCallRequest"})
    assert {"WebSocketMediaStreamingOptions", "PhoneNumberIdentifierModel"} <= reached
    assert "MediaStreamingOptions" not in reached


def test_a_run_counts_for_what_it_sent_and_saw(parity: ModuleType, tmp_path: Path) -> None:
    lines = [
        {
            "method": "POST",
            "url": "https://h/calling/callConnections/a:sendDtmfTones?api-version=1",
            "status": 202,
            "request": json.dumps({"tones": ["one", "pound"], "operationContext": "c"}),
            "response": "{}",
        },
        {
            "method": "GET",
            "url": "https://h/calling/callConnections/a",
            "status": 404,
            "request": None,
            "response": json.dumps({"error": {"code": "8522", "message": "gone"}}),
        },
        {"methods": ["m"]},
    ]
    (tmp_path / "traffic-java.jsonl").write_text("\n".join(map(json.dumps, lines)))
    event = {"type": "Microsoft.Communication.CallConnected", "data": {"callConnectionId": "a"}}
    posts = [
        {"box": "python-aio-x-elsewhere", "body": json.dumps([event])},
        {"box": "incoming", "body": "[]"},
    ]
    (tmp_path / "events.json").write_text(json.dumps(posts))
    done = parity.record_of(tmp_path, ["CallConnected"])["done"]
    assert done["Call Automation operations"] == {"call_media_send_dtmf_tones": ["java"]}
    assert done["refusals"] == {"call_connection_get_call": ["java"]}
    assert set(done["request fields"]) == {
        "SendDtmfTonesRequest.tones",
        "SendDtmfTonesRequest.operationContext",
    }
    assert set(done["enum values"]) == {"DtmfTone.one", "DtmfTone.pound"}
    assert "CommunicationError.code" in done["response fields"]
    assert done["event types"] == {"CallConnected": ["python-aio"]}
    assert set(done["event fields"]) == {"CallConnected.callConnectionId"}


def test_what_goes_is_named(parity: ModuleType) -> None:
    kept = {"done": {"event types": {"A": ["java"], "B": ["java"]}}}
    fresh = {"done": {"event types": {"A": ["python"]}}}
    assert parity.lost(kept, fresh) == ["event types: B"]
    assert parity.lost(fresh, kept) == []


def test_the_page_is_of_what_is_kept(parity: ModuleType) -> None:
    kept = json.loads(parity.KEPT.read_text())
    assert parity.PAGE.read_text() == parity.page(kept), "run tools/parity.py"
    some, all_ = parity.counts(kept)["Call Automation operations"]
    assert (some, all_) == (34, 34)


# --- what cannot be --------------------------------------------------------------------------------------


def test_what_cannot_be_exercised_was_not_and_is_there(parity: ModuleType) -> None:
    kept = json.loads(parity.KEPT.read_text())
    assert parity.groundless(kept) == []


def test_a_reason_that_a_run_disproves_is_named(parity: ModuleType) -> None:
    kept = json.loads(parity.KEPT.read_text())
    kept["done"]["enum values"]["RecordingKind.teams"] = ["java"]
    (problem,) = parity.groundless(kept)
    assert "RecordingKind.teams was exercised" in problem


def test_a_reason_for_what_no_sdk_has_is_named(parity: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    module = sys.modules["parity_reach"]
    monkeypatch.setattr(module, "CANNOT", (*module.CANNOT, (("enum values",), ("Nothing.*",), "why")))
    kept = json.loads(parity.KEPT.read_text())
    assert parity.groundless(kept) == ["no SDK has Nothing.*"]


def test_only_the_kind_a_reason_is_for_has_it(parity: ModuleType) -> None:
    name = "CommunicationIdentifierModel.microsoftTeamsUser"
    assert "Teams" in parity.reason("event fields", name)
    assert parity.reason("request fields", name) is None
    assert parity.reason("enum values", "DtmfTone.one") is None


def test_what_is_left_and_what_cannot_be_are_told_apart(parity: ModuleType) -> None:
    kept = json.loads(parity.KEPT.read_text())
    del kept["done"]["event types"]["PlayFailed"]
    page = parity.page(kept)
    left, _, barred = page.partition("## Not exercised")[2].partition("## Cannot be here, because")
    assert "`PlayFailed`" in left
    assert "`RecordingKind.teams`" in barred
    assert "`RecordingKind.teams`" not in left


# --- the sentence of README.md ---------------------------------------------------------------------------


def test_the_sentence_is_put_where_it_stands(parity: ModuleType) -> None:
    kept = json.loads(parity.KEPT.read_text())
    line = parity.readme_line(kept)
    text = "# Title\n\nExercised with the official SDKs: 1 of 2 things.\n\nMore.\n"
    written = parity.readme_with(text, kept)
    assert written == f"# Title\n\n{line}\n\nMore.\n"
    assert parity.readme_problems(written, kept) == []
    assert "run tools/parity.py" in parity.readme_problems(text, kept)[0]


@pytest.mark.parametrize("times", [0, 2])
def test_there_is_one_place_for_the_sentence(parity: ModuleType, times: int) -> None:
    kept = json.loads(parity.KEPT.read_text())
    text = f"# Title\n{parity.readme_line(kept)}\n" * times
    assert f"has {times} lines" in parity.readme_problems(text, kept)[0]
    with pytest.raises(ValueError, match="not one"):
        parity.readme_with(text, kept)


def test_the_readme_has_the_sentence(parity: ModuleType) -> None:
    kept = json.loads(parity.KEPT.read_text())
    assert parity.readme_problems(parity.README.read_text(), kept) == []
