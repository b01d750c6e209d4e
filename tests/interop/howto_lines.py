"""Phones that do as they are told, over real SIP and RTP: baresip, SIPp, and the softphone; and virtual ones.

All call the app's number. A phone that ``talks`` says texts spoken by the built-in voice.
"""

from __future__ import annotations

import socket
import struct
import uuid
from pathlib import Path

import numpy as np
import soundfile
from baresip_phone import Baresip
from numpy.typing import NDArray
from sipp_process import Sipp
from system.conftest import System
from system.handset import Handset
from system.harness import ACCESS_KEY, NUMBER
from system.spoken import RATE, Say

from hookflash.plane.kernels.codec import encode_ulaw
from hookflash.testing.phones import VirtualPhones

FRAME = 160
LOUD = 300
HEADER = 44
"""Bytes before the samples of a WAV file."""
Samples = NDArray[np.int16]


def audible(samples: Samples) -> float:
    """Seconds, frame by frame, in which something was to be heard."""
    frames = np.abs(samples[: len(samples) // FRAME * FRAME].astype(np.int32)).reshape(-1, FRAME)
    return 0.02 * int(np.count_nonzero(frames.max(axis=1) > LOUD))


class Line:
    """A phone. ``hears``: whether it can tell what it heard; ``counts``: whether it can tell keys it got."""

    number: str
    talks = hears = counts = True

    def dial(self) -> None:
        """Call the app."""
        raise NotImplementedError

    def says(self, text: str) -> None:
        """Begin to say something, which was among those it was made for."""
        raise NotImplementedError

    def presses(self, keys: str) -> None:
        """Press keys."""
        raise NotImplementedError

    def heard(self) -> float:
        """Seconds in which it has heard something so far."""
        raise NotImplementedError

    @property
    def digits(self) -> str:
        """Keys it has got."""
        raise NotImplementedError

    def hang_up(self) -> None:
        """Put down."""
        raise NotImplementedError

    def close(self) -> None:
        """End it."""


class SoftphoneLine(Line):
    """The phone of ``hookflash phone``."""

    number = "+14255550171"

    def __init__(self, system: System, folder: Path, spoken: Say, texts: tuple[str, ...]) -> None:
        self._files = {text: spoken(text) for text in texts}
        self._dial = system.dial
        self._phone = Handset(self.number)

    def dial(self) -> None:
        self._phone.start(f"dial {self._dial}")

    def says(self, text: str) -> None:
        self._phone.start(f"play {self._files[text]}")

    def presses(self, keys: str) -> None:
        self._phone.start(f"press {keys}")

    def heard(self) -> float:
        return audible(self._phone.heard())

    @property
    def digits(self) -> str:
        return self._phone.digits

    def hang_up(self) -> None:
        self._phone.start("hangup")

    def close(self) -> None:
        self._phone.close()


class BaresipLine(Line):
    """baresip: it says files one after the other, and writes down what it hears."""

    number = "+14255550172"
    QUIET = 120
    """Seconds of quiet after the words, which it must not come to the end of."""

    def __init__(self, system: System, folder: Path, spoken: Say, texts: tuple[str, ...]) -> None:
        self._dial = system.dial
        self._files = {text: folder / f"{number}.wav" for number, text in enumerate(texts)}
        for text, file in self._files.items():
            samples, _ = soundfile.read(spoken(text), dtype="int16")
            self._write(file, samples)
        silence = folder / "silence.wav"
        self._write(silence, np.zeros(0, np.int16))
        self._phone = Baresip(folder / "phone", number=self.number, says=silence)

    def _write(self, file: Path, samples: Samples) -> None:
        quiet = np.zeros(self.QUIET * RATE, np.int16)
        soundfile.write(file, np.concatenate([samples, quiet]), RATE, "PCM_16")

    def dial(self) -> None:
        self._phone.command("dial", self._dial)

    def says(self, text: str) -> None:
        self._phone.command("ausrc", f"aufile,{self._files[text]}")

    def presses(self, keys: str) -> None:
        self._phone.press(keys)

    def heard(self) -> float:
        (file,) = self._phone.folder.glob("dump-*-dec.wav")
        written = file.read_bytes()[HEADER:]
        return audible(np.frombuffer(written[: len(written) // 2 * 2], np.int16))

    @property
    def digits(self) -> str:
        return self._phone.digits

    def hang_up(self) -> None:
        self._phone.command("hangup")

    def close(self) -> None:
        self._phone.close()


class SippLine(Line):
    """SIPp, told what to do by requests MESSAGE within its call, which its scenario waits for.

    It says words and presses keys by packets of its own; what it is sent it does not listen to.
    """

    number = "+14255550173"
    hears = counts = False

    def __init__(self, system: System, folder: Path, spoken: Say, texts: tuple[str, ...]) -> None:
        self._system = system
        self._folder = folder
        self._texts = texts
        self._told = 0
        self._name = uuid.uuid4().hex
        for number, text in enumerate(texts):
            samples, _ = soundfile.read(spoken(text), dtype="int16")
            (folder / f"words{number}.pcap").write_bytes(capture(samples, 1000 * (number + 1)))
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._phone: Sipp | None = None

    def dial(self) -> None:
        self._phone = Sipp(
            "caller_obeys",
            self._folder,
            remote=f"127.0.0.1:{self._system.server.sip_port}",
            timeout=600,
            keys={"caller": self.number},
            options=("-cid_str", f"%u-{self._name}"),
        )
        self._phone.wait_listening()

    def _tell(self, what: str, keys: str = "") -> None:
        assert self._phone is not None
        self._told += 1
        lines = [
            f"MESSAGE sip:phone@127.0.0.1:{self._phone.port} SIP/2.0",
            f"Via: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKtold{self._told}",
            "From: <sip:test@127.0.0.1>;tag=test",
            f"To: <sip:{self.number}@127.0.0.1>;tag=phone",
            f"Call-ID: 1-{self._name}",
            f"CSeq: {self._told} MESSAGE",
            f"X-Do: {what}",
            f"X-Keys: {keys}",
            "Content-Length: 0",
            "",
            "",
        ]
        self._socket.sendto("\r\n".join(lines).encode(), ("127.0.0.1", self._phone.port))

    def says(self, text: str) -> None:
        self._tell(f"words{self._texts.index(text)}")

    def presses(self, keys: str) -> None:
        self._tell("press", keys)

    def hang_up(self) -> None:
        self._tell("hangup")

    def close(self) -> None:
        if self._phone is not None:
            self._phone.stop()
        self._socket.close()


def capture(samples: Samples, ssrc: int) -> bytes:
    """What is said, as a capture of RTP packets of mu-law, 20 ms each."""
    encoded = np.zeros(len(samples), np.uint8)
    encode_ulaw(samples, encoded)
    out = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)]
    for number in range(len(encoded) // FRAME):
        payload = encoded[number * FRAME : (number + 1) * FRAME].tobytes()
        rtp = struct.pack("!BBHII", 0x80, 0x80 if number == 0 else 0, number, number * FRAME, ssrc) + payload
        udp = struct.pack("!HHHH", 20000, 20000, 8 + len(rtp), 0) + rtp
        loopback = b"\x7f\0\0\1"
        ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), number, 0, 64, 17, 0, loopback, loopback)
        frame = bytes(12) + b"\x08\0" + ip + udp
        seconds, micros = divmod(number * 20_000, 1_000_000)
        out.append(struct.pack("<IIII", seconds, micros, len(frame), len(frame)) + frame)
    return b"".join(out)


class VirtualLine(Line):
    """A virtual phone: it presses keys, and knows what was played to it."""

    number = "+14255550174"
    talks = False

    def __init__(self, system: System, folder: Path, spoken: Say, texts: tuple[str, ...]) -> None:
        phones = VirtualPhones(system.server.url, ACCESS_KEY)
        self._phone = phones.add("howto", self.number)

    def dial(self) -> None:
        self._phone.call(NUMBER)

    def presses(self, keys: str) -> None:
        self._phone.press(keys)

    def heard(self) -> float:
        call = self._phone.wait(state="up")
        return float(len(call["heard"]))

    @property
    def digits(self) -> str:
        return str(self._phone.wait(state="up")["digits"])

    def hang_up(self) -> None:
        self._phone.hang_up()

    def close(self) -> None:
        self._phone.remove()


LINES: dict[str, type[SoftphoneLine] | type[BaresipLine] | type[SippLine] | type[VirtualLine]] = {
    "softphone": SoftphoneLine,
    "baresip": BaresipLine,
    "sipp": SippLine,
    "virtual": VirtualLine,
}
