"""Write the tables of columns in docs/design/plane.md from ``hookflash/plane/columns``; ``--check`` compares.

A column's dtype is its annotation, its meaning and unit the comment behind it, its shape the module's SHAPES.
"""

from __future__ import annotations

import argparse
import importlib
import re
import sys
from pathlib import Path

import numpy as np

from hookflash.plane import columns as package
from hookflash.plane.columns import Columns, make_columns

PAGE = Path(__file__).parent.parent / "docs" / "design" / "plane.md"
BEGIN = "<!-- columns: made by tools/plane_columns.py, do not edit -->"
END = "<!-- end of columns -->"
_COLUMN = re.compile(r"^    (\w+): NDArray\[np\.(\w+)\]  # (.+)$", re.MULTILINE)
_SHAPE = re.compile(r"^\[[^\]]*\] ?")


class Undocumented(Exception):
    """A column has no comment."""


def rows_of(group: str, arrays: object) -> list[str]:
    """The lines of a group's table."""
    module = importlib.import_module(f"{package.__name__}.{group}")
    source = Path(str(module.__file__)).read_text()
    said = {name: (dtype, comment) for name, dtype, comment in _COLUMN.findall(source)}
    lines = []
    for name in type(arrays)._fields:  # type: ignore[attr-defined]
        if name not in said:
            raise Undocumented(f"{group}.{name} has no comment that says what it is, on its own line")
        array: np.ndarray[tuple[int, ...], np.dtype[np.generic]] = getattr(arrays, name)
        dtype, comment = said[name]
        first = module.FIRST.get(name, 0)
        size = int(np.prod(array.shape[1:], dtype=np.int64)) * array.itemsize
        wide = "" if array.ndim == 1 else " x " + " x ".join(str(n) for n in array.shape[1:])
        meaning = _SHAPE.sub("", comment).replace("|", "\\|")
        lines.append(f"| `{name}` | {dtype}{wide} | {size:,} | {first} | {meaning} |")
    return lines


def tables() -> str:
    """Every group's table, with the octets a row takes."""
    columns = make_columns(48)
    parts = []
    for group in Columns._fields:
        arrays = getattr(columns, group)
        module = importlib.import_module(f"{package.__name__}.{group}")
        each = "slot" if group == "wide" else "leg"
        total = sum(int(array.nbytes // array.shape[0]) for array in arrays)
        parts += [
            f"### `{group}`: {(module.__doc__ or '').strip().splitlines()[0][0].lower()}"
            f"{(module.__doc__ or '').strip().splitlines()[0][1:].rstrip('.')}",
            "",
            f"{total:,} octets a {each}.",
            "",
            "| column | dtype | octets | fresh | meaning |",
            "| --- | --- | --- | --- | --- |",
            *rows_of(group, arrays),
            "",
        ]
    return "\n".join(parts)


def page(text: str) -> str:
    """The page with its tables made anew. Raises ValueError when its marks are gone."""
    begin, end = text.index(BEGIN), text.index(END)
    return f"{text[: begin + len(BEGIN)]}\n\n{tables()}\n{text[end:]}"


def main() -> int:
    """Write, or say with ``--check`` whether the page is up to date."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only say whether the page is up to date")
    old = PAGE.read_text()
    new = page(old)
    if parser.parse_args().check:
        if new != old:
            print(f"{PAGE} is not what the columns say: run make generate", file=sys.stderr)
        return int(new != old)
    PAGE.write_text(new)
    return 0


if __name__ == "__main__":
    sys.exit(main())
