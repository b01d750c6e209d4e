"""Which codecs trunks and strangers may speak on this machine."""

from __future__ import annotations

import pytest

from hookflash.composition.codecs import NoCodec, codecs_of, codecs_of_strangers
from hookflash.composition.telephony import phones_config
from hookflash.config import parse
from hookflash.sip.codecs import NAMES


def test_what_is_asked_for_is_kept_in_its_order_and_once() -> None:
    assert codecs_of("trunk t", ("opus", "PCMA", "opus", "L16"), no_opus="") == ("opus", "PCMA", "L16")


def test_opus_is_left_out_without_libopus_and_that_is_said(caplog: pytest.LogCaptureFixture) -> None:
    assert codecs_of("trunk t", ("opus", "PCMA"), no_opus="there is no libopus") == ("PCMA",)
    assert "trunk t is left without opus: there is no libopus" in caplog.text


def test_nothing_is_said_where_opus_is_not_asked_for(caplog: pytest.LogCaptureFixture) -> None:
    assert codecs_of("trunk t", ("PCMU",), no_opus="there is no libopus") == ("PCMU",)
    assert caplog.text == ""


def test_a_trunk_that_nothing_is_left_of_keeps_the_server_from_starting() -> None:
    with pytest.raises(NoCodec, match="trunk t speaks only opus"):
        codecs_of("trunk t", ("opus",), no_opus="there is no libopus")
    assert issubclass(NoCodec, OSError)  # the command line prints those without a traceback


def test_strangers_may_speak_whatever_can_be_done() -> None:
    assert codecs_of_strangers(no_opus="") == NAMES
    assert set(NAMES) - set(codecs_of_strangers(no_opus="there is no libopus")) == {"opus"}


def test_trunks_have_what_the_configuration_says() -> None:
    config = phones_config(
        parse('[[trunk]]\nname = "t"\ntargets = ["sbc"]\ncodecs = ["l16/16000", "g722"]\nsrtp = "required"\n')
    )
    (trunk,) = config.trunks
    assert (trunk.codecs, trunk.srtp) == (("L16/16000", "G722"), "required")
    assert config.srtp == "optional"
