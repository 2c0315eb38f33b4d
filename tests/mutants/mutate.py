"""Make every mutant of a module: one comparison, one boolean, one condition changed in each.

A mutant is made from the syntax tree and carries the whole changed source, so nothing on disk is
ever touched. It is named by where it is and what it changes, not by a line: names survive edits.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

NEIGHBOURS: Mapping[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
"""What a comparison is most easily mistaken for: its limit, and its opposite."""

UNREAD = ("annotation", "returns")
"""The fields of a node that only the type checker reads."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change. `place` is the function, `nth` tells equal changes of one place apart."""

    module: str
    line: int
    place: str
    was: str
    becomes: str
    nth: int
    source: str
    """The whole module with this change."""
    end: int = 0
    """The last line of what was; 0: the first one."""

    @property
    def name(self) -> str:
        """What it is called, wherever its line may move to."""
        again = f" ({self.nth})" if self.nth > 1 else ""
        short = self.module.partition(".")[2]
        return f"{short}.{self.place}: {self.was} -> {self.becomes}{again}"

    @property
    def title(self) -> str:
        """Where it is in the text, and what it is called."""
        return f"{self.module.replace('.', '/')}.py:{self.line}: {self.name}"


def mutants(module: str, source: str) -> Iterator[Mutant]:
    """Yield every mutant of a module, in the order of its text. Equal programs are made once."""
    statements = ast.parse(source).body
    parts = [ast.unparse(statement) for statement in statements]
    known, seen = {*enumerate(parts)}, Counter[tuple[str, str, str]]()
    for number, statement in enumerate(statements):
        for place, old, new in list(_every_change(statement)):
            changed = _with(statement, old, new)
            if (number, changed) in known:
                continue
            known.add((number, changed))
            mutated = "\n".join([*parts[:number], changed, *parts[number + 1 :]])
            change = (place, ast.unparse(old), ast.unparse(new))
            seen[change] += 1
            yield Mutant(module, old.lineno, *change, seen[change], mutated, old.end_lineno or 0)


def _every_change(statement: ast.stmt) -> Iterator[tuple[str, ast.expr, ast.expr]]:
    """Yield each change of a statement, with its function."""
    for place, node in list(_nodes(statement, "")):
        for old, new in _changes(node):
            yield place, old, new


def _with(tree: ast.stmt, old: ast.expr, new: ast.expr) -> str:
    """Return the source with one node in the place of another; the tree stays as it is."""
    _Swap(old, new).visit(tree)
    mutated = ast.unparse(tree)
    _Swap(new, old).visit(tree)
    return mutated


class _Swap(ast.NodeTransformer):
    """Puts one node in the place of another, in the tree itself."""

    def __init__(self, old: ast.expr, new: ast.expr) -> None:
        self._old = old
        self._new = new

    def visit(self, node: ast.AST) -> ast.AST:
        changed: ast.AST = self._new if node is self._old else self.generic_visit(node)
        return changed


def _nodes(node: ast.AST, place: str) -> Iterator[tuple[str, ast.AST]]:
    """Yield a node and all below it, each with its function, but for what is never run."""
    if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
        return
    yield place, node
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        place = f"{place}.{node.name}".lstrip(".")
    for name, value in ast.iter_fields(node):
        if name not in UNREAD:
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    yield from _nodes(child, place)


def _changes(node: ast.AST) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Yield each change of one node: what was, and what takes its place."""
    match node:
        case ast.Compare():
            yield from ((node, new) for new in _neighbours(node))
        case ast.BoolOp():
            yield from ((node, new) for new in _booleans(node))
        case ast.UnaryOp(op=ast.Not()):
            yield node, node.operand
        case ast.If() | ast.While() | ast.IfExp() | ast.match_case() | ast.comprehension():
            for test in _tests(node):
                yield test, ast.Constant(value=True)
                yield test, ast.Constant(value=False)
        case _:
            return


def _neighbours(node: ast.Compare) -> Iterator[ast.Compare]:
    for index, op in enumerate(node.ops):
        for other in NEIGHBOURS[type(op)]:
            ops = [*node.ops[:index], other(), *node.ops[index + 1 :]]
            yield ast.Compare(node.left, ops, node.comparators)


def _booleans(node: ast.BoolOp) -> Iterator[ast.expr]:
    """`and` for `or`, and each operand left out."""
    yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
    for index in range(len(node.values)):
        rest = node.values[:index] + node.values[index + 1 :]
        yield rest[0] if len(rest) == 1 else ast.BoolOp(node.op, rest)


def _tests(
    node: ast.If | ast.While | ast.IfExp | ast.match_case | ast.comprehension,
) -> Sequence[ast.expr]:
    """The conditions that decide where the program goes from here."""
    match node:
        case ast.match_case(guard=guard):
            return [guard] if guard else []
        case ast.comprehension(ifs=ifs):
            return ifs
        case ast.If(test=test) | ast.While(test=test) | ast.IfExp(test=test):
            return [test]
