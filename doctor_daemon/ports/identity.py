"""Who sends a token, as the cloud's own identity service tells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose token it is, of which project, and in which roles."""

    user: str
    project: str
    """The project's id; empty: the token is of no project."""
    roles: frozenset[str] = frozenset()


@runtime_checkable
class Identifying(Protocol):
    """A control plane whose tokens can be asked about."""

    async def identify(self, token: str) -> Identity | None:
        """Tell whose token it is; None: the identity service says that it is nobody's.

        Raise Temporary or Permanent where that cannot be found out: then nobody is let in by it.
        """
        ...
