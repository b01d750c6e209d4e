"""The page on how-to coverage names snippets and tests that are there, and all of them."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "how-to-coverage.md"
INTEROP = ROOT / "tests" / "interop"
FLOWS = INTEROP / "test_howto.py"
PHONES = {"all_phones": "all", "talking": "talking", "softphone": "softphone"}
"""What the page calls the phones of each mark."""

ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.read_text().splitlines()
    if line.startswith("| ") and not line.startswith(("| on the page", "| ---"))
]
TESTS = {
    node.name: node
    for node in ast.parse(FLOWS.read_text()).body
    if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
}


PYTHON = {
    key.value
    for node in ast.walk(ast.parse((INTEROP / "howto_python.py").read_text()))
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    if node.target.id in ("PLAY", "RECOGNISE", "CONTROL") and isinstance(node.value, ast.Dict)
    for key in node.value.keys
    if isinstance(key, ast.Constant)
}
JAVASCRIPT = {
    name
    for kind in ("play", "recognise", "control")
    for name in re.findall(
        r'^  "?([a-z][a-z-]+)"?: (?:\(client|toAll\(|start\()',
        (INTEROP / "javascript" / f"howto_{kind}.mjs").read_text(),
        re.MULTILINE,
    )
}


def test_both_languages_do_what_the_page_lists_and_nothing_else() -> None:
    listed = {row[2].strip("`") for row in ROWS}
    assert len(listed) > 30
    assert listed == PYTHON
    assert listed == JAVASCRIPT


@pytest.mark.parametrize("row", ROWS, ids=[f"{row[2]} {row[3]}".replace("`", "") for row in ROWS])
def test_the_test_of_a_row_does_it_with_these_phones(row: list[str]) -> None:
    _, _, snippet, test, phones = row
    node = TESTS[test.strip("`")]
    named = {one.value for one in ast.walk(node) if isinstance(one, ast.Constant)}
    named |= {"answer"}  # the fixture of every call
    assert snippet.strip("`") in named
    assert [PHONES[one.id] for one in node.decorator_list if isinstance(one, ast.Name)] == [phones]


def test_every_test_is_on_the_page() -> None:
    assert {row[3].strip("`") for row in ROWS} == set(TESTS)


def test_every_file_the_page_names_exists() -> None:
    for name in re.findall(r"`((?:tests|conformance)/[\w./-]+\.\w+)`", PAGE.read_text()):
        assert (ROOT / name).exists(), name
