"""From paths to operations."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookflash.api.exchange import Operation
from hookflash.api.routing import MAX_PATH, Router, WrongMethod, locate
from hookflash.wire.results import Refusal


@pytest.mark.parametrize(
    ("path", "template", "ids"),
    [
        ("/calling/callConnections", "/calling/callConnections", ()),
        ("/calling/callConnections:answer", "/calling/callConnections:answer", ()),
        ("/calling/callConnections/c-1", "/calling/callConnections/{}", ("c-1",)),
        ("/calling/callConnections/c-1:play", "/calling/callConnections/{}:play", ("c-1",)),
        ("/calling/callConnections/c%3A1:play", "/calling/callConnections/{}:play", ("c:1",)),
        ("/calling/callConnections/c/participants", "/calling/callConnections/{}/participants", ("c",)),
        (
            "/calling/callConnections/c/participants:add",
            "/calling/callConnections/{}/participants:add",
            ("c",),
        ),
        (
            "/calling/callConnections/c/participants/8:acs:a_b",
            "/calling/callConnections/{}/participants/{}",
            ("c", "8:acs:a_b"),
        ),
        ("/calling/recordings/eyJ:pause", "/calling/recordings/{}:pause", ("eyJ",)),
        ("/calling/keys", "/calling/keys", ()),
        (
            "/calling/.well-known/acsopenidconfiguration",
            "/calling/.well-known/acsopenidconfiguration",
            (),
        ),
        ("/identities", "/identities", ()),
        ("/identities/8:acs:a_b", "/identities/{}", ("8:acs:a_b",)),
        (
            "/identities/8%3Aacs%3Aa_b/:issueAccessToken",
            "/identities/{}/:issueAccessToken",
            ("8:acs:a_b",),
        ),
        ("/teamsUser/:exchangeAccessToken", "/teamsUser/:exchangeAccessToken", ()),
        ("", "", ()),
        ("/", "/", ()),
        ("/calling/callConnections/a/b/c/d", "/calling/callConnections/a/b/c/d", ()),
    ],
)
def test_ids_are_cut_out_of_the_path(path, template, ids):
    assert locate(path) == (template, ids)


@given(connection=st.text(min_size=1), participant=st.text(min_size=1))
def test_any_encoded_id_comes_back_as_it_was(connection, participant):
    path = f"/calling/callConnections/{quote(connection, safe='')}/participants/{quote(participant, safe='')}"
    assert locate(path) == ("/calling/callConnections/{}/participants/{}", (connection, participant))
    path = f"/calling/callConnections/{quote(connection, safe='')}:play"
    assert locate(path) == ("/calling/callConnections/{}:play", (connection,))


GET = Operation("get", "GET", "/calling/callConnections/{}", 200)
DELETE = Operation("delete", "DELETE", "/calling/callConnections/{}", 204)


@given(method=st.text(), path=st.text())
def test_whatever_is_asked_is_found_or_refused(method, path):
    router = Router([GET, DELETE])
    refusal = None
    try:
        operation, _ = router.find(method, path)
    except Refusal as error:
        refusal = error
    if refusal is None:
        assert operation in (GET, DELETE)
    else:
        assert refusal.status in (404, 405, 414)
        assert len(refusal.message) < 1000


def test_the_methods_of_a_path_are_named():
    with pytest.raises(WrongMethod, match="GET, DELETE") as caught:
        Router([GET, DELETE]).find("POST", "/calling/callConnections/x")
    assert caught.value.allowed == ["GET", "DELETE"]


def test_a_long_path_is_refused():
    with pytest.raises(Refusal, match=str(MAX_PATH)):
        Router([GET]).find("GET", "/" * (MAX_PATH + 1))


def test_a_row_twice_in_the_table_is_an_error_of_ours():
    with pytest.raises(ValueError, match="twice"):
        Router([GET, GET])
