"""What the documentation shows works: its configurations are valid, its commands and links exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hookflash.cli.commands import cli
from hookflash.config import parse

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(language: str) -> list[tuple[str, str]]:
    """Fenced blocks of a language: where from, and the text."""
    fence = re.compile(rf"```{language}\n(.*?)```", re.DOTALL)
    return [(page.name, text) for page in PAGES for text in fence.findall(page.read_text())]


@pytest.mark.parametrize(("page", "text"), blocks("toml"))
def test_every_configuration_shown_is_valid(page: str, text: str) -> None:
    parse(text, name=page)


def test_every_command_shown_exists() -> None:
    shown = {name for page in PAGES for name in re.findall(r"bin/hookflash ([a-z-]+)", page.read_text())}
    assert shown >= {"serve", "check", "phone"}
    for command in shown:
        assert CliRunner().invoke(cli, [command, "--help"]).exit_code == 0, command


def test_every_link_between_pages_leads_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_make_lists_every_target_the_pages_name() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    pages = [*PAGES, ROOT / "CONTRIBUTING.md"]
    named = {name for page in pages for name in re.findall(r"(?m)^    make ([a-z]+)", page.read_text())}
    assert named <= targets
    assert {"demo", "test", "check", "bench", "docs", "clean"} <= targets


def test_every_test_the_pages_name_is_there() -> None:
    tests = {name for file in (ROOT / "tests").rglob("test_*.py") for name in _TEST.findall(file.read_text())}
    for page in PAGES:
        named = set(re.findall(r"`(test_\w+)`", page.read_text()))
        assert named <= tests, f"{page.name} names tests that are not there: {sorted(named - tests)}"


_TEST = re.compile(r"^ *(?:async )?def (test_\w+)", re.MULTILINE)
