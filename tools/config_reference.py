"""Write docs/reference/configuration.md from the settings and their docstrings; ``--check`` compares.

The text of a setting is the string literal under it in ``hookflash/config``; default and what fits
come from the setting itself, so that the page cannot say anything else than the code.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import sys
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Any

from hookflash.config import tree
from hookflash.config.kinds import Kind
from hookflash.config.sip import TrunkLimits
from hookflash.config.tree import ARRAYS, SECTIONS

PAGE = Path(__file__).parent.parent / "docs" / "reference" / "configuration.md"

HEAD = """\
# Configuration

<!-- Made by tools/config_reference.py from src/hookflash/config; do not edit. -->

One TOML file, all of it optional: `hookflash serve --config hookflash.toml`. `hookflash check` says what
is wrong with it, where, and how to mend it. An unknown setting is an error that names the nearest known
one.

**From the environment.** Every setting is also `HOOKFLASH_SECTION__KEY`, for example
`HOOKFLASH_SERVER__BIND=0.0.0.0:8080`. Lists are JSON or items divided by commas. Entries of `[[...]]`
sections go by index: `HOOKFLASH_TRUNK__0__PASSWORD` is the password of the first trunk, whether that is
in the file or not; an index one beyond the last adds an entry. A whole section can be given as JSON:
`HOOKFLASH_TRUNK='[{"name": "carrier", ...}]'`.

**Precedence.** Flags of the command line override the environment, which overrides the file, which
overrides the defaults.

**Modes.** In `dev` mode the settings marked *loose* are on, in `production` mode they are off, unless
set by name. Those that are on are printed at start.
"""


def docstrings(section: type) -> dict[str, str]:
    """The string literal under each setting, by name."""
    body = ast.parse(inspect.getsource(section)).body[0]
    assert isinstance(body, ast.ClassDef)
    found: dict[str, str] = {}
    for setting, text in zip(body.body, body.body[1:], strict=False):
        if (
            isinstance(setting, ast.AnnAssign)
            and isinstance(setting.target, ast.Name)
            and isinstance(text, ast.Expr)
            and isinstance(text.value, ast.Constant)
        ):
            found[setting.target.id] = " ".join(str(text.value.value).split())
    return found


def shown_default(one: Field[Any]) -> str:
    """The default in TOML, or what stands for it."""
    if one.default is MISSING:
        return "required" if one.default_factory is MISSING else "`{}`"
    value = one.default
    if one.metadata["loose"]:
        return "`true` in dev mode, `false` in production (*loose*)"
    if value is None:
        return "not set"
    if one.name == "workers":
        return "CPU cores less one"
    if isinstance(value, TrunkLimits):
        return "as below"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        return "`[" + ", ".join(f'"{item}"' for item in value) + "]`"
    if isinstance(value, int | float):
        return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"
    return f'`"{value}"`'


def table(section: type, prefix: str) -> list[str]:
    """The settings of a section as a Markdown table, nested tables after it."""
    texts = docstrings(section)
    lines = ["| setting | value | default | meaning |", "| --- | --- | --- | --- |"]
    nested: list[str] = []
    for one in fields(section):
        kind: Kind = one.metadata["kind"]
        cells = [f"`{one.name}`", kind.expected, shown_default(one), texts[one.name]]
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
        if kind.rows is not None:
            name = f"{prefix}.{one.name}"
            nested += ["", f"### `{name}`", "", inspect.getdoc(kind.rows) or "", "", *table(kind.rows, name)]
    return lines + nested


def page() -> str:
    """The whole page."""
    lines = [HEAD]
    for name, section in SECTIONS.items():
        header = f"[[{name}]]" if name in ARRAYS else f"[{name}]"
        lines += [f"## `{header}`", "", inspect.getdoc(section) or "", ""]
        if fields(section):
            lines += [*table(section, name), ""]
    return "\n".join(lines)


def main() -> int:
    """Write the page, or say that it is stale."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when the page is stale")
    arguments = parser.parse_args()
    text = page()
    if not arguments.check:
        PAGE.parent.mkdir(parents=True, exist_ok=True)
        PAGE.write_text(text, "utf-8")
        return 0
    if PAGE.is_file() and PAGE.read_text("utf-8") == text:
        return 0
    print(
        f"error: {PAGE} does not say what {tree.__file__} says; run python tools/config_reference.py",
        file=sys.stderr,
    )
    return 1


if __name__ == "__main__":
    sys.exit(main())
