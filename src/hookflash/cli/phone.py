"""``hookflash phone``: by script, or by hand from the keyboard."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import soundfile
from rich.console import Console
from rich.markup import escape

from hookflash.clock import LoopClock
from hookflash.sip.offer import POLICIES
from hookflash.softphone.audio import CODECS, RATE
from hookflash.softphone.phone import CallFailed, Softphone
from hookflash.softphone.player import ExpectationFailed, ScriptPlayer
from hookflash.softphone.script import ScriptError, Step, parse

_KEYS = re.compile(r"[0-9A-Da-d*#]+")
_HELP = "type keys (0-9 A-D * #) and Enter to press them, a script step, or q to hang up"


def run(
    uri: str | None,
    *,
    script: str | None,
    caller: str,
    bind: str,
    inband: bool,
    record: Path | None,
    timeout: float,
    codecs: str = "PCMU,PCMA",
    srtp: str = "off",
) -> int:
    """Exit code: 0 when everything went as the script said, 1 when not, 2 for a mistake in the arguments."""
    console = Console(highlight=False, soft_wrap=True)
    try:
        steps = parse(script) if script is not None else []
        host, _, port = bind.rpartition(":")
        address = (host or "127.0.0.1", int(port))
    except ScriptError as error:
        console.print(f"[red]error:[/red] {escape(str(error))}")
        return 2
    except ValueError:
        console.print(f"[red]error:[/red] --bind {escape(bind)} is not host:port, for example 127.0.0.1:0")
        return 2
    by_name = {name.casefold(): name for name in CODECS}
    spoken = [by_name.get(name.strip().casefold(), "") for name in codecs.split(",")]
    if "" in spoken or srtp not in POLICIES:
        wrong = f"--srtp {srtp} is none of {', '.join(POLICIES)}"
        if "" in spoken:
            wrong = f"--codec {codecs} is not out of {', '.join(CODECS)}, divided by commas"
        console.print(f"[red]error:[/red] {escape(wrong)}")
        return 2
    if uri is not None:
        steps.insert(0, Step("dial", uri))
    elif script is None:
        steps.insert(0, Step("answer", "", timeout))
    softphone = partial(
        Softphone, number=caller, host=address[0], port=address[1], inband=inband, codecs=spoken, srtp=srtp
    )
    phone = _Run(console, caller, softphone, record)
    try:
        return asyncio.run(phone.run(steps, by_hand=script is None, timeout=timeout))
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        console.print(f"[red]error:[/red] {escape(bind)} cannot be used: {escape(str(error))}")
        return 2


class _Run:
    """One run of the phone."""

    def __init__(
        self, console: Console, caller: str, softphone: Callable[..., Softphone], record: Path | None
    ) -> None:
        self._console = console
        self._caller = caller
        self._softphone = softphone
        self._record = record

    async def run(self, steps: list[Step], *, by_hand: bool, timeout: float) -> int:
        clock = LoopClock()
        start = clock.now()

        def notice(what: str, detail: str) -> None:
            mark = "dim" if what == "step" else "bold"
            seconds = f"{clock.now() - start:7.3f}"
            self._console.print(f"{seconds}  [{mark}]{what:<9}[/{mark}] {escape(detail)}")

        async with self._softphone(clock, notice=notice) as phone:
            self._console.print(f"phone {escape(self._caller)} on sip:{phone.address[0]}:{phone.address[1]}")
            player = ScriptPlayer(phone, clock, notice)
            try:
                await asyncio.wait_for(
                    self._play(player, phone, steps, by_hand), None if by_hand else timeout
                )
            except (CallFailed, ExpectationFailed, ValueError) as error:
                self._console.print(f"[red]failed:[/red] {escape(str(error))}")
                return 1
            except TimeoutError:
                self._console.print(f"[red]failed:[/red] the script did not end within {timeout:g} s")
                return 1
            finally:
                if self._record is not None:
                    soundfile.write(self._record, phone.audio.heard, RATE)
        return 0

    async def _play(self, player: ScriptPlayer, phone: Softphone, steps: list[Step], by_hand: bool) -> None:
        await player.play(steps)
        if by_hand:
            self._console.print(_HELP, style="dim")
            await self._by_hand(player, phone)

    async def _by_hand(self, player: ScriptPlayer, phone: Softphone) -> None:
        loop = asyncio.get_running_loop()
        lines: asyncio.Queue[str] = asyncio.Queue()
        loop.add_reader(sys.stdin, lambda: lines.put_nowait(sys.stdin.readline()))
        try:
            while phone.talking:
                typed = asyncio.ensure_future(lines.get())
                over = asyncio.ensure_future(phone.ended(86400))
                await asyncio.wait({typed, over}, return_when=asyncio.FIRST_COMPLETED)
                over.cancel()
                if not typed.done():
                    typed.cancel()
                    return
                line = typed.result()
                if not line or line.strip() in ("q", "quit"):
                    return
                await self._typed(player, line.strip())
        finally:
            loop.remove_reader(sys.stdin)

    async def _typed(self, player: ScriptPlayer, line: str) -> None:
        try:
            await player.play(parse(f"press {line}" if _KEYS.fullmatch(line) else line))
        except (ScriptError, ExpectationFailed) as error:
            self._console.print(f"[red]{escape(str(error))}[/red]")
