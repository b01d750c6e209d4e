"""Hookflash's own surface."""

from __future__ import annotations

import pytest
from api.own_edge import FIRST as KEY
from api.own_edge import Shown, World, served

from hookflash.api.own_http import MAX_DOCUMENT
from hookflash.api.ports import Resource


@pytest.fixture
def world():
    return World()


def live_client(world, *, open_to_all):
    yield from served(
        world,
        [Resource("r", "id", (KEY,))],
        open_to_all=open_to_all,
        counts=lambda: {"calls": 2},
        credentials=lambda asker: [Shown(name=f"of {asker}")],
    )


@pytest.fixture
def client(world):
    yield from live_client(world, open_to_all=True)


@pytest.fixture
def guarded(world):
    yield from live_client(world, open_to_all=False)


def test_health_and_readiness(client, world):
    assert client.get("/hookflash/health").json()["status"] == "alive"
    assert client.get("/hookflash/ready").json() == {"status": "ready"}
    world.trouble = ["no media worker is running"]
    answer = client.get("/hookflash/ready")
    assert answer.status_code == 503
    assert answer.json()["problems"] == ["no media worker is running"]


def test_subscriptions_come_and_go(client):
    assert client.get("/hookflash/subscriptions").json() == {"value": [{"name": "first"}]}
    answer = client.post("/hookflash/subscriptions", json={"name": "second"})
    assert (answer.status_code, answer.json()) == (201, {"name": "second"})
    assert client.delete("/hookflash/subscriptions/second").status_code == 204
    answer = client.delete("/hookflash/subscriptions/second")
    assert answer.status_code == 404
    assert "'second'" in answer.json()["error"]["message"]


def test_a_refused_subscription_says_why(client):
    answer = client.post("/hookflash/subscriptions", json={"name": "bad"})
    assert answer.status_code == 400
    assert answer.json() == {"error": {"code": "8523", "message": "The field name is invalid."}}


def test_a_document_has_a_bound(client):
    answer = client.post("/hookflash/subscriptions", data=b"x" * (MAX_DOCUMENT + 1))
    assert answer.status_code == 413


def test_the_validation_url_confirms(client):
    assert client.get("/hookflash/subscriptions/validate?code=right").status_code == 200
    assert client.post("/hookflash/subscriptions/validate?code=right").status_code == 200
    for wrong in ("?code=wrong", ""):
        assert client.get(f"/hookflash/subscriptions/validate{wrong}").status_code == 404


def test_the_journal_of_a_connection(client):
    page = client.get("/hookflash/journal/c-1").json()
    assert page == {
        "connection": "c-1",
        "entries": [
            {"seq": 3, "at": 1.5, "kind": "connection", "name": "opened", "data": {"resource": "id"}},
            {"seq": 4, "at": 1.5, "kind": "event", "name": "CallConnected", "data": {"n": 4}},
        ],
    }
    assert [line["seq"] for line in client.get("/hookflash/journal/c-1?after=3").json()["entries"]] == [4]
    assert client.get("/hookflash/journal/c-1?after=4").json()["entries"] == []
    assert client.get("/hookflash/journal/nobody").status_code == 404
    assert client.get("/hookflash/journal/c-1?after=x").status_code == 400


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/hookflash/subscriptions"),
        ("POST", "/hookflash/subscriptions"),
        ("DELETE", "/hookflash/subscriptions/first"),
        ("GET", "/hookflash/journal/c-1"),
    ],
)
def test_what_shows_or_changes_asks_for_a_key(world, guarded, method, path):
    for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": f"Basic {KEY}"}):
        answer = guarded.request(method, path, headers=headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "7501")
        assert answer.headers["www-authenticate"] == "Bearer"
    assert world.names == ["first"]
    body = b'{"name":"x"}' if method == "POST" else None
    answer = guarded.request(method, path, headers={"authorization": f"Bearer {KEY}"}, data=body)
    assert answer.status_code in (200, 201, 204)


def test_a_key_opens_what_is_of_its_resource(world, client, guarded):
    key = {"authorization": f"Bearer {KEY}"}
    guarded.get("/hookflash/subscriptions", headers=key)
    guarded.post("/hookflash/subscriptions", data=b'{"name":"x"}', headers=key)
    guarded.delete("/hookflash/subscriptions/x", headers=key)
    assert world.askers == ["id"] * 3
    client.get("/hookflash/subscriptions")
    assert world.askers[3:] == [None]
    assert guarded.get("/hookflash/credentials", headers=key).json() == {"value": [{"name": "of id"}]}
    assert client.get("/hookflash/credentials").json() == {"value": [{"name": "of None"}]}


@pytest.mark.parametrize("after", ["", "?after=3"])
def test_the_journal_of_another_resource_is_not_shown(client, guarded, after):
    key = {"authorization": f"Bearer {KEY}"}
    assert client.get(f"/hookflash/journal/c-2{after}").status_code == 200
    answer = guarded.get(f"/hookflash/journal/c-2{after}", headers=key)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "7507")
    assert guarded.get(f"/hookflash/journal/c-1{after}", headers=key).status_code == 200
    # Nothing says any more whose it was.
    assert guarded.get(f"/hookflash/journal/c-3{after}", headers=key).status_code == 404


def test_health_readiness_and_validation_never_ask_for_a_key(guarded):
    for path in ("health", "ready", "subscriptions/validate?code=right"):
        assert guarded.get(f"/hookflash/{path}").status_code == 200


def test_counts_are_for_the_operator(client, guarded):
    assert client.get("/hookflash/counts").json() == {"calls": 2}
    assert guarded.get("/hookflash/counts").status_code == 401


def test_unknown_paths_and_methods_have_error_bodies(client):
    answer = client.get("/hookflash/nothing")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "NotFound")
    answer = client.put("/hookflash/health")
    assert (answer.status_code, answer.json()["error"]["code"]) == (405, "MethodNotAllowed")
    assert "GET" in answer.headers["allow"]


def test_a_fault_shows_nothing_of_the_inside(client, world):
    world.fault = True
    answer = client.get("/hookflash/subscriptions")
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "9999")
    assert "secret" not in answer.text
