"""Reads the source tree for every code it can tell: calls, defaults and constants, not runs.

What counts: a call of ``Refusal``, ``ResultInformation`` or of anything else that takes a ``sub_code``
(facts, causes, helpers), a use of a helper or constant of ``wire.results``, and any number that is a known
sub-code.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src" / "hookflash"
RESULTS = SOURCE / "wire" / "results.py"
FROM_HERE_ON = 7500
"""A number below may be anything; from here on it is no accident when it equals a known sub-code."""


@dataclass(frozen=True)
class Told:
    """A code in the source; ``status`` None where it cannot be read off there."""

    where: str
    answer: bool
    status: int | None
    code: str


@dataclass
class Carrier:
    """Something that takes a code: the places of status and code among its parameters."""

    names: list[str]
    status: str | None
    code: str
    default: object = None


def trees() -> dict[Path, ast.Module]:
    """All modules of the source but the catalogue itself."""
    return {
        path: ast.parse(path.read_text())
        for path in sorted(SOURCE.rglob("*.py"))
        if path.stem != "subcodes" and not path.stem.startswith("catalogue")
    }


def told(known: frozenset[int]) -> list[Told]:
    """Every code that the source can tell; ``known`` are the numbers to look for anywhere."""
    found: list[Told] = []
    modules = trees()
    scan = _Scan(modules)
    for path, tree in modules.items():
        name = str(path.relative_to(SOURCE))
        found += scan.calls(name, path, tree)
        if path.parent != RESULTS.parent:
            for node in ast.walk(tree):
                value = node.value if isinstance(node, ast.Constant) else None
                if type(value) is int and value >= FROM_HERE_ON and value in known:
                    found.append(Told(f"{name}:{node.lineno}", False, None, str(value)))
    return found


class _Scan:
    def __init__(self, modules: dict[Path, ast.Module]) -> None:
        self.numbers: dict[str, int] = {}
        self.carriers: dict[str, Carrier] = {
            "Refusal": Carrier(["status", "code", "message"], "status", "code"),
            "ResultInformation": Carrier(["code", "sub_code", "message"], "code", "sub_code"),
        }
        self.homes: dict[str, set[str]] = {}
        for path, tree in modules.items():
            self.module = ".".join(("hookflash", *path.relative_to(SOURCE).with_suffix("").parts))
            for node in tree.body:
                if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                    value = node.value.value if isinstance(node.value, ast.Constant) else None
                    if type(value) is int:
                        self.numbers[node.targets[0].id] = value
            for inner in ast.walk(tree):
                self._carrier(inner)
        self.helpers: dict[str, tuple[bool, int | None, list[str], str]] = {}
        self.constants: dict[str, tuple[int | None, str]] = {}
        self._results(modules[RESULTS])

    def _carrier(self, node: ast.AST) -> None:
        names: list[str] = []
        defaults: dict[str, ast.expr] = {}
        name = getattr(node, "name", "")
        if isinstance(node, ast.ClassDef):
            if name in self.carriers:
                return
            for field in node.body:
                if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                    names.append(field.target.id)
                if isinstance(field, ast.FunctionDef) and field.name == "__init__":
                    names = [one.arg for one in field.args.args[1:] + field.args.kwonlyargs]
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            arguments = node.args.args
            names = [one.arg for one in arguments if one.arg != "self"] + [
                one.arg for one in node.args.kwonlyargs
            ]
            pairs = zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
            defaults = {one.arg: value for one, value in pairs if value is not None}
        if "sub_code" in names and name != "__init__":
            status = next((one for one in ("code", "status") if one in names), None)
            default = defaults.get("sub_code")
            self.homes.setdefault(name, set()).add(self.module)
            self.carriers[name] = Carrier(
                names, status, "sub_code", default.value if isinstance(default, ast.Constant) else None
            )

    def _results(self, tree: ast.Module) -> None:
        for node in tree.body:
            if isinstance(node, ast.FunctionDef):
                for call in _calls(node):
                    name = _name(call)
                    if name in ("Refusal", "ResultInformation"):
                        answer = name == "Refusal"
                        statuses, codes = self._read(call, self.carriers[name])
                        self.helpers[node.name] = (
                            answer,
                            statuses[0] if statuses else None,
                            codes,
                            node.name,
                        )
            elif (
                isinstance(node, ast.Assign)
                and isinstance(node.targets[0], ast.Name)
                and isinstance(node.value, ast.Call)
                and _name(node.value) == "ResultInformation"
            ):
                statuses, codes = self._read(node.value, self.carriers["ResultInformation"])
                self.constants[node.targets[0].id] = (statuses[0], codes[0])

    def _values(self, node: ast.expr | None) -> list[object]:
        """What an expression can be, as far as it is written there."""
        if isinstance(node, ast.Constant):
            return [node.value]
        if isinstance(node, ast.IfExp):
            return self._values(node.body) + self._values(node.orelse)
        if isinstance(node, ast.Name) and node.id in self.numbers:
            return [self.numbers[node.id]]
        if isinstance(node, ast.Attribute) and node.attr in self.numbers:
            return [self.numbers[node.attr]]
        return []

    def _read(self, call: ast.Call, carrier: Carrier) -> tuple[list[int], list[str]]:
        given: dict[str, ast.expr] = dict(zip(carrier.names, call.args, strict=False))
        given |= {one.arg: one.value for one in call.keywords if one.arg}
        statuses = [one for one in self._values(given.get(carrier.status or "")) if isinstance(one, int)]
        codes = [str(one) for one in self._values(given.get(carrier.code)) if isinstance(one, int | str)]
        if carrier.code not in given and isinstance(carrier.default, int):
            codes = [str(carrier.default)]
        return statuses, codes

    def calls(self, name: str, path: Path, tree: ast.Module) -> Iterator[Told]:
        results = path == RESULTS
        imported = {
            alias.asname or alias.name: alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and node.module == "hookflash.wire.results"
            for alias in node.names
        }
        strangers = {
            alias.asname or alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
            if alias.name in self.homes and node.module not in self.homes[alias.name]
        }
        for node in ast.walk(tree):
            used = None
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                used = imported.get(node.id) or (node.id if results else None)
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                used = node.attr if node.value.id == "results" else None
            if used in self.constants:
                status, code = self.constants[used]
                yield Told(f"{name}:{getattr(node, 'lineno', 0)}", False, status, code)
        for call in _calls(tree):
            called = _name(call)
            where = f"{name}:{call.lineno}"
            helper = self.helpers.get(imported.get(called, called)) if not results else None
            if helper is not None and (called in imported or _of_results(call)):
                answer, status, codes, _ = helper
                own = self.carriers.get(called)
                if own is not None:
                    codes = self._read(call, own)[1] or codes
                yield from (Told(where, answer, status, code) for code in codes)
            elif called in self.carriers and called not in strangers and not results:
                statuses, codes = self._read(call, self.carriers[called])
                for code in codes:
                    for status in statuses or [None]:
                        yield Told(where, called == "Refusal", status, code)
        yield from self._subclasses(name, tree)

    def _subclasses(self, name: str, tree: ast.Module) -> Iterator[Told]:
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and any(
                isinstance(base, ast.Name) and base.id == "Refusal" for base in node.bases
            ):
                for call in _calls(node):
                    if _name(call) == "__init__":
                        statuses, codes = self._read(call, self.carriers["Refusal"])
                        yield from (Told(f"{name}:{call.lineno}", True, statuses[0], one) for one in codes)


def _calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def _name(call: ast.Call) -> str:
    function = call.func
    if isinstance(function, ast.Name):
        return function.id
    return function.attr if isinstance(function, ast.Attribute) else ""


def _of_results(call: ast.Call) -> bool:
    function = call.func
    return (
        isinstance(function, ast.Attribute)
        and isinstance(function.value, ast.Name)
        and function.value.id == "results"
    )
