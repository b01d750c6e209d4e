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


TEXT = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"], exclude_characters="\ufeff%"))
IDS = TEXT.filter(lambda text: 0 < len(text) <= 512)


@given(connection=IDS, participant=IDS)
def test_any_encoded_id_comes_back_as_it_was(connection, participant):
    path = f"/calling/callConnections/{quote(connection, safe='')}/participants/{quote(participant, safe='')}"
    assert locate(path) == ("/calling/callConnections/{}/participants/{}", (connection, participant))
    path = f"/calling/callConnections/{quote(connection, safe='')}:play"
    assert locate(path) == ("/calling/callConnections/{}:play", (connection,))


@pytest.mark.parametrize(
    "sent",
    [
        "4%3A%2B14255550123",
        "4%3a%2b14255550123",
        "4:+14255550123",
        "4:%2B14255550123",
        "4%3A+14255550123",
        "%34%3A%2B%31%34%32%35%35%35%35%30%31%32%33",
    ],
)
def test_a_participant_is_the_same_however_it_is_encoded(sent):
    assert locate(f"/calling/callConnections/c/participants/{sent}")[1] == ("c", "4:+14255550123")


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ("28%3Aorgid%3Aa.b.c", "28:orgid:a.b.c"),
        ("..", ".."),
        ("8%3Aacs%3A%C3%BC_%E2%82%AC", "8:acs:\u00fc_\u20ac"),
        ("a%2Fb", "a/b"),
        ("100%25", "100%"),
        ("a%20b", "a b"),
    ],
)
def test_dots_slashes_and_other_scripts_are_part_of_an_id(sent, read):
    assert locate(f"/calling/callConnections/c/participants/{sent}")[1] == ("c", read)


@pytest.mark.parametrize(
    ("sent", "problem"),
    [
        ("4%253A%252B14255550123", "percent-encoded twice"),
        ("+1%00", "control character"),
        ("+1%0d%0aX", "control character"),
        ("%FF%FE", "not UTF-8"),
        ("%C3", "not UTF-8"),
        ("%ED%A0%80", "not UTF-8"),
        ("4%3", "'%3' in it is no percent-encoding"),
        ("4%zz1", "'%zz' in it is no percent-encoding"),
        ("", "it is empty"),
        ("a" * 513, "513 characters"),
        ("%41" * 600, "600 characters"),
    ],
)
@pytest.mark.parametrize(
    "template",
    [
        "/calling/callConnections/{}",
        "/calling/callConnections/{}:play",
        "/calling/callConnections/c/participants/{}",
        "/calling/recordings/{}:pause",
        "/identities/{}/:issueAccessToken",
        "/phoneNumbers/{}",
        "/availablePhoneNumbers/reservations/{}/:purchase",
    ],
)
def test_what_cannot_be_an_id_is_400_and_says_why(template, sent, problem):
    with pytest.raises(Refusal) as caught:
        locate(template.format(sent))
    refusal = caught.value
    assert (refusal.status, refusal.code, refusal.target) == (400, "8523", "path")
    assert problem in refusal.message
    assert len(refusal.message) < 800


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
        assert refusal.status in (400, 404, 405, 414)
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
