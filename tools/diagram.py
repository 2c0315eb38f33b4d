"""Write the generated parts of docs/architecture.md: `python -m tools.diagram` (make docs).

The state diagram comes from SUCCESSORS, the gates from GATES, the numbers from the defaults of
Policy. A part stands between two comments that name it; whatever else is on the page is written by
hand and left alone. A test fails when the page and the code say different things.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise
from pathlib import Path

from doctor_daemon.core.gates import GATES, Act, Gate
from doctor_daemon.core.phases import SUCCESSORS, Phase
from doctor_daemon.core.policy import Policy

PAGE = Path("docs", "architecture.md")
BEGIN, END = "<!-- made by tools/diagram.py: {} -->", "<!-- end -->"


def phases() -> str:
    """Draw the state diagram, in Mermaid's words."""
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {Phase.SUSPECTED.name}"]
    for phase, after in SUCCESSORS.items():
        lines += [f"    {phase.name} --> {to.name}" for to in Phase if to in after]
        lines += [f"    {phase.name} --> [*]"] if phase.final else []
    return "\n".join([*lines, "```"])


def gates() -> str:
    """List the gates in the order in which they are asked."""
    rows = (
        (
            gate.name,
            *(_mark(holds=act in gate.stops) for act in Act),
            _shut(gate),
            gate.frees,
        )
        for gate in GATES
    )
    acts = (f"stops {act.replace('_', ' ')}" for act in Act)
    return table(("gate", *acts, "when it is shut", "freed by"), rows)


def numbers() -> str:
    """List every limit with its default."""
    meanings = described(Policy)
    rows = (
        (f"`{field.name}`", _number(field.default), meanings.get(field.name, _words(field.name)))
        for field in dataclasses.fields(Policy)
    )
    return table(("limit", "default", "what it bounds"), rows)


PARTS: Mapping[str, Callable[[], str]] = {"phases": phases, "gates": gates, "numbers": numbers}
"""Name of a part -> what makes it."""


def renewed(page: str) -> str:
    """Return the page with every part made anew. Raise ValueError for a part that is not there."""
    for name, make in PARTS.items():
        begin = BEGIN.format(name)
        found = re.compile(rf"{re.escape(begin)}\n.*?\n?{re.escape(END)}", re.DOTALL)
        if len(found.findall(page)) != 1:
            msg = f"expected one part between {begin!r} and {END!r}"
            raise ValueError(msg)
        part = f"{begin}\n{make()}\n{END}"
        page = found.sub(part.replace("\\", "\\\\"), page)
    return page


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Write a table in Markdown."""
    heads = list(heads)
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def described(class_: type) -> dict[str, str]:
    """Return what stands below each field of a class: Python itself forgets these words."""
    (node,) = ast.parse(inspect.getsource(class_)).body
    found, body = {}, node.body if isinstance(node, ast.ClassDef) else []
    for field, words in pairwise(body):
        match field, words:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(ast.Constant(str() as text)):
                found[name] = " ".join(text.split())
            case _:
                continue
    return found


def _words(name: str) -> str:
    """Say a name that has no other words."""
    return name.removesuffix("_s").replace("_", " ").capitalize() + "."


def _shut(gate: Gate) -> str:
    """Say what a shut gate does."""
    if gate.waits:
        return "has the incident wait, and holds it if that takes too long"
    return "asks again by itself" if gate.retry else "holds the incident"


def _mark(*, holds: bool) -> str:
    return "yes" if holds else ""


def _number(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def main() -> int:
    """Write the page anew."""
    before = PAGE.read_text("utf-8")
    PAGE.write_text(renewed(before), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
