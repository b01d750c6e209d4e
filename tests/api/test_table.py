"""The operation table that is served, against the contract's."""

from __future__ import annotations

from hookflash.api.table import RUNS, operations
from hookflash.wire.operations import BY_NAME


def test_everything_that_runs_is_in_the_contract():
    assert set(RUNS) <= set(BY_NAME)


def test_every_row_of_the_contract_is_served():
    served = {operation.name: operation for operation in operations()}
    for name, row in BY_NAME.items():
        assert (served[name].method, served[name].status) == (row.method, row.status)
        assert served[name].repeatable == row.repeatable
        assert served[name].takes_body == (row.request is not None)


def test_what_this_version_runs():
    assert sorted(operation.name for operation in operations() if operation.run) == sorted(
        [
            *("createCall", "answerCall", "redirectCall", "rejectCall", "getCall", "hangupCall"),
            *("terminateCall", "getParticipants", "getParticipant", "play", "recognize", "hold", "unhold"),
            *("cancelAllMediaOperations", "startContinuousDtmfRecognition", "sendDtmfTones"),
            *("stopContinuousDtmfRecognition", "createIdentity", "issueAccessToken"),
            *("revokeAccessTokens", "deleteIdentity"),
        ]
    )
