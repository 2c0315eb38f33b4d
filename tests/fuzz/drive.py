"""One harness under atheris, in a process of its own: `python -m tests.fuzz.drive NAME OPTIONS`.

The options are libFuzzer's. Only the modules under test are instrumented: atheris' own hook of
imports takes whole packages, which makes the fuzzer chase paths that no input decides, and takes
longer to start than a short run lasts.
"""

from __future__ import annotations

import importlib
import inspect
import logging
import random
import sys
from collections.abc import Callable, Iterator
from types import FunctionType, ModuleType

import atheris  # type: ignore[import-untyped]  # it says no types
import structlog

from tests.fuzz.mutation import mutated
from tests.fuzz.table import find


def target_of(name: str) -> Callable[[bytes], None]:
    """Import a harness, with what it is about instrumented."""
    harness = find(name)
    for module in harness.reads:
        instrument(importlib.import_module(module))
    place, _, function = harness.target.partition(":")
    found: Callable[[bytes], None] = getattr(importlib.import_module(place), function)
    return found


def instrument(module: ModuleType) -> None:
    """Have the fuzzer see what is taken in each function of a module, and in those inside it."""
    for owner in (module, *_classes(module)):
        for function in {id(one): one for one in _functions(owner, module.__name__)}.values():
            atheris.instrument_func(function)


def _classes(module: ModuleType) -> list[type]:
    return [
        found
        for found in vars(module).values()
        if isinstance(found, type) and found.__module__ == module.__name__
    ]


def _functions(owner: object, module: str) -> Iterator[FunctionType]:
    for found in vars(owner).values():
        inner = getattr(found, "fget", None) or getattr(found, "__func__", found)
        inner = inspect.unwrap(inner) if callable(inner) else inner
        if isinstance(inner, FunctionType) and inner.__module__ == module:
            yield inner


def changed(data: bytes, size_max: int, seed: int) -> bytes:
    """Change an input, as libFuzzer asks."""
    return mutated(bytes(data), size_max, seed, atheris.Mutate)


def main() -> None:
    """Fuzz until libFuzzer ends the process: 0, or not 0 for something that was found."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    random.seed(0)
    name, options = sys.argv[1], sys.argv[2:]
    target = target_of(name)
    atheris.Setup([sys.argv[0], *options], target, custom_mutator=changed)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
