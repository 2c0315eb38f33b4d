"""The project's files as the tidy tests read them.

Nothing here asks git: a release archive can be checked as well as a clone.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
MADE = {"build", "dist", "htmlcov", "__pycache__"}
"""Folders that only hold what was made from other files."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Module:
    """One Python file; `path` is relative to the project."""

    path: Path
    text: str
    tree: ast.Module

    @property
    def is_product(self) -> bool:
        return self.path.parts[0] == "doctor_daemon"

    def functions(self) -> Iterator[Function]:
        return (node for node in ast.walk(self.tree) if isinstance(node, Function))

    def classes(self) -> Iterator[ast.ClassDef]:
        return (node for node in ast.walk(self.tree) if isinstance(node, ast.ClassDef))


def parse(path: str | Path, text: str) -> Module:
    return Module(Path(path), text, ast.parse(text))


def is_ours(path: Path) -> bool:
    """Whether a path, relative to the project, was written by hand."""
    hidden = {part for part in path.parts[:-1] if part.startswith(".")} - {".ci"}
    made = any(part in MADE or part.endswith(".egg-info") for part in path.parts)
    return not hidden and not made and path.suffix not in {".pyc", ".swp"}


@cache
def texts() -> dict[Path, str]:
    """Every text file that was written by hand, by its path relative to the project."""
    found = {}
    for file in sorted(ROOT.rglob("*")):
        path = file.relative_to(ROOT)
        if is_ours(path) and file.is_file() and path.name != ".coverage":
            content = file.read_bytes()
            if b"\0" not in content:
                found[path] = content.decode("utf-8")
    return found


@cache
def modules() -> tuple[Module, ...]:
    return tuple(parse(path, text) for path, text in texts().items() if path.suffix == ".py")
