"""Put the changed code of a function in the place of the original, in a process that has it loaded.

Whoever imported the function, wrapped it or bound it has the changed one from then on, for it is
the same object. What only stands in a module or in the body of a class was run when that was
loaded: such a change is not made here, and needs a process that loads it anew.
"""

from __future__ import annotations

import ast
import gc
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from types import CodeType, FunctionType

from tests.mutants.areas import file_of
from tests.mutants.mutate import Mutant

Swap = tuple[FunctionType, CodeType]
Shape = tuple[object, ...]


class Functions:
    """Every function of some modules that is loaded, by where it was written."""

    def __init__(self, files: Iterable[Path]) -> None:
        """Look for them. What the garbage collector was told to leave alone is looked at too."""
        gc.unfreeze()
        wanted = {str(file.resolve()): file for file in files}
        self._found: dict[tuple[Path, str, int], list[FunctionType]] = defaultdict(list)
        for one in gc.get_objects():
            if isinstance(one, FunctionType) and (file := wanted.get(one.__code__.co_filename)):
                code = one.__code__
                self._found[file, code.co_qualname, code.co_firstlineno].append(one)
        gc.freeze()

    def swaps(self, mutant: Mutant) -> Sequence[Swap] | None:
        """Return what is to be swapped for a mutant; None: it has to be loaded anew."""
        file = file_of(mutant.module)
        real, plain = _original(file)
        changed = compile(mutant.source, str(file.resolve()), "exec")
        if _shape(plain, whole=False) != _shape(changed, whole=False):
            return None
        swaps: list[Swap] = []
        for is_, was, becomes in zip(_units(real), _units(plain), _units(changed), strict=True):
            if _shape(was) == _shape(becomes):
                continue
            functions = self._found.get((file, is_.co_qualname, is_.co_firstlineno), [])
            if not functions or self._inner(file, is_) or is_.co_freevars != becomes.co_freevars:
                return None
            swaps += [(function, becomes) for function in functions]
        return swaps or None

    def _inner(self, file: Path, code: CodeType) -> bool:
        """Whether a function exists already that was made by running that one."""
        within = f"{code.co_qualname}.<locals>."
        return any(one[0] == file and one[1].startswith(within) for one in self._found)


def swap(swaps: Iterable[Swap]) -> None:
    """Swap them, for this process and for good."""
    for function, code in swaps:
        function.__code__ = code


@cache
def _original(file: Path) -> tuple[CodeType, CodeType]:
    """Return a module as it is, and without comments and line breaks, as a mutant has it."""
    text, path = file.read_text("utf-8"), str(file.resolve())
    return compile(text, path, "exec"), compile(ast.unparse(ast.parse(text)), path, "exec")


def _units(code: CodeType) -> Iterator[CodeType]:
    """Yield the functions that stand in a module or in its classes, in the order of the text."""
    for one in code.co_consts:
        if isinstance(one, CodeType):
            if _is_function(one):
                yield one
            else:
                yield from _units(one)


def _is_function(code: CodeType) -> bool:
    """Whether it is one with a name: neither a class, nor a lambda or a comprehension."""
    return bool(code.co_flags & 0x2) and not code.co_name.startswith("<")


def _shape(code: CodeType, *, whole: bool = True) -> Shape:
    """Return what a code does, wherever its lines are; `whole`: with the functions in it."""
    consts = tuple(
        _shape(one, whole=whole) if isinstance(one, CodeType) else (type(one), repr(one))
        for one in code.co_consts
        if whole or not (isinstance(one, CodeType) and _is_function(one))
    )
    names = code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars
    return code.co_code, code.co_exceptiontable, names, consts
