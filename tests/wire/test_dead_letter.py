from __future__ import annotations

import json

from hookflash.wire.dead_letter import MAX_ATTEMPTS_EXCEEDED, dead_letter

EVENT = {
    "id": "1",
    "topic": "/subscriptions/0",
    "subject": "s",
    "data": {"n": 1},
    "eventType": "Microsoft.Communication.IncomingCall",
    "eventTime": "2026-06-13T19:10:01.2500000Z",
    "dataVersion": "1.0",
    "metadataVersion": "1",
}
CLOUD = {
    "id": "1",
    "source": "/subscriptions/0",
    "type": "Microsoft.Communication.IncomingCall",
    "time": "2026-06-13T19:10:01.2500000+00:00",
    "specversion": "1.0",
    "data": {"n": 1},
}


def test_event_grid_schema() -> None:
    kept = dead_letter(
        json.dumps([EVENT]).encode(),
        reason=MAX_ATTEMPTS_EXCEEDED,
        attempts=2,
        outcome="NotFound",
        status=404,
        last_attempt=1781377811.5,
    )
    assert json.loads(kept) == {
        **EVENT,
        "deadLetterReason": "MaxDeliveryAttemptsExceeded",
        "deliveryAttempts": 2,
        "lastDeliveryOutcome": "NotFound",
        "lastHttpStatusCode": 404,
        "publishTime": "2026-06-13T19:10:01.2500000Z",
        "lastDeliveryAttemptTime": "2026-06-13T19:10:11.5000000Z",
    }


def test_cloud_events_schema_has_lower_case_names() -> None:
    kept = dead_letter(
        json.dumps(CLOUD).encode(),
        reason="UndeliverableDueToHttpBadRequest",
        attempts=1,
        outcome="BadRequest",
        status=400,
        last_attempt=1781377811.5,
    )
    assert json.loads(kept) == {
        **CLOUD,
        "deadletterreason": "UndeliverableDueToHttpBadRequest",
        "deliveryattempts": 1,
        "lastdeliveryoutcome": "BadRequest",
        "lasthttpstatuscode": 400,
        "publishtime": "2026-06-13T19:10:01.2500000Z",
        "lastdeliveryattempttime": "2026-06-13T19:10:11.5000000Z",
    }


def test_what_was_never_sent_has_neither_status_nor_attempt() -> None:
    kept = json.loads(
        dead_letter(
            json.dumps([EVENT]).encode(),
            reason="TimeToLiveExceeded",
            attempts=0,
            outcome="Probation",
            status=0,
            last_attempt=0.0,
        )
    )
    assert "lastHttpStatusCode" not in kept
    assert "lastDeliveryAttemptTime" not in kept
    assert kept["deliveryAttempts"] == 0
