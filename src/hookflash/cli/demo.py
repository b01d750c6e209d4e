"""``hookflash demo``: one whole call, end to end, shown as a timeline.

The server runs in this process, the example IVR (an ordinary app on the official SDK) in another, and a SIP
phone calls over loopback. Everything that should happen is expected by name; what is missing is an error.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import json
import os
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

import hookflash
from hookflash.app import App
from hookflash.cli.logs import configure
from hookflash.clock import LoopClock
from hookflash.config import DEVELOPMENT_ACCESS_KEY, Settings, parse
from hookflash.loopback import free_port
from hookflash.ports.journal import Delivery, Entry
from hookflash.softphone.phone import CallFailed, Softphone
from hookflash.softphone.player import ExpectationFailed, ScriptPlayer
from hookflash.softphone.script import parse as parse_script
from hookflash.speech.builtin import missing

NUMBER = "+18005550100"
CALLER = "+14255550123"
PATIENCE = 50.0
"""Seconds the call may take; the first start's compiling of kernels comes on top."""

SCRIPT = """
expect audio            // the welcome
press 123               // barge in with the code
expect audio within 30  // the thanks, spoken where there is a voice
wait 4                  // until it is over
press 1
expect digits 456       // the app presses keys
press 2                 // hold, please
expect audio            // music
wait 2.2
press #                 // stop listening
expect silence for 0.3
hangup
"""

EXPECTED_EVENTS = {
    "CallConnected": 1,
    "ParticipantsUpdated": 3,
    "PlayStarted": 3,
    "RecognizeCompleted": 1,
    "PlayCompleted": 1,
    "ContinuousDtmfRecognitionToneReceived": 3,
    "SendDtmfTonesCompleted": 1,
    "PlayCanceled": 1,
    "ContinuousDtmfRecognitionStopped": 1,
    "CallDisconnected": 1,
}
"""What the app must have been told, and how often at least."""


@dataclass(frozen=True, slots=True)
class Moment:
    """One line of the timeline: milliseconds since the start of the call, who, and what."""

    ms: float
    who: str
    what: str


class Timeline:
    """Collects moments from every side, by one clock."""

    def __init__(self, clock: LoopClock) -> None:
        self._clock = clock
        self._start = clock.now()
        self.moments: list[Moment] = []
        self.events: Counter[str] = Counter()
        self.tones: list[str] = []
        self.over = asyncio.Event()

    def restart(self) -> None:
        """The call begins now."""
        self._start = self._clock.now()

    def add(self, who: str, what: str) -> None:
        self.moments.append(Moment((self._clock.now() - self._start) * 1000, who, what))

    def phone(self, what: str, detail: str) -> None:
        """A notice of the phone."""
        self.add("phone", detail if what == "step" else f"{what}: {detail}")

    def entry(self, entry: Entry) -> None:
        """A journal entry: what the app asked, what the server did of itself."""
        if entry.kind == "command":
            context = json.loads(entry.data).get("operationContext")
            self.add("app", f"{entry.name}{f' ({context})' if context else ''}")

    def delivered(self, delivery: Delivery, status: int, ms: float) -> None:
        """An event has reached the app."""
        self.events[delivery.name] += 1
        detail = ""
        data = json.loads(delivery.body)[0].get("data", {})
        if delivery.name == "RecognizeCompleted":
            self.tones = data["dtmfResult"]["tones"]
            detail = " ".join(self.tones)
        elif delivery.name == "ContinuousDtmfRecognitionToneReceived":
            detail = f"{data['tone']} (no. {data['sequenceId']})"
        elif delivery.name == "CallDisconnected":
            self.over.set()
            detail = data["resultInformation"]["message"]
        elif delivery.name == "ParticipantsUpdated":
            held = [p["identifier"]["rawId"] for p in data["participants"] if p.get("isOnHold")]
            detail = f"{len(data['participants'])} in the call" + (
                f", on hold: {', '.join(held)}" if held else ""
            )
        self.add("event", f"{delivery.name} {detail}".strip() + f"  -> {status} in {ms:.0f} ms")


def run(*, show_logs: bool) -> int:
    """Exit code 0 only if everything that should happen did."""
    console = Console(highlight=False)
    app_file = example_app()
    if app_file is None or importlib.util.find_spec("azure.communication.callautomation") is None:
        console.print(
            "[red]error:[/red] the demo needs the official SDK and the example app; "
            "install them with: pip install 'hookflash\\[demo]'"
        )
        return 2
    configure("pretty", "info" if show_logs else "error")
    with tempfile.TemporaryDirectory(prefix="hookflash-demo-") as folder:
        return asyncio.run(_Demo(console, app_file, Path(folder)).run())


def example_app() -> Path | None:
    """The IVR of ``examples/ivr``: in the installed package, or in the source tree."""
    package = Path(hookflash.__file__).parent
    places = (package / "examples" / "ivr" / "app.py", package.parents[1] / "examples" / "ivr" / "app.py")
    return next((place for place in places if place.exists()), None)


class _Demo:
    """One run."""

    def __init__(self, console: Console, app_file: Path, folder: Path) -> None:
        self._console = console
        self._app_file = app_file
        self._folder = folder
        self._http = free_port()
        self._sip = free_port()
        self._port = free_port()

    async def run(self) -> int:
        clock = LoopClock()
        timeline = Timeline(clock)
        server = App(self._settings(), watch=timeline.entry, delivered=timeline.delivered)
        self._console.print(
            "starting the server (the very first start compiles the audio kernels, about a minute) ..."
        )
        await server.start()
        try:
            await server.wait_ready()
            self._console.print("starting the example app, examples/ivr/app.py ...")
            async with self._example():
                await self._until_subscribed(server)
                self._console.print(f"calling sip:{NUMBER}@127.0.0.1:{self._sip} ...\n")
                timeline.restart()
                failure = await self._call(clock, timeline)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(timeline.over.wait(), 10)
        finally:
            await server.stop()
        return self._verdict(timeline, failure)

    def _settings(self) -> Settings:
        return parse(
            f"""
            [server]
            bind = "127.0.0.1:{self._http}"
            data_dir = "{self._folder / "state"}"
            [sip]
            bind = "127.0.0.1:{self._sip}"
            [speech]
            start = "demand"
            [[number]]
            e164 = "{NUMBER}"
            resource = "devresource"
            [[subscription]]
            name = "demo"
            resource = "devresource"
            endpoint = "http://127.0.0.1:{self._port}/api/incomingCall"
            """
        )

    @contextlib.asynccontextmanager
    async def _example(self) -> AsyncIterator[None]:
        environment = {
            **os.environ,
            "ACS_ENDPOINT": f"http://127.0.0.1:{self._http}",
            "ACS_ACCESS_KEY": DEVELOPMENT_ACCESS_KEY,
            "APP_PORT": str(self._port),
        }
        if not missing():
            environment["COGNITIVE_SERVICES_ENDPOINT"] = "https://speech.example.net/"
        with (self._folder / "app.log").open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable, str(self._app_file), env=environment, stdout=log, stderr=log
            )
        try:
            yield
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()

    async def _until_subscribed(self, server: App) -> None:
        for _ in range(200):
            status = await server.grid.validate("demo")
            if status.state.value == "validated":
                return
            await asyncio.sleep(0.1)
        raise RuntimeError(f"the example app does not answer: {(self._folder / 'app.log').read_text()}")

    async def _call(self, clock: LoopClock, timeline: Timeline) -> str:
        async with Softphone(clock, number=CALLER, notice=timeline.phone) as phone:
            player = ScriptPlayer(phone, clock, timeline.phone)
            script = f"dial sip:{NUMBER}@127.0.0.1:{self._sip}\n{SCRIPT}"
            try:
                await asyncio.wait_for(player.play(parse_script(script)), PATIENCE)
            except (CallFailed, ExpectationFailed) as error:
                return str(error)
            except TimeoutError:
                return f"the call was not over within {PATIENCE:g} s"
        return ""

    def _verdict(self, timeline: Timeline, failure: str) -> int:
        self._show(timeline)
        missing = [
            f"{name}: expected {count}, delivered {timeline.events[name]}"
            for name, count in EXPECTED_EVENTS.items()
            if timeline.events[name] < count
        ]
        if timeline.tones != ["one", "two", "three"]:
            missing.append(
                f"RecognizeCompleted: expected one two three, got {' '.join(timeline.tones) or 'none'}"
            )
        if failure:
            missing.insert(0, f"the phone: {failure}")
        for line in missing:
            self._console.print(f"[red]missing[/red] {escape(line)}")
        if missing:
            log = (self._folder / "app.log").read_text()
            self._console.print(f"\nthe app said:\n{escape(log[-3000:])}", style="dim")
            return 1
        count = sum(timeline.events.values())
        self._console.print(f"[green]ok[/green]: everything expected happened; {count} events were delivered")
        return 0

    def _show(self, timeline: Timeline) -> None:
        table = Table(box=None, pad_edge=False)
        table.add_column("ms", justify="right", style="dim")
        table.add_column("who")
        table.add_column("what", overflow="fold")
        colours = {"phone": "yellow", "app": "cyan", "event": "green"}
        for moment in sorted(timeline.moments, key=lambda m: m.ms):
            colour = colours[moment.who]
            table.add_row(f"{moment.ms:.0f}", f"[{colour}]{moment.who}[/{colour}]", escape(moment.what))
        self._console.print(table)
        self._console.print()
