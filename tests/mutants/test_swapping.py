"""The changed code in the place of the original: whoever has the function has the change."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

from doctor_daemon.core.instant import Instant
from tests.mutants import fork
from tests.mutants.apart import apart
from tests.mutants.areas import file_of
from tests.mutants.mutate import Mutant, mutants
from tests.mutants.swapping import Functions, Swap, swap

INSTANT = "doctor_daemon.core.instant"
FILE = file_of(INSTANT)
NOON = Instant("boot", 12.0, 12.0)
REACHED = NOON.reached
"""Bound before anything is changed."""


def mutant(was: str, becomes: str, module: str = INSTANT) -> Mutant:
    text = ast.unparse(ast.parse(file_of(module).read_text("utf-8")))
    assert was in text
    return Mutant(module, 1, "place", was, becomes, 1, text.replace(was, becomes, 1))


def swapped(swaps: list[Swap], ask: Callable[[], bool]) -> bool:
    """Ask in a process that has the change: this one stays as it is."""

    def work() -> Iterator[bytes]:
        swap(swaps)
        yield b"y" if ask() else b"n"

    passed, word = fork.watched(work, [5.0])
    assert (passed, word in {b"y", b"n"}) == (0, True)
    return word == b"y"


def whoever_has_the_function_has_the_change() -> None:
    swaps = Functions([FILE]).swaps(mutant(">= 0", "> 0"))
    assert swaps is not None
    assert [function.__qualname__ for function, _ in swaps] == ["Instant.reached"]
    assert not swapped(list(swaps), lambda: REACHED(NOON))
    assert REACHED(NOON)


def test_whoever_has_the_function_has_the_change() -> None:
    apart(whoever_has_the_function_has_the_change)


def test_what_the_collector_was_told_to_leave_alone_is_found_too() -> None:
    # `tests/conftest.py` has frozen all that was loaded.
    assert Functions([FILE]).swaps(mutant("!= earlier", "== earlier")) is not None


def test_a_function_within_another_is_changed_with_it() -> None:
    module = "doctor_daemon.ports.permits"
    import_module(module)
    changed = mutant("if isinstance(permit, Permit):", "if False:", module)
    swaps = Functions([file_of(module)]).swaps(changed)
    assert swaps is not None
    assert [function.__qualname__ for function, _ in swaps] == ["permit_trace"]


def test_what_is_run_as_the_module_is_loaded_is_not_swapped() -> None:
    functions = Functions([FILE])
    assert functions.swaps(mutant("import math", "import math\nLATE = 1 < 2")) is None
    assert functions.swaps(mutant("slots=True", "slots=1 < 2")) is None
    assert functions.swaps(mutant("seconds: float)", "seconds: float=1 < 2)")) is None


def test_a_function_that_nobody_has_loaded_is_not_swapped() -> None:
    assert Functions([]).swaps(mutant(">= 0", "> 0")) is None


def test_nearly_every_mutant_of_a_module_can_be_swapped() -> None:
    file = Path("doctor_daemon", "core", "volumes.py")
    import_module("doctor_daemon.core.volumes")
    functions = Functions([file])
    made = list(mutants("doctor_daemon.core.volumes", file.read_text("utf-8")))
    assert made
    assert [one.name for one in made if functions.swaps(one) is None] == []
