"""The document and its page as they are served: whole, cached, and without anything from elsewhere."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from api.conftest import Live
from openapi_spec_validator import validate
from starlette.applications import Starlette
from starlette.routing import Route

from hookflash.api import numbers, table
from hookflash.api.openapi import DOCUMENT_PATH, PAGE_PATH, build, openapi_routes, own_operations
from hookflash.api.own import own_surface
from hookflash.api.own_operations import OWN
from hookflash.wire.operations import BY_NAME

NOTHING: Any = object()
OPERATIONS = [*table.operations(), *numbers.operations(NOTHING)]


@pytest.fixture(scope="module")
def app() -> Starlette:
    return own_surface(
        subscriptions=NOTHING,
        journal=NOTHING,
        readiness=NOTHING,
        resources=[],
        open_to_all=False,
        phones=NOTHING,
        calls=NOTHING,
        more=openapi_routes(OPERATIONS),
    )


class Client:
    """Asks a live server."""

    def __init__(self, live: Live) -> None:
        self._live = live

    def get(self, path: str, headers: dict[str, str] | None = None) -> requests.Response:
        answer = requests.get(self._live.url + path, headers=headers, timeout=30)
        answer.encoding = "utf-8"
        return answer


@pytest.fixture(scope="module")
def client(app: Starlette) -> Iterator[Client]:
    live = Live(lambda: app)
    live.start()
    yield Client(live)
    live.stop()


def test_it_is_valid_and_open_to_everybody(client: Client) -> None:
    answer = client.get(DOCUMENT_PATH)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    document = answer.json()
    validate(document)
    assert set(document["paths"]) >= {row.path for row in BY_NAME.values()}


def test_everything_that_is_served_is_in_it(client: Client, app: Starlette) -> None:
    paths = client.get(DOCUMENT_PATH).json()["paths"]
    shown = {
        (method.upper(), re.sub(r"\{\w+\}", "{}", path)) for path, item in paths.items() for method in item
    }
    assert {(one.method, one.path) for one in OPERATIONS} <= shown
    for method, path in own_operations(app.routes):
        assert method.lower() in paths[path]


def test_every_route_of_ours_has_words(app: Starlette) -> None:
    assert set(own_operations(app.routes)) <= set(OWN), "add them to api/own_operations.py"


def test_a_route_without_words_is_in_it_all_the_same() -> None:
    routes = [Route("/hookflash/new/{what}", lambda request: None, methods=["POST"])]
    item = build(routes, OPERATIONS)["paths"]["/hookflash/new/{what}"]["post"]
    assert item["parameters"][0]["name"] == "what"
    assert item["operationId"] == "postNewWhat"


def test_what_is_off_is_not_in_it() -> None:
    routes = [Route("/hookflash/phones/{rest:path}", lambda request: None, methods=["GET"])]
    assert own_operations(routes) == []


def test_operation_ids_are_unique(client: Client) -> None:
    paths = client.get(DOCUMENT_PATH).json()["paths"]
    ids = [one["operationId"] for item in paths.values() for one in item.values()]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("path", [DOCUMENT_PATH, PAGE_PATH])
def test_who_has_it_is_told_so(client: Client, path: str) -> None:
    first = client.get(path)
    tag = first.headers["etag"]
    again = client.get(path, headers={"If-None-Match": f'"other", W/{tag}'})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == tag
    assert client.get(path, headers={"If-None-Match": "*"}).status_code == 304
    assert client.get(path, headers={"If-None-Match": '"other"'}).status_code == 200


def test_the_page_needs_nothing_from_elsewhere(client: Client) -> None:
    answer = client.get(PAGE_PATH)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert re.findall(r"(?:https?:)?//[a-z]", answer.text.replace("// ", "")) == []
    assert re.findall(r'(?:src|href)="(?!/hookflash/openapi\.json|#)', answer.text) == []
    assert "innerHTML" not in answer.text
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    for element in ("script", "style"):
        (inside,) = re.findall(rf"<{element}>(.*?)</{element}>", answer.text, re.DOTALL)
        assert f"'sha256-{base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()}'" in policy


def test_the_page_reads_in_light_and_dark(client: Client) -> None:
    text = client.get(PAGE_PATH).text
    assert "color-scheme: light dark" in text
    assert "prefers-color-scheme: dark" in text
    colours = {
        name: dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", block))
        for name, block in zip(
            ("light", "dark"), re.findall(r":root \{(.*?)\}", text, re.DOTALL), strict=True
        )
    }
    for name, one in colours.items():
        for ink in ("ink", "soft", "link", "get", "post", "put", "delete"):
            for back in ("back", "raise"):
                assert contrast(one[ink], one[back]) >= 4.5, f"{name}: {ink} on {back}"


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours as WCAG 2 has it."""
    bright, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed")
def test_the_page_draws_itself_and_searches(client: Client, tmp_path: Path) -> None:
    (tmp_path / "openapi.json").write_bytes(client.get(DOCUMENT_PATH).content)
    (tmp_path / "page.html").write_bytes(client.get(PAGE_PATH).content)
    script = Path(__file__).with_name("page.mjs")
    done = subprocess.run(
        ["node", script, tmp_path], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    drawn = json.loads(done.stdout)
    assert {"createCall", "recognize", "8523", "560xyz"} <= set(drawn["entries"])
    assert len(drawn["entries"]) == len(set(drawn["entries"]))
    assert drawn["opened"] == ["8523"]
    assert "recognize" in drawn["found"]
    assert "createCall" not in drawn["found"]
    assert drawn["dead"] == []
    assert "recognizeOptions.dtmfOptions.stopTones" in drawn["recognize"]
