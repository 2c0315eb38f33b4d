"""Plug-ins: from a type's name in the configuration to a class.

They are found by entry points alone, the built-ins too, so there is no second path that a third
party's plug-in would be the first to walk. A class is refused here if it does not keep the
convention: the API's number, and a `Config` that is frozen and refuses what it does not know.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from difflib import get_close_matches
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from pydantic import BaseModel

from doctor_daemon.errors import ConfigError
from doctor_daemon.ports import API

INSPECTORS = "doctor_daemon.inspectors"
FENCERS = "doctor_daemon.fencers"
CONTROLLERS = "doctor_daemon.controllers"
NETWORKS = "doctor_daemon.networks"
NOTIFIERS = "doctor_daemon.notifiers"
STORAGE = "doctor_daemon.storage"
STORES = "doctor_daemon.stores"


def names(group: str) -> tuple[str, ...]:
    """Return the types that a group has, in order."""
    return tuple(sorted({entry.name for entry in entry_points(group=group)}))


def find(group: str, type_: str) -> type[Any]:
    """Return the class of a type. Raise ConfigError if there is none that can be used.

    The class is named by its entry point alone; calling it is up to the composition root, which
    knows what a group's constructors take.
    """
    found = {entry.value: entry for entry in entry_points(group=group, name=type_)}
    if not found:
        raise ConfigError(_unknown(group, type_))
    if len(found) > 1:
        whose = " and ".join(sorted(_origin(entry) for entry in found.values()))
        msg = f"the type {type_!r} is offered twice, by {whose}; remove one of them"
        raise ConfigError(msg)
    entry = next(iter(found.values()))
    return _kept(_loaded(entry), entry)


def _unknown(group: str, type_: str) -> str:
    known = names(group)
    near = get_close_matches(type_, known, 1)
    meant = f"; did you mean {near[0]!r}?" if near else ""
    return f"there is no type {type_!r} in {group}; there are: {', '.join(known) or 'none'}{meant}"


def _origin(entry: EntryPoint) -> str:
    package = entry.dist.name if entry.dist else "an unknown package"
    return f"{entry.value} of {package}"


def _loaded(entry: EntryPoint) -> object:
    try:
        return entry.load()
    except Exception as error:  # a plug-in may fail in any way of its own
        msg = f"{_origin(entry)} cannot be loaded: {type(error).__name__}: {error}"
        raise ConfigError(msg) from error


def _kept(found: object, entry: EntryPoint) -> type[Any]:
    """Return the class, or raise ConfigError with what it does not keep of the convention."""
    if not isinstance(found, type):
        msg = f"{_origin(entry)} is no class"
        raise ConfigError(msg)
    api = getattr(found, "api", None)
    if api != API:
        msg = f"{_origin(entry)} is made for API {api!r} of doctor-daemon; this one has API {API}"
        raise ConfigError(msg)
    config = getattr(found, "Config", None)
    if not (isinstance(config, type) and issubclass(config, BaseModel)):
        msg = f"{_origin(entry)} has no `Config`; expected a pydantic model of its options"
        raise ConfigError(msg)
    if not config.model_config.get("frozen") or config.model_config.get("extra") != "forbid":
        msg = f"{_origin(entry)}: its `Config` must be frozen, with extra='forbid'"
        raise ConfigError(msg)
    return found


class Faults:
    """Gathers why parts cannot be made, so that everything is told at once."""

    def __init__(self) -> None:
        """Begin with none."""
        self._places: dict[str, list[str]] = {}

    def made(self, place: str, make: Callable[..., Any], *args: object) -> Any:  # noqa: ANN401 - the plug-in's
        """Make what stands at a place of the configuration; None where that cannot be."""
        try:
            return make(*args)
        except ConfigError as error:
            for line in str(error).splitlines():
                self._places.setdefault(line, []).append(place)
            return None

    def raise_any(self) -> None:
        """Raise ConfigError, a line for each fault, if there is any."""
        if self._places:
            raise ConfigError("\n".join(self._lines()))

    def _lines(self) -> Iterator[str]:
        for line, (place, *others) in self._places.items():
            more = f" and {len(others)} more" if others else ""
            yield f"{place}{more}: {line}" if place else line
