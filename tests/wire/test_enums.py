from __future__ import annotations

import msgspec
import pytest

from hookflash.wire import enums
from hookflash.wire.enums import DIGITS, AudioFormat, Cloud, IdentifierKind, Tone, WireEnum

ALL = sorted(
    (
        t
        for t in vars(enums).values()
        if isinstance(t, type) and issubclass(t, WireEnum) and t is not WireEnum
    ),
    key=lambda t: t.__name__,
)


@pytest.mark.parametrize("enum_type", ALL, ids=lambda t: t.__name__)
def test_every_member_is_found_in_any_case_and_written_in_one(enum_type: type[WireEnum]) -> None:
    for member in enum_type:
        for text in (member.value, member.value.upper(), member.value.lower(), member.value.title()):
            assert enum_type(text) is member
            assert msgspec.json.decode(msgspec.json.encode(text), type=enum_type) is member
        assert msgspec.json.encode(member) == msgspec.json.encode(member.value)
        assert f"{member}" == member.value


@pytest.mark.parametrize("enum_type", [t for t in ALL if t is not IdentifierKind], ids=lambda t: t.__name__)
def test_an_unknown_value_is_an_error(enum_type: type[WireEnum]) -> None:
    with pytest.raises(ValueError):
        enum_type("no such value")
    with pytest.raises(ValueError):
        enum_type(7)


def test_an_unknown_kind_of_identifier_is_unknown() -> None:
    assert IdentifierKind("holographicUser") is IdentifierKind.UNKNOWN
    with pytest.raises(ValueError):
        IdentifierKind(7)


def test_older_spellings() -> None:
    assert AudioFormat("Pcm24KMono") is AudioFormat.PCM_24K_MONO
    assert enums.RecordingStorageKind("AzureBlobStorage") is enums.RecordingStorageKind.AZURE_BLOB_STORAGE
    assert enums.RecordingKind("TeamsCompliance") is enums.RecordingKind.TEAMS_COMPLIANCE
    assert Cloud("PUBLIC") is Cloud.PUBLIC


def test_sample_rates() -> None:
    assert [f.sample_rate for f in AudioFormat] == [16_000, 24_000]


def test_tones_and_digits() -> None:
    assert DIGITS == "0123456789ABCD#*"
    assert "".join(tone.digit for tone in Tone) == DIGITS
    assert [Tone.of_digit(digit) for digit in DIGITS] == list(Tone)
    assert Tone.of_digit("a") is Tone.A
    assert Tone.of_digit("#") is Tone.POUND
    assert Tone.of_digit("*") is Tone.ASTERISK
    with pytest.raises(ValueError, match="not a DTMF key"):
        Tone.of_digit("e")


def test_agrees_with_the_python_sdk() -> None:
    from azure.communication.callautomation import DtmfTone, RecognizeInputType

    assert {tone.value for tone in Tone} == {str(tone.value) for tone in DtmfTone}
    assert {kind.value for kind in enums.RecognizeInputType} == {
        str(kind.value) for kind in RecognizeInputType
    }
