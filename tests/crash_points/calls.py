"""Every call that can leave the daemon, as the Protocols of `doctor_daemon.ports` have it.

Nothing is listed by hand but what a signature does not tell.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator, Mapping
from typing import get_args, get_type_hints

from typing_extensions import is_protocol

from doctor_daemon import ports

TOLD_BY = ("permit", "term")
"""A parameter of this name says that a call changes the world, or what is stored."""
CHANGING = frozenset({"Store.open", "Notifier.deliver", "Words.forbid", "Words.heeded"})
"""What changes something all the same: it claims a term, tells somebody, or says who may act."""


def protocols() -> Mapping[str, type]:
    """Return every Protocol of the ports, by its name."""
    found: dict[str, type] = {}
    for module in pkgutil.iter_modules(ports.__path__):
        inside = vars(importlib.import_module(f"{ports.__name__}.{module.name}"))
        for name, one in inside.items():
            ours = inspect.isclass(one) and one.__module__.startswith(ports.__name__)
            if ours and is_protocol(one):
                found[name] = one
    return found


def calls_of(protocol: type) -> tuple[str, ...]:
    """Return the names of the calls of a Protocol that are awaited, in order."""
    return tuple(name for name, _ in inspect.getmembers(protocol, inspect.iscoroutinefunction))


def changes(protocol: type, call: str) -> bool:
    """Tell whether a call changes the world or what is stored."""
    parameters = inspect.signature(getattr(protocol, call)).parameters
    told = any(name in parameters for name in TOLD_BY)
    return told or f"{protocol.__name__}.{call}" in CHANGING


def unknown(protocol: type, call: str) -> object:
    """Return what a call's answer begins with where it is not known; None: it raises then."""
    answer = get_type_hints(getattr(protocol, call)).get("return")
    kinds = get_args(answer)
    return getattr(kinds[0], "UNKNOWN", None) if kinds else None


def every_call() -> Iterator[tuple[str, bool]]:
    """Yield every call as `Protocol.call`, and whether it changes anything."""
    for name, protocol in sorted(protocols().items()):
        for call in calls_of(protocol):
            yield f"{name}.{call}", changes(protocol, call)
