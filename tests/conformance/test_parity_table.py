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
