"""The cloud that a round takes place in, as a round needs it: whoever plays may choose another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from doctor_daemon.lab.consumer import Receipt
from doctor_daemon.lab.record import Entry
from tests.chaos.judgement import Place
from tests.chaos.plan import Trouble

Json = dict[str, Any]
Felt = Callable[[], bool]
"""Tells whether a fault has befallen what it is about by now."""


@dataclass(frozen=True, slots=True)
class Truth:
    """What was done and what is so, by the cloud's own records."""

    entries: Sequence[Entry]
    down: AbstractSet[str]
    """Hosts without power that Nova shows forced down."""
    places: Sequence[Place]
    """Of all servers but those that are stranded."""
    wrong: Sequence[str] = ()
    """What must not be, and only this cloud can tell."""


class World(Protocol):
    """A cloud, its hosts and their power devices, and who is told of them."""

    suite: str
    """What is run to play with this cloud."""
    dead: dict[str, float]
    """Host -> when it died (CLOCK_MONOTONIC)."""
    stranded: set[str]
    """Servers on their way to a host that died as well: Nova never ends such an evacuation."""
    felt: list[str]
    """The faults of the cloud that are over, each with what it befell."""

    @property
    def living(self) -> list[str]: ...

    def options(self, folder: Path) -> Json:
        """Return what a configuration says of the cloud, with its secrets in a folder."""
        ...

    async def die(self, host: str) -> None:
        """Let a host fail; its power and its guests go on."""
        ...

    def suffering(self, trouble: Trouble) -> AbstractContextManager[Felt]:
        """Have Nova or the power devices be in trouble."""
        ...

    def receipts(self) -> Sequence[Receipt]:
        """Return what consumers were told."""
        ...

    async def endless(self, host: str, victims: Sequence[str]) -> set[str]:
        """Name the servers left on a host that has died, if none of them will ever come elsewhere.

        Then all of them are on their way to one of the victims. Empty: some will, or none is left.
        """
        ...

    async def truth(self) -> Truth: ...


def effect(trouble: Trouble, methods: Sequence[str]) -> str:
    """Say what a fault of the cloud befell."""
    reads = methods.count("GET")
    return f"{trouble.title}: {reads} reads and {len(methods) - reads} writes"
