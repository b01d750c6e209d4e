"""baresip as a process: one phone on loopback, driven over its control port, its audio in files.

The control port speaks JSON in netstrings: commands in, their responses and the phone's events out. What the
phone says is a WAV file (module aufile); what it hears goes through the null end of an audio bridge
(aubridge), and the sndfile filter writes it down on the way.
"""

from __future__ import annotations

import contextlib
import json
import re
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray
from trunk_ports import quiet_port

MODULES = Path("/usr/lib/baresip/modules")
RATE = 8000
Samples = NDArray[np.float64]


class Baresip:
    """One phone.

    Args:
        folder: where its configuration and recordings go.
        number: user part of its address.
        says: WAV file, mono 16 bit, that it plays into its calls from their start.
        rate: sample rate of that file, and of what it heard.
        port: its SIP port; a free one when 0.
        codecs: that it offers and takes, best first, as in "opus/48000/2,pcmu".
        encryption: "" for plain RTP, "srtp" for keys in RTP/AVP, "srtp-mand" for RTP/SAVP.
        answers: whether it answers every call at once.
        transport: "" for any, or the one it uses; TLS is at the port after its own.
        registrar: "host:port" of the server it registers with as ``number``; nowhere when "".
        password: for that.
        expires: seconds it registers for.
        more: further lines of its configuration.
    """

    def __init__(
        self,
        folder: Path,
        *,
        number: str,
        says: Path,
        port: int = 0,
        codecs: str = "pcmu,pcma",
        answers: bool = False,
        rate: int = RATE,
        encryption: str = "",
        transport: str = "",
        registrar: str = "",
        password: str = "",
        expires: int = 300,
        more: Sequence[str] = (),
    ) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self.rate = rate
        self.number = number
        self.port = port or quiet_port()
        control = quiet_port()
        lines = [
            f"sip_listen 127.0.0.1:{self.port}",
            "net_interface 127.0.0.1",
            f"module_path {MODULES}",
            *(f"module {name}.so" for name in ("g711", "g722", "opus", "l16", "srtp")),
            "module aufile.so",
            "module aubridge.so",
            "module sndfile.so",
            "module_tmp account.so",
            "module_app menu.so",
            "module_app ctrl_tcp.so",
            f"ctrl_tcp_listen 127.0.0.1:{control}",
            f"audio_source aufile,{says}",
            "audio_player aubridge,nobody",
            "audio_alert aubridge,nobody",
            "audio_srate 8000-48000",
            "audio_channels 1-2",
            "opus_stereo no",
            "opus_sprop_stereo no",
            "opus_bitrate 32000",
            f"ausrc_srate {rate}",
            f"auplay_srate {rate}",
            "ausrc_channels 1",
            "auplay_channels 1",
            f"snd_path {folder}",
            "jitter_buffer_delay 0-5",
            "rtp_timeout 0",
            "ringback_disabled yes",
            "menu_bell no",
            "statmode_default off",
            *more,
        ]
        (folder / "config").write_text("\n".join(lines) + "\n")
        where = registrar or f"127.0.0.1:{self.port}"
        interval = expires if registrar else 0
        account = f"<sip:{number}@{where}{f';transport={transport}' if transport else ''}>"
        account += f";regint={interval};audio_codecs={codecs}"
        if registrar:
            account += f";auth_pass={password}"
        if encryption:
            account += f";mediaenc={encryption}"
        (folder / "accounts").write_text(account + f";answermode={'auto' if answers else 'manual'}\n")
        (folder / "contacts").write_text("")
        self.events: list[dict[str, Any]] = []
        self._changed = threading.Condition()
        self._log = (folder / "log").open("wb")
        self._process = subprocess.Popen(
            ["baresip", "-f", str(folder), "-v"],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
        )
        try:
            self._socket = self._connect(control)
        except AssertionError:
            self.close()
            raise
        threading.Thread(target=self._read, daemon=True).start()

    def _connect(self, port: int) -> socket.socket:
        deadline = time.monotonic() + 10
        while self._process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(ConnectionRefusedError):
                return socket.create_connection(("127.0.0.1", port), 10)
            threading.Event().wait(0.05)
        raise AssertionError(f"baresip cannot be controlled:\n{self.log()}")

    def _read(self) -> None:
        self._socket.settimeout(None)
        buffer = b""
        while True:
            try:
                data = self._socket.recv(65536)
            except OSError:
                return
            if not data:
                return
            buffer += data
            while (colon := buffer.find(b":")) > 0 and len(buffer) >= colon + 2 + int(buffer[:colon]):
                end = colon + 1 + int(buffer[:colon])
                message = json.loads(buffer[colon + 1 : end])
                buffer = buffer[end + 1 :]
                with self._changed:
                    self.events.append(message)
                    self._changed.notify_all()

    def log(self) -> str:
        """The end of what it printed."""
        return self._printed()[-3000:]

    def _printed(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    @property
    def coders(self) -> list[str]:
        """The encodings of the decoders and encoders its calls have had."""
        return re.findall(r"Set audio (?:en|de)coder: (\S+)", self._printed())

    @property
    def suites(self) -> list[str]:
        """The SRTP suites of its calls, one for each call that is protected."""
        return re.findall(r"SRTP is Enabled \(cryptosuite=(\w+)\)", self._printed())

    # --- doing ------------------------------------------------------------------------------------------

    def command(self, name: str, parameters: str = "") -> None:
        """Run a command of baresip's menu."""
        message = json.dumps({"command": name, "params": parameters, "token": name}).encode()
        with self._changed:
            before = len(self.events)
        self._socket.sendall(str(len(message)).encode() + b":" + message + b",")
        answer = self._wait(lambda e: e.get("response") is True and e.get("token") == name, before, name)
        assert answer["ok"], f"{name} {parameters}: {answer}"

    def press(self, keys: str, seconds: float = 0.15) -> None:
        """Press keys one after the other."""
        for key in keys:
            self.command("sndcode", key)
            threading.Event().wait(seconds)
            self.command("sndcode", "\x04")
            threading.Event().wait(seconds)

    @staticmethod
    def listen(seconds: float) -> None:
        """Let so much audio pass."""
        threading.Event().wait(seconds)

    # --- seeing -----------------------------------------------------------------------------------------

    def wait(self, kind: str, timeout: float = 10, **match: object) -> dict[str, Any]:
        """The first event of this type, as baresip names it, with these values."""
        return self._wait(
            lambda e: e.get("type") == kind and all(e.get(k) == v for k, v in match.items()),
            0,
            f"{kind} {match}",
            timeout,
        )

    def _wait(
        self, wanted: Callable[[dict[str, Any]], bool], start: int, what: str, timeout: float = 10
    ) -> dict[str, Any]:
        deadline = time.monotonic() + timeout
        with self._changed:
            while True:
                for event in self.events[start:]:
                    if wanted(event):
                        return event
                left = deadline - time.monotonic()
                assert left > 0, f"no {what} within {timeout} s; seen: {self.events}\n{self.log()}"
                self._changed.wait(left)

    def wait_printed(self, words: str, timeout: float = 10) -> None:
        """Wait until it has printed something; what happens before its control port is open is seen so."""
        deadline = time.monotonic() + timeout
        while words not in self._printed():
            assert time.monotonic() < deadline, f"no {words!r} within {timeout} s:\n{self.log()}"
            threading.Event().wait(0.05)

    @property
    def digits(self) -> str:
        """Keys it reported as received."""
        with self._changed:
            return "".join(e["param"] for e in self.events if e.get("type") == "CALL_DTMF_START")

    def heard(self) -> Samples:
        """What it heard in its calls, oldest call first, at its rate; complete only once they are over."""
        parts = [np.zeros(0)]
        for file in sorted(self.folder.glob("dump-*-dec.wav"), key=lambda path: path.stat().st_mtime):
            samples, rate = soundfile.read(file, dtype="float64")
            mono = samples if samples.ndim == 1 else samples[:, 0]
            parts.append(mono if rate == self.rate else soxr.resample(mono, rate, self.rate))
        return np.concatenate(parts)

    def close(self) -> None:
        """End it."""
        if self._process.poll() is None:
            self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if hasattr(self, "_socket"):
            self._socket.close()
        self._log.close()
