"""Whether what a store holds is sound, where that is known only after the daemon has begun.

To know it takes reading all of it, which is long where there is much. A store that does so beside
its work has an attribute `soundness`: until that is known nothing is begun that changes the world.
One without it has looked at what it relies on before its `open` returned.
"""

from __future__ import annotations

from typing import Protocol, cast


def soundness_of(store: object) -> Soundness | None:
    """Return what tells whether a store is sound; None: it is known since it was opened."""
    return cast("Soundness | None", getattr(store, "soundness", None))


class Soundness(Protocol):
    """One look through all that is stored."""

    @property
    def sound(self) -> bool:
        """Whether all has been read, and is sound."""
        ...

    async def ended(self) -> None:
        """Wait until all has been read. Raise what is wrong with it, or what kept it from that.

        Whichever it is: the store must not be used any more.
        """
        ...
