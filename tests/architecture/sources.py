"""The project's own source as syntax trees, read once a run."""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Source:
    """One file of ours; ``path`` is relative to the root, with slashes."""

    path: str
    tree: ast.Module

    @property
    def module(self) -> str:
        return self.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    def at(self, node: ast.AST) -> str:
        return f"{self.path}:{getattr(node, 'lineno', 1)}"


@cache
def _parse(path: Path) -> Source:
    return Source(path.relative_to(ROOT).as_posix(), ast.parse(path.read_text(encoding="utf-8")))


def sources(*places: str) -> list[Source]:
    """Read the files and folders given, relative to the root; one that is not there yet gives nothing."""
    found: set[Path] = set()
    for place in places:
        path = ROOT / place
        found |= {path} if path.is_file() else set(path.rglob("*.py"))
    return [_parse(path) for path in sorted(found)]


def dotted(node: ast.AST) -> str:
    """Spell ``a.b.c``; a part that is not a name is ``?``."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return "?"


def calls(tree: ast.AST) -> Iterator[tuple[ast.Call, str]]:
    """Every call and what is called."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield node, dotted(node.func)


def imported_modules(tree: ast.AST) -> Iterator[tuple[ast.stmt, str]]:
    """Every absolute import by its module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node, node.module


def classes(tree: ast.AST) -> Iterator[ast.ClassDef]:
    """Every class, nested ones too."""
    return (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef))


def descendants(root: str) -> list[tuple[Source, ast.ClassDef]]:
    """Find every class under ``root`` by the names of its bases."""
    everything = [(source, cls) for source in sources("resale", "apps") for cls in classes(source.tree)]
    known = {root}
    while True:
        found = [(source, cls) for source, cls in everything if _bases(cls) & known]
        if {cls.name for _, cls in found} <= known:
            return found
        known |= {cls.name for _, cls in found}


def _bases(cls: ast.ClassDef) -> set[str]:
    return {dotted(base).rsplit(".", 1)[-1] for base in cls.bases}


def functions(body: Iterable[ast.stmt]) -> Iterator[Function]:
    """The functions or methods that stand directly in a body."""
    return (node for node in body if isinstance(node, Function))


def argument_names(function: Function) -> set[str]:
    """Every argument of a function."""
    spec = function.args
    return {arg.arg for arg in (*spec.posonlyargs, *spec.args, *spec.kwonlyargs)}


def strings(tree: ast.AST) -> Iterator[str]:
    """Every string literal."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def broken(reason: str, offences: Iterable[str]) -> str:
    """Word a failure: why the law exists, then each place."""
    return "\n".join((f"\n{reason}", *(f"  {offence}" for offence in offences)))
