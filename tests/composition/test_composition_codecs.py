"""Which codecs trunks and strangers may speak on this machine."""

from __future__ import annotations

import subprocess
import sys

import pytest

from hookflash.composition.codecs import NoCodec, codecs_of, codecs_of_strangers, why_not
from hookflash.composition.telephony import phones_config
from hookflash.config import parse
from hookflash.sip.codecs import NAMES


def without_opus(name: str) -> str:
    return "there is no libopus" if name == "opus" else ""


def test_what_is_asked_for_is_kept_in_its_order_and_once() -> None:
    assert codecs_of("trunk t", ("opus", "PCMA", "opus"), lambda name: "") == ("opus", "PCMA")


def test_a_codec_is_left_out_where_it_can_not_be_done_and_that_is_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert codecs_of("trunk t", ("opus", "PCMA"), without_opus) == ("PCMA",)
    assert "trunk t is left without opus: there is no libopus" in caplog.text


def test_nothing_is_said_where_it_is_not_asked_for(caplog: pytest.LogCaptureFixture) -> None:
    assert codecs_of("trunk t", ("PCMU",), without_opus) == ("PCMU",)
    assert caplog.text == ""


def test_a_trunk_that_nothing_is_left_of_keeps_the_server_from_starting() -> None:
    with pytest.raises(NoCodec, match="trunk t has no codec that can be done"):
        codecs_of("trunk t", ("opus",), without_opus)
    assert issubclass(NoCodec, OSError)  # the command line prints those without a traceback


def test_strangers_may_speak_whatever_can_be_done() -> None:
    assert codecs_of_strangers(lambda name: "") == NAMES
    assert set(NAMES) - set(codecs_of_strangers(without_opus)) == {"opus"}


def test_control_does_without_kernels() -> None:
    """Its codecs are looked up in a table: numba costs a second and 60 MB, and belongs to the workers."""
    program = "import sys, hookflash.app, hookflash.composition.codecs; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = done.stdout.split()
    assert "hookflash.plane.codecs" in loaded
    assert not {"numba", "llvmlite"} & set(loaded)


def test_the_plane_does_what_every_phone_speaks() -> None:
    assert (why_not("PCMU"), why_not("PCMA")) == ("", "")


def test_trunks_have_what_the_configuration_says() -> None:
    config = phones_config(
        parse('[[trunk]]\nname = "t"\ntargets = ["sbc"]\ncodecs = ["pcma", "PCMU"]\nsrtp = "required"\n')
    )
    (trunk,) = config.trunks
    assert (trunk.codecs, trunk.srtp) == (("PCMA", "PCMU"), "required")
    assert config.srtp == "optional"
    assert set(config.codecs) >= {"PCMU", "PCMA"}
