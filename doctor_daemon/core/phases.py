"""Where an incident can stand, and every step it may take: the whole state diagram.

The picture in the documentation, the simulator's coverage and the tests are made from `SUCCESSORS`,
so a step that is not in this table does not exist.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Phase(StrEnum):
    """Where an incident stands. A phase does nothing by itself; effects are due in it."""

    SUSPECTED = "suspected"
    FENCING = "fencing"
    FORCING_DOWN = "forcing_down"
    EVACUATING = "evacuating"
    DOWN = "down"
    RELEASING = "releasing"
    HELD = "held"
    RESOLVED = "resolved"
    DISMISSED = "dismissed"

    @property
    def final(self) -> bool:
        """Tell whether the incident is over."""
        return self in (Phase.RESOLVED, Phase.DISMISSED)


SUCCESSORS: Mapping[Phase, frozenset[Phase]] = {
    Phase.SUSPECTED: frozenset({Phase.FENCING, Phase.HELD, Phase.DISMISSED}),
    Phase.FENCING: frozenset({Phase.FORCING_DOWN, Phase.RELEASING, Phase.HELD, Phase.DISMISSED}),
    Phase.FORCING_DOWN: frozenset({Phase.EVACUATING, Phase.DOWN, Phase.FENCING, Phase.HELD}),
    Phase.EVACUATING: frozenset({Phase.DOWN, Phase.FENCING, Phase.HELD}),
    Phase.DOWN: frozenset({Phase.RELEASING, Phase.RESOLVED, Phase.HELD}),
    Phase.RELEASING: frozenset({Phase.RESOLVED, Phase.DOWN, Phase.FENCING, Phase.HELD}),
    Phase.HELD: frozenset({Phase.FENCING, Phase.FORCING_DOWN, Phase.RELEASING, Phase.DISMISSED}),
    Phase.RESOLVED: frozenset(),
    Phase.DISMISSED: frozenset(),
}
"""Phase -> the phases it may be followed by."""
