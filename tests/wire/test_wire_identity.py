from __future__ import annotations

import json

import msgspec
import pytest

from hookflash.wire.decoding import decode
from hookflash.wire.enums import TokenScope
from hookflash.wire.identity import (
    CommunicationAccessToken,
    CommunicationIdentity,
    CreateIdentityRequest,
    CreateIdentityResponse,
    IssueTokenRequest,
    token_claims,
    token_lifetime,
)
from hookflash.wire.results import Refusal


def test_create_with_and_without_a_token() -> None:
    plain = CreateIdentityResponse(CommunicationIdentity("8:acs:r_u"))
    assert json.loads(msgspec.json.encode(plain)) == {"identity": {"id": "8:acs:r_u"}}
    plain.access_token = CommunicationAccessToken("jwt", "2026-06-14T19:10:07.1802851+00:00")
    assert json.loads(msgspec.json.encode(plain))["accessToken"] == {
        "token": "jwt",
        "expiresOn": "2026-06-14T19:10:07.1802851+00:00",
    }


def test_requests() -> None:
    created = decode(
        CreateIdentityRequest, b'{"createTokenWithScopes":["voip","chat"],"expiresInMinutes":1440}'
    )
    assert created.create_token_with_scopes == [TokenScope.VOIP, TokenScope.CHAT]
    issued = decode(IssueTokenRequest, b'{"scopes":["voip.join","chat.join.limited"]}')
    assert issued.scopes == [TokenScope.VOIP_JOIN, TokenScope.CHAT_JOIN_LIMITED]


def test_an_unknown_scope_is_named() -> None:
    with pytest.raises(Refusal) as info:
        decode(IssueTokenRequest, b'{"scopes":["voip","sms"]}')
    assert info.value.target == "scopes[1]"
    assert "chat, voip, chat.join, chat.join.limited, voip.join" in info.value.message


@pytest.mark.parametrize(("minutes", "seconds"), [(None, 86_400), (60, 3_600), (1440, 86_400)])
def test_lifetime(minutes: int | None, seconds: int) -> None:
    assert token_lifetime(minutes) == seconds


@pytest.mark.parametrize("minutes", [-1, 0, 59, 1441])
def test_lifetime_out_of_range(minutes: int) -> None:
    with pytest.raises(Refusal, match="60 to 1440") as info:
        token_lifetime(minutes)
    assert info.value.target == "expiresInMinutes"


def test_claims() -> None:
    claims = token_claims("8:acs:r_u", [TokenScope.VOIP, TokenScope.CHAT], "r", 1_000, 3_600)
    assert claims["skypeid"] == "acs:r_u"
    assert claims["exp"] == 4_600
    assert claims["iat"] == 1_000
    assert claims["scp"] == "voip,chat"
    assert claims["resourceId"] == "r"
