"""Skins around instruments: each call of a port passes through a gate on its way out.

A skin is made from the Protocols that an instrument implements, so a new call of a port is a new
boundary by itself.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, fields
from functools import cache, partial
from pathlib import Path
from typing import Any, Protocol

from doctor_daemon.core.host import HostId
from doctor_daemon.core.volumes import Target
from doctor_daemon.ports import Change, NoticeRow
from doctor_daemon.ports.leading import Leadership, Words
from tests.crash_points.calls import calls_of, changes, unknown

WITHIN = {"leadership": Leadership, "words": Words}
"""What an instrument has that is a port itself."""


@dataclass(frozen=True, slots=True)
class Crossing:
    """One call on its way out of a daemon."""

    port: str
    call: str
    about: str
    """Whom it is about, in few words: the same in every telling of a story."""
    site: tuple[str, str]
    """Which function of which module has made the call."""
    changing: bool
    unknown: object
    """What its answer begins with where it is lost; None: it raises Temporary then."""
    given: Sequence[object]

    @property
    def name(self) -> str:
        """Return which call it is."""
        return f"{self.port}.{self.call}"

    def __str__(self) -> str:
        return f"{self.name} {self.about}".strip()


Call = Callable[[], Awaitable[Any]]


class Gate(Protocol):
    """What every call of one daemon passes."""

    async def through(self, crossing: Crossing, call: Call) -> Any:  # noqa: ANN401 - as the port has it
        """Let a call out, and its answer in."""
        ...


class Skin:
    """Stands around an instrument; what is no call of its ports goes to the instrument itself."""

    def __init__(self, inner: object, gate: Gate, label: str) -> None:
        self._inner, self._gate, self._label = inner, gate, label

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the instrument has
        found = getattr(self._inner, name)
        within = WITHIN.get(name)
        return found if within is None else skin(found, self._gate, within)


def skin(inner: object, gate: Gate, *protocols: type, label: str = "") -> Any:  # noqa: ANN401 - any port
    """Put a skin around an instrument that implements these Protocols."""
    return _skin_of(protocols)(inner, gate, label)


@cache
def _skin_of(protocols: tuple[type, ...]) -> type[Skin]:
    methods = {call: _crossed(one, call) for one in protocols for call in calls_of(one)}
    return type(f"Skinned{protocols[0].__name__}", (Skin,), methods)


def _crossed(protocol: type, call: str) -> Callable[..., Awaitable[Any]]:
    port, changing, lost = protocol.__name__, changes(protocol, call), unknown(protocol, call)

    def crossed(self: Skin, *given: Any, **named: Any) -> Awaitable[Any]:  # noqa: ANN401 - as the port has them
        inner, gate, label = vars(self)["_inner"], vars(self)["_gate"], vars(self)["_label"]
        about = " ".join(filter(None, (label, _about(given, named))))
        crossing = Crossing(port, call, about, _site(), changing, lost, (label, *given))
        through: Awaitable[Any] = gate.through(
            crossing, partial(getattr(inner, call), *given, **named)
        )
        return through

    return crossed


def _site() -> tuple[str, str]:
    """Return the module and the function from which a skinned call was made."""
    frame = inspect.currentframe()
    for _ in range(2):
        frame = frame.f_back if frame is not None else None
    if frame is None:
        return "", ""
    return _path(frame.f_code.co_filename), frame.f_code.co_name


@cache
def _path(file: str) -> str:
    return "/".join(Path(file).parts[-2:])


def _about(given: Sequence[object], named: dict[str, object]) -> str:
    """Say in few words whom a call is about: the first that it is given, and its switches."""
    said = _said(given[0]) if given else ""
    switches = [f"{name}={value}" for name, value in named.items() if isinstance(value, bool)]
    return " ".join(filter(None, (said, *switches)))


def _said(one: object) -> str:
    match one:
        case Change():
            return "+".join(_fields(one))
        case NoticeRow():
            return f"{one.consumer} {one.kind} {one.id}"
        case HostId() | Target():
            return str(one)
        case str():
            return one
        case _:
            return ""


def _fields(change: Change) -> list[str]:
    """Name what a change writes."""
    empty = Change()
    names = [f.name for f in fields(change) if getattr(change, f.name) != getattr(empty, f.name)]
    phase = [change.head.phase.value] if change.head is not None else []
    return [*phase, *(name for name in names if name != "head")]
