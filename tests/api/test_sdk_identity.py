"""The official identity SDK for Python, unmodified, over a real socket."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import jwt
import pytest
from azure.communication.identity import (
    CommunicationIdentityClient,
    CommunicationTokenScope,
    CommunicationUserIdentifier,
)
from azure.core.credentials import AzureKeyCredential
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from hookflash.config import DEVELOPMENT_ACCESS_KEY, DEVELOPMENT_RESOURCE_ID


@pytest.fixture
def client(live):
    return CommunicationIdentityClient(live.url, AzureKeyCredential(DEVELOPMENT_ACCESS_KEY))


def test_the_life_of_a_user(client):
    user = client.create_user()
    assert user.raw_id.startswith(f"8:acs:{DEVELOPMENT_RESOURCE_ID}_")
    token = client.get_token(user, [CommunicationTokenScope.VOIP], token_expires_in=timedelta(hours=2))
    claims = jwt.decode(token.token, options={"verify_signature": False})
    assert claims["skypeid"] == user.raw_id.removeprefix("8:")
    assert claims["scp"] == "voip"
    assert claims["exp"] - claims["iat"] == 7200
    client.revoke_tokens(user)
    client.delete_user(user)
    with pytest.raises(ResourceNotFoundError):
        client.get_token(user, [CommunicationTokenScope.VOIP])


def test_a_user_with_its_first_token(client):
    user, token = client.create_user_and_token([CommunicationTokenScope.CHAT, CommunicationTokenScope.VOIP])
    claims = jwt.decode(token.token, options={"verify_signature": False})
    assert claims["scp"] == "chat,voip"
    assert claims["resourceId"] == DEVELOPMENT_RESOURCE_ID
    assert user.raw_id.endswith(claims["skypeid"].rpartition("_")[2])
    assert token.expires_on is not None


def test_an_expiry_out_of_bounds_is_refused(client):
    with pytest.raises(HttpResponseError, match="expiresInMinutes") as caught:
        client.create_user_and_token([CommunicationTokenScope.VOIP], token_expires_in=timedelta(minutes=59))
    assert caught.value.status_code == 400


def test_an_unknown_user_is_not_found(client):
    stranger = CommunicationUserIdentifier(f"8:acs:{DEVELOPMENT_RESOURCE_ID}_0000-nobody")
    for act in (client.revoke_tokens, client.delete_user):
        with pytest.raises(ResourceNotFoundError):
            act(stranger)


def test_exchanging_a_teams_token_without_an_issuer_is_refused_and_says_so(client):
    with pytest.raises(HttpResponseError, match="there is no issuer") as caught:
        client.get_token_for_teams_user("token", "client", "user")
    assert caught.value.status_code == 405


def test_expiry_as_text_agrees_with_the_token(client):
    _, token = client.create_user_and_token([CommunicationTokenScope.VOIP])
    claims = jwt.decode(token.token, options={"verify_signature": False})
    at = datetime.fromtimestamp(claims["exp"], UTC)
    assert str(token.expires_on).startswith(f"{at:%Y-%m-%d}")
