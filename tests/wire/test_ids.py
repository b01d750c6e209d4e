"""Opaque ids: documented shapes, the node inside, nothing that breaks an SDK."""

from __future__ import annotations

import base64
import json
import random
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookflash.wire.identifiers import Identifier, IdentifierKind
from hookflash.wire.ids import Minter, node_of, read_node, recording_connection

RESOURCE = "6d889502-3d7a-41a8-befa-d21fd80e8767"
NODES = st.integers(0, 0xFFFF).map(lambda number: f"{number:04x}")


def minter(node: str = "00a7", seed: int = 1) -> Minter:
    return Minter(node, random.Random(seed).randbytes)


def all_ids(mint: Minter) -> list[str]:
    connection = mint.call_connection_id()
    return [
        connection,
        mint.correlation_id(),
        mint.invitation_id(),
        mint.subscription_id(),
        mint.event_id(),
        mint.server_call_id(),
        mint.recording_id(connection),
        mint.recording_id(),
        mint.incoming_call_context(),
        mint.user_id(RESOURCE),
    ]


@given(NODES, st.integers())
def test_every_id_gives_its_node_back(node: str, seed: int) -> None:
    ids = all_ids(minter(node, seed))
    assert [read_node(text) for text in ids] == [node] * len(ids)
    assert len(set(ids)) == len(ids)


@given(NODES, st.binary(min_size=16, max_size=16))
def test_guids_are_legal_version_4(node: str, entropy: bytes) -> None:
    text = Minter(node, lambda n: entropy[:n]).guid()
    guid = UUID(text)
    assert text == str(guid) == text.lower()
    assert guid.version == 4
    assert guid.variant == "specified in RFC 4122"


def test_server_call_id_is_padded_base64_of_a_url() -> None:
    text = Minter("a7", random.Random(1).randbytes, wall=lambda: 1_700_000_000.0).server_call_id()
    url = base64.b64decode(text, validate=True).decode()
    assert url.startswith("https://hookflash.internal/conv/")
    path, _, query = url.partition("?")
    assert len(path.rpartition("/")[2]) == 22
    assert query == "i=0&e=638355968000000000"
    assert read_node(text.rstrip("=")) == "00a7"


def test_recording_id_is_unpadded_base64url_of_json() -> None:
    mint = minter()
    connection = mint.call_connection_id()
    text = mint.recording_id(connection)
    assert not set(text) & set("+/=")
    decoded = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    assert list(decoded) == ["PlatformEndpointId", "ResourceSpecificId"]
    assert decoded["PlatformEndpointId"] == connection


def test_incoming_call_context_looks_like_an_unsigned_jwt() -> None:
    text = minter().incoming_call_context()
    header, payload, signature = text.split(".")
    assert signature == ""
    assert json.loads(base64.urlsafe_b64decode(header + "==")) == {"alg": "none", "typ": "JWT"}
    assert set(json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))) == {"cc"}


def test_user_ids_are_communication_users() -> None:
    text = minter().user_id(RESOURCE)
    assert text.count("_") == 1
    assert text.count(":") == 2
    assert Identifier.parse(text).kind is IdentifierKind.COMMUNICATION_USER


@pytest.mark.parametrize(
    ("node", "padded"), [("7", "0007"), ("1F", "001f"), ("abc", "0abc"), ("beef", "beef")]
)
def test_short_node_ids_are_padded(node: str, padded: str) -> None:
    assert Minter(node, random.Random(1).randbytes).node == padded


@pytest.mark.parametrize("node", ["", "12345", "node", "g"])
def test_other_node_ids_are_refused(node: str) -> None:
    with pytest.raises(ValueError, match="node_of"):
        Minter(node, random.Random(1).randbytes)


def test_node_of_a_name() -> None:
    assert node_of("host-1") == node_of("host-1") != node_of("host-2")
    assert Minter(node_of("host-1"), random.Random(1).randbytes).node == node_of("host-1")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x" * 20_000,
        "not an id",
        "00000028-0a94-7987-ac46-04bd456051a5",
        "00000028-0a94-4987-0c46-04bd456051a5",
        "z" * 36,
        "8:acs:" + RESOURCE,
        "8:acs:a_b",
        "..",
        "a.b.c.",
        "a.!!!!.",
        "e30.e30.",
        "eyJjYyI6ICJhR2s9In0.eyJjYyI6ICJhR2s9In0.",
        "aGVsbG8=",
        base64.b64encode(b"https://x/conv/short?i=0").decode(),
        base64.b64encode(b'{"PlatformEndpointId":"a"}').decode(),
        base64.b64encode(b"{" * 3000).decode(),
        base64.b64encode("https://é/conv/".encode()).decode(),
    ],
)
def test_what_is_not_ours(text: str) -> None:
    assert read_node(text) is None


@given(st.text(max_size=80))
def test_any_text_is_read_or_not(text: str) -> None:
    node = read_node(text)
    assert node is None or len(node) == 4


def test_a_recording_names_the_connection_that_started_it():
    minter = Minter("ab", lambda n: bytes(range(n)))
    connection = minter.call_connection_id()
    assert recording_connection(minter.recording_id(connection)) == connection
    for text in ("", "x", "a" * 20_000, "e30", "bm90IGpzb24", "\u00fc"):
        assert recording_connection(text) is None
