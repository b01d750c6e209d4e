"""The operation table that is served, against the contract's; and which api-version may ask for what."""

from __future__ import annotations

import pytest

from hookflash.api.exchange import Core, Request
from hookflash.api.routing import locate
from hookflash.api.table import RUNS, operations
from hookflash.wire.operations import BY_NAME, IDENTITY_OPERATIONS, OPERATIONS, PREVIEW_OPERATIONS
from hookflash.wire.results import Refusal
from hookflash.wire.versions import KNOWN

SERVED = {operation.name: operation for operation in operations()}
NOT_SERVED = {
    "startDialog",
    "stopDialog",
    "updateDialog",
    "summarizeCall",
    "exchangeEntraUserAccessToken",
    "exchangeTeamsExtensionAccessToken",
    "exchangeTeamsUserAccessToken",
}


def test_everything_that_runs_is_in_the_contract():
    assert set(RUNS) <= set(BY_NAME)


def test_every_row_of_the_contract_is_served():
    for name, row in BY_NAME.items():
        assert (SERVED[name].method, SERVED[name].status) == (row.method, row.status)
        assert SERVED[name].repeatable == row.repeatable
        assert SERVED[name].takes_body == (row.request is not None)


def test_every_stable_operation_runs():
    assert all(SERVED[row.name].run for row in OPERATIONS)
    assert {name for name, operation in SERVED.items() if operation.run is None} <= NOT_SERVED


@pytest.mark.parametrize("version", sorted(KNOWN))
@pytest.mark.parametrize("row", [*OPERATIONS, *PREVIEW_OPERATIONS], ids=lambda row: row.name)
def test_an_operation_is_refused_where_its_version_does_not_have_it(row, version):
    run = SERVED[row.name].run
    if run is None:
        return
    refusal = refusal_of(run, version)
    if row.known_to(version):
        assert refusal is None or refusal.code == "8523"  # there is no body
        return
    assert refusal is not None
    assert (refusal.status, refusal.code, refusal.target) == (405, "8520", "api-version")
    assert version in refusal.message
    assert (row.since or row.versions()[0]) in refusal.message


def refusal_of(run, version) -> Refusal | None:
    """What an operation says to an empty request of ``version``."""

    class Engine:
        async def execute(self, command, *more, **options):
            """Not reached: the coroutine is never run."""

    try:
        run(Request("r", version, ("x", "y"), b""), Core(Engine(), None)).close()
    except Refusal as refusal:
        return refusal
    return None


def test_identity_operations_have_versions_of_their_own():
    assert all(row.known_to("2026-03-12") for row in IDENTITY_OPERATIONS)


@pytest.mark.parametrize(
    ("path", "template"),
    [
        ("/calling/callConnections/c/dialogs/d", "/calling/callConnections/{}/dialogs/{}"),
        ("/calling/callConnections/c/dialogs/d:stop", "/calling/callConnections/{}/dialogs/{}:stop"),
    ],
)
def test_dialogs_have_verbs(path, template):
    assert locate(path) == (template, ("c", "d"))
