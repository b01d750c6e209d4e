from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process

import pytest

from hookflash.children import MAX_LINE, describe_end, environment_of_child, kill, relay_errors

_log = logging.getLogger("the edge")


async def child(program: str) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", f"import sys\n{program}", stderr=PIPE, env=environment_of_child(os.environ)
    )


async def written(
    program: str, caplog: pytest.LogCaptureFixture, most: int | None = None
) -> list[tuple[str, str]]:
    """Level and text of what the log has of such a child."""
    caplog.set_level(logging.DEBUG, "the edge")
    process = await child(program)
    await relay_errors(process, "kid", _log, most)
    await process.wait()
    return [(record.levelname, record.getMessage()) for record in caplog.records if record.name == "the edge"]


async def test_a_line_keeps_the_level_it_was_logged_at(caplog: pytest.LogCaptureFixture) -> None:
    found = await written(
        "for it in 'INFO: loaded', 'ERROR: broken: by hand', '', 'refused: no': print(it, file=sys.stderr)",
        caplog,
    )
    assert [level for level, _ in found] == ["INFO", "ERROR", "WARNING"]
    assert [text.partition("): ")[2] for _, text in found] == ["loaded", "broken: by hand", "refused: no"]
    assert all(text.startswith("kid (process ") for _, text in found)


async def test_a_long_line_is_cut_and_one_over_the_readers_limit_left_out(
    caplog: pytest.LogCaptureFixture,
) -> None:
    (cut, last) = await written(
        "print('x' * 5_000, 'y' * 200_000, 'after', sep='\\n', file=sys.stderr)", caplog
    )
    assert cut[1].endswith(": " + "x" * MAX_LINE)
    assert last[1].endswith(": after")


async def test_no_more_lines_than_allowed(caplog: pytest.LogCaptureFixture) -> None:
    found = await written("print('', *range(9), sep='\\n', file=sys.stderr)", caplog, most=3)
    assert [text.partition("): ")[2] for _, text in found] == [
        "0",
        "1",
        "2",
        "what it writes is left out from here",
    ]


async def test_a_child_is_killed_once_and_its_watcher_knows_how() -> None:
    process = await child("sys.stdin.read()\nimport time\ntime.sleep(60)")
    pidfd = os.pidfd_open(process.pid)
    try:
        kill(pidfd)
        assert describe_end(await process.wait()) == "was ended by signal SIGKILL"
        kill(pidfd)
        kill(-1)
    finally:
        os.close(pidfd)


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (0, "ended with status 0"),
        (3, "ended with status 3"),
        (-signal.SIGTERM, "was ended by signal SIGTERM"),
        (-63, "was ended by signal 63"),
    ],
)
def test_an_end_has_words(status: int, text: str) -> None:
    assert describe_end(status) == text


def test_a_child_finds_this_package_first_and_what_programs_need() -> None:
    kept = {"PATH": "/bin", "LC_ALL": "C.UTF-8", "NUMBA_CACHE_DIR": "/c", "XDG_CACHE_HOME": "/x"}
    alone = environment_of_child(kept)
    source = alone["PYTHONPATH"]
    assert alone == {**kept, "PYTHONPATH": source}
    assert os.path.isfile(os.path.join(source, "hookflash", "children.py"))
    assert environment_of_child({"PYTHONPATH": "/x"})["PYTHONPATH"] == f"{source}{os.pathsep}/x"


def test_a_child_gets_no_keys() -> None:
    keys = {
        "AZURE_SPEECH_KEY": "k",
        "HOOKFLASH_RESOURCE__0__ACCESS_KEYS": "k",
        "OPENAI_API_KEY": "k",
        "ANYTHING": "k",
    }
    assert "k" not in environment_of_child({**keys, "PATH": "/bin"}).values()
