"""linphone as a process: one phone on loopback, driven by the lines of its console, its audio in files.

``linphonec`` takes commands from standard input and prints what happens; with ``-S`` also the states of its
calls. It says one WAV file and writes what it hears into another, as if they were its sound card.
"""

from __future__ import annotations

import os
import re
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray
from trunk_ports import quiet_port

RATE = 8000
Samples = NDArray[np.float64]

CODECS = (("PCMU", 8000), ("PCMA", 8000), ("opus", 48000), ("G722", 8000), ("speex", 8000), ("speex", 16000))
ENCRYPTIONS = {"": "none", "srtp": "srtp"}


class Linphone:
    """One phone.

    Args:
        folder: where its configuration and recordings go.
        number: user part of its address.
        says: WAV file, mono 16 bit at 8,000 Hz, that it plays into its calls from their start.
        codec: the only one that it offers and takes, as SDP names it.
        answers: whether it answers every call at once.
        encryption: "" for plain RTP, "srtp" for RTP/SAVP and nothing else.
        transport: "udp", "tcp" or "tls".
        trusted: certificates it trusts, in PEM.
    """

    def __init__(
        self,
        folder: Path,
        *,
        number: str,
        says: Path,
        codec: str = "PCMU",
        answers: bool = False,
        encryption: str = "",
        transport: str = "udp",
        trusted: Path | None = None,
    ) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self.number = number
        self.transport = transport
        self.port = quiet_port()
        sip = {name: self.port if name == transport else -1 for name in ("udp", "tcp", "tls")}
        lines = [
            "[sip]",
            f"sip_port={sip['udp']}",
            f"sip_tcp_port={sip['tcp']}",
            f"sip_tls_port={sip['tls']}",
            "bind_address=127.0.0.1",
            f"contact=sip:{number}@127.0.0.1",
            "guess_hostname=0",
            "use_ipv6=0",
            "register_only_when_network_is_up=0",
            f"media_encryption={ENCRYPTIONS[encryption]}",
            f"media_encryption_mandatory={int(bool(encryption))}",
            "use_info=0",
            "use_rfc2833=1",
            *([f"root_ca={trusted}"] if trusted else []),
            "[rtp]",
            f"audio_rtp_port={quiet_port()}",
            "audio_jitt_comp=20",
            "[net]",
            "firewall_policy=0",
            "[sound]",
            "echocancellation=0",
            "remote_ring=",
            "local_ring=",
        ]
        for place, (name, rate) in enumerate(CODECS):
            lines += [f"[audio_codec_{place}]", f"mime={name}", f"rate={rate}", "channels=1"]
            lines.append(f"enabled={int(name == codec)}")
        (folder / "config").write_text("\n".join(lines) + "\n")
        (folder / ".local/share/linphone").mkdir(parents=True)
        self._changed = threading.Condition()
        self._printed = ""
        self._process = subprocess.Popen(
            ["linphonec", "-S", *(["-a"] if answers else []), "-c", str(folder / "config")],
            cwd=folder,
            env={**os.environ, "HOME": str(folder), "LC_ALL": "C.UTF-8"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        threading.Thread(target=self._read, daemon=True).start()
        self.command("soundcard use files")
        self.command(f"play {says}")
        self.command(f"record {folder / 'heard.wav'}")

    def _read(self) -> None:
        assert self._process.stdout is not None
        while data := os.read(self._process.stdout.fileno(), 65536):
            with self._changed:
                self._printed += data.decode(errors="replace")
                self._changed.notify_all()

    # --- doing ------------------------------------------------------------------------------------------

    def command(self, line: str) -> None:
        """Type a line."""
        assert self._process.stdin is not None
        self._process.stdin.write(line.encode() + b"\n")
        self._process.stdin.flush()

    def register(self, server: str, password: str) -> None:
        """Register with a server, "host:port", and wait until it has said yes."""
        host, scheme = server, "sips" if self.transport == "tls" else "sip"
        self.command(
            f"register sip:{self.number}@{host.partition(':')[0]} "
            f"{scheme}:{host};transport={self.transport} {password}"
        )
        deadline = time.monotonic() + 15
        while "registered, identity=" not in self._printed:
            assert time.monotonic() < deadline, f"linphone did not register:\n{self.log()}"
            # It says so only to who asks.
            self.command("status register")
            threading.Event().wait(0.2)

    def dial(self, uri: str) -> None:
        """Call somebody."""
        self.command(f"call {uri}")

    def press(self, keys: str, seconds: float = 0.3) -> None:
        """Press keys one after the other."""
        for key in keys:
            self.command(key)
            threading.Event().wait(seconds)

    # --- seeing -----------------------------------------------------------------------------------------

    def wait(self, pattern: str, timeout: float = 15, times: int = 1) -> None:
        """Wait until it has printed something so many times."""
        self._wait(lambda said: len(re.findall(pattern, said)) >= times, pattern, timeout)

    def _wait(self, done: Callable[[str], bool], what: str, timeout: float) -> None:
        deadline = time.monotonic() + timeout
        with self._changed:
            while not done(self._printed):
                left = deadline - time.monotonic()
                assert left > 0, f"linphone did not say {what} within {timeout} s:\n{self.log()}"
                self._changed.wait(left)

    def log(self) -> str:
        """The end of what it printed."""
        return self._printed[-4000:]

    @property
    def digits(self) -> str:
        """Keys it reported as received."""
        return "".join(re.findall(r"Receiving tone (\S)", self._printed))

    def heard(self) -> Samples:
        """What it heard in its last call, at 8,000 Hz; complete only once that is over."""
        samples, rate = soundfile.read(self.folder / "heard.wav", dtype="float64")
        mono = samples if samples.ndim == 1 else samples[:, 0]
        return np.asarray(mono if rate == RATE else soxr.resample(mono, rate, RATE))

    def close(self) -> None:
        """End it."""
        if self._process.poll() is None:
            self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
