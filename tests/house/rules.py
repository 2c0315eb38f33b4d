"""The house style as functions: each reads one module and yields what is wrong in it.

Only what ruff and mypy cannot see is here.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterable, Iterator

from tests.house.source import Function, Module

MODULE_LINES_MAX = 300
FUNCTION_LINES_MAX = 50
FUNCTION_LINES_P90_MAX = 25
POSITIONAL_MAX = 5

VAGUE = {"manager", "helper", "helpers", "util", "utils", "base"}
"""Words that say nothing of what a thing is."""

UNFINISHED = re.compile(r"\b(TOD[O]|FIXM[E]|XX[X]|NotImplementedErro[r])\b")
"""Spelt so that this file is not unfinished itself."""

SKIPPING = {"skip", "skipif", "xfail", "importorskip"}
PATCHING = {"setattr", "delattr"}
MOCKING = {"mock", "unittest.mock", "pytest_mock"}

SILENCED = re.compile(r"#\s*(noqa|type: ignore|pragma: no (cover|branch))(?P<rest>.*)")
REASON = re.compile(r"(\s-\s|\s#\s).*\w")


def long_modules(module: Module) -> Iterator[str]:
    lines = len(module.text.splitlines())
    if lines > MODULE_LINES_MAX:
        yield f"{module.path}: {lines} lines"


def lines_of(function: Function) -> int:
    """Its length without decorators."""
    return (function.end_lineno or function.lineno) - function.lineno + 1


def long_functions(module: Module) -> Iterator[str]:
    for function in module.functions():
        if lines_of(function) > FUNCTION_LINES_MAX:
            yield f"{at(module, function)}: {function.name} has {lines_of(function)} lines"


def crowded_functions(module: Module) -> Iterator[str]:
    for function in module.functions():
        names = [a.arg for a in (*function.args.posonlyargs, *function.args.args)]
        count = len([name for name in names if name not in ("self", "cls")])
        if count > POSITIONAL_MAX:
            yield f"{at(module, function)}: {function.name} takes {count} positional parameters"


def vague_names(module: Module) -> Iterator[str]:
    if VAGUE & {word for part in module.path.with_suffix("").parts for word in part.split("_")}:
        yield f"{module.path}: names nothing"
    for node in module.classes():
        if VAGUE & {
            word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z][a-z0-9]*", node.name)
        }:
            yield f"{at(module, node)}: {node.name} names nothing"


def missing_docstrings(module: Module) -> Iterator[str]:
    if not ast.get_docstring(module.tree):
        yield f"{module.path}: has no docstring"


def mutable_values(module: Module) -> Iterator[str]:
    """Dataclasses of the core that are not frozen, or have no slots."""
    if module.path.parts[:2] != ("doctor_daemon", "core"):
        return
    for node in module.classes():
        for decorator in node.decorator_list:
            words = ast.unparse(decorator)
            if "dataclass" in words and not ("frozen=True" in words and "slots=True" in words):
                yield f"{at(module, node)}: {node.name} is not frozen with slots"


def mocks(module: Module) -> Iterator[str]:
    for node in ast.walk(module.tree):
        match node:
            case ast.Import(names=names) if MOCKING & {name.name for name in names}:
                yield f"{at(module, node)}: a mock; a fake that passes the contract suite instead"
            case ast.ImportFrom(module=found, names=names) if found in MOCKING or (
                found == "unittest" and "mock" in {n.name for n in names}
            ):
                yield f"{at(module, node)}: a mock; a fake that passes the contract suite instead"
            case ast.Attribute(attr=attr) if attr in PATCHING:
                yield f"{at(module, node)}: patches; hand the thing in instead"


def unfinished(module: Module) -> Iterator[str]:
    for number, line in enumerate(module.text.splitlines(), 1):
        if UNFINISHED.search(line):
            yield f"{module.path}:{number}: unfinished"
    for node in ast.walk(module.tree):
        match node:
            case ast.Attribute(attr=attr) if attr in SKIPPING:
                yield f"{at(module, node)}: a test that may not run"
            case ast.Assert(test=ast.Constant(value=value)) if value:
                yield f"{at(module, node)}: asserts nothing"


def stubs(module: Module) -> Iterator[str]:
    """Functions of `...` alone: a Protocol has them, and nothing else."""
    protocols = {
        id(function)
        for node in module.classes()
        if any("Protocol" in ast.unparse(parent) for parent in node.bases)
        for function in node.body
    }
    for function in module.functions():
        last = function.body[-1]
        empty = isinstance(last, ast.Expr) and ast.unparse(last) == "..."
        if empty and id(function) not in protocols and not function.decorator_list:
            yield f"{at(module, function)}: {function.name} does nothing"


def silenced_without_reason(module: Module) -> Iterator[str]:
    for token in tokenize.generate_tokens(io.StringIO(module.text).readline):
        found = SILENCED.search(token.string) if token.type == tokenize.COMMENT else None
        if found and not REASON.search(found["rest"]):
            yield f"{module.path}:{token.start[0]}: silences a check and does not say why"


def at(module: Module, node: ast.stmt | ast.expr) -> str:
    return f"{module.path}:{node.lineno}"


def bound_names(module: Module, library: str) -> set[str]:
    """The names under which a module knows a library, or parts of it."""
    names = set()
    for node in ast.walk(module.tree):
        match node:
            case ast.Import(names=imported):
                found = [a for a in imported if a.name.split(".")[0] == library]
                names |= {a.asname or library for a in found}
            case ast.ImportFrom(module=source, names=imported) if (
                source and source.split(".")[0] == library
            ):
                names |= {a.asname or a.name for a in imported}
    return names


def without_annotations(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes below, but for annotations: naming a type is no use of a library."""
    yield node
    for name, value in ast.iter_fields(node):
        if name not in ("annotation", "returns"):
            children = value if isinstance(value, list) else [value]
            for child in children:
                if isinstance(child, ast.AST):
                    yield from without_annotations(child)


def uses(modules: Iterable[Module], library: str) -> Iterator[str]:
    """Each place where something of the library is called or asked for an attribute."""
    for module in modules:
        names = bound_names(module, library)
        for node in without_annotations(module.tree) if names else ():
            match node:
                case ast.Attribute(value=ast.Name(id=name)) | ast.Call(func=ast.Name(id=name)) if (
                    name in names
                ):
                    yield at(module, node)
