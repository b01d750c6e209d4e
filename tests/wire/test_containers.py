"""Containers that apps name: what they are, and which of them are allowed."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookflash.wire.containers import (
    MAX_URL,
    Container,
    ContainerRules,
    Grant,
    NoContainer,
    read_container,
    require_container,
)
from hookflash.wire.results import Refusal

AZURE = "https://acct.blob.core.windows.net"
SAS = "sv=2025&sp=cw&sig=s3cr3t%3D"
FIELD = "externalStorage.recordingDestinationContainerUrl"
RESOURCE = "11111111-1111-4111-8111-111111111111"


@pytest.mark.parametrize(
    ("url", "container"),
    [
        (f"{AZURE}/calls", Container(AZURE, "acct", "calls", "")),
        (f"{AZURE}/calls/", Container(AZURE, "acct", "calls", "")),
        (f"{AZURE}/$root", Container(AZURE, "acct", "$root", "")),
        (f"{AZURE}:443/calls/a/b%20c?{SAS}", Container(AZURE, "acct", "calls", "a/b c", SAS)),
        (f"{AZURE}:8443/calls", Container(f"{AZURE}:8443", "acct", "calls", "")),
        ("https://ACCT.Blob.core.windows.net/calls", Container(AZURE, "acct", "calls", "")),
        (
            f"http://127.0.0.1:10000/devstoreaccount1/calls?{SAS}",
            Container("http://127.0.0.1:10000/devstoreaccount1", "devstoreaccount1", "calls", "", SAS),
        ),
        ("http://azurite:10000/one/calls", Container("http://azurite:10000/one", "one", "calls", "")),
        ("http://[::1]:10000/one/calls", Container("http://[::1]:10000/one", "one", "calls", "")),
    ],
)
def test_what_a_container_is(url: str, container: Container) -> None:
    found = read_container(url)
    assert found == container
    assert found.sas == container.sas
    assert "s3cr3t" not in repr(found)
    assert "s3cr3t" not in found.url
    assert read_container(found.url.replace(" ", "%20")).url == found.url


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("calls", "not an absolute https URL"),
        ("ftp://a.blob.core.windows.net/calls", "not an absolute https URL"),
        (f"https://me:{SAS}@a.blob.core.windows.net/calls", "not an absolute https URL"),
        (f"{AZURE}/calls#sig=s3cr3t", "not an absolute https URL"),
        ("https://a.blob.core.windows.net:99999/calls", "is not a URL"),
        ("https://[::1/calls", "is not a URL"),
        (AZURE, "names no container"),
        (f"{AZURE}/Calls", "names no container"),
        (f"{AZURE}/a", "names no container"),
        (f"{AZURE}/a--b", "names no container"),
        (f"{AZURE}/" + "a" * 64, "names no container"),
        ("http://127.0.0.1:10000/devstoreaccount1", "names no container"),
        ("http://127.0.0.1:10000/", "names no storage account"),
        ("https://-.example.org/calls", "names no storage account"),
        (f"{AZURE}/calls/../other", "folder that is not usable"),
        (f"{AZURE}/calls//x", "folder that is not usable"),
        (f"{AZURE}/calls/a%2Fb", "folder that is not usable"),
        (f"{AZURE}/calls/a%0Ab", "folder that is not usable"),
        (f"{AZURE}/calls/" + "/".join(["abcdefgh"] * 60), "the folder has"),
        (f"{AZURE}/calls?comp=list", "no shared access signature"),
        (f"{AZURE}/calls?sig=", "no shared access signature"),
        (f"{AZURE}/calls x", "spaces or control"),
        (f"{AZURE}/" + "c" * MAX_URL, "characters"),
    ],
)
def test_what_a_container_is_not(url: str, words: str) -> None:
    with pytest.raises(NoContainer, match=words) as error:
        read_container(url)
    assert "s3cr3t" not in str(error.value)


@given(st.text(max_size=60))
def test_nonsense_is_refused_and_nothing_worse(text: str) -> None:
    for url in (text, f"https://{text}", f"{AZURE}/{text}"):
        with contextlib.suppress(NoContainer):
            read_container(url)


def refused(url: str, rules: ContainerRules) -> str:
    with pytest.raises(Refusal) as caught:
        require_container(url, FIELD, RESOURCE, rules)
    assert (caught.value.status, caught.value.code, caught.value.target) == (400, "8523", FIELD)
    assert "s3cr3t" not in caught.value.message
    return caught.value.message


def test_hosts_are_bounded() -> None:
    rules = ContainerRules(
        hosts=("*.blob.core.windows.net", "127.0.0.1:10000", "Store.example.org"), http=True
    )
    for url in (
        f"{AZURE}/calls?{SAS}",
        f"http://127.0.0.1:10000/one/calls?{SAS}",
        f"https://store.example.org/calls?{SAS}",
    ):
        assert require_container(url, FIELD, RESOURCE, rules).name == "calls"
    for url in (
        f"https://blob.core.windows.net/calls?{SAS}",
        f"https://evilblob.core.windows.net/calls?{SAS}",
        f"https://acct.blob.core.windows.net.evil.org/calls?{SAS}",
        f"{AZURE}:8443/calls?{SAS}",
        f"http://127.0.0.1:10001/one/calls?{SAS}",
        f"http://169.254.169.254/one/calls?{SAS}",
        f"http://localhost/one/calls?{SAS}",
    ):
        assert "recording.external_hosts" in refused(url, rules)


def test_plain_http_is_taken_where_it_is_allowed() -> None:
    hosts = ("127.0.0.1:10000",)
    url = f"http://127.0.0.1:10000/one/calls?{SAS}"
    assert "plain http" in refused(url, ContainerRules(hosts=hosts))
    assert require_container(url, FIELD, RESOURCE, ContainerRules(hosts=hosts, http=True)).plain


def test_without_a_signature_the_server_needs_a_credential_that_is_for_this_resource() -> None:
    url = f"{AZURE}/calls/team"
    hosts = ("*.blob.core.windows.net",)
    assert "no shared access signature" in refused(url, ContainerRules(hosts=hosts))
    for granted in (f"{AZURE}/calls", f"{AZURE}/calls/", url):
        rules = ContainerRules(grants=[Grant(granted, frozenset({RESOURCE}))])
        assert require_container(url, FIELD, RESOURCE.upper(), rules).prefix == "team"
    for grant in (
        Grant(f"{AZURE}/calls/tea", frozenset({RESOURCE})),
        Grant(f"{AZURE}/other", frozenset({RESOURCE})),
        Grant(f"{AZURE}/calls", frozenset({"22222222-2222-4222-8222-222222222222"})),
        Grant(f"{AZURE}/calls", frozenset()),
    ):
        assert "no shared access signature" in refused(url, ContainerRules(hosts=hosts, grants=[grant]))


def test_nonsense_is_400() -> None:
    assert "names no container" in refused(AZURE, ContainerRules())
