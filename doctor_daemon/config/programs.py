"""The bounds of other people's programs, which power devices may consist of."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from doctor_daemon.config.section import Section
from doctor_daemon.ports.program import Programs as Turns

MEBIBYTE = 1_048_576


class Programs(Section):
    """Programs that power devices of the types `ipmi` and `fence_agent` start, for every call."""

    at_once: Annotated[int, Field(ge=1, le=64)] = 8
    """How many run at the same time to ask; as many again may run to cut and to switch on. Each
    takes 0.1 to 0.3 s of a core to start, and a fence agent some 35 MiB."""
    memory_mib: Annotated[int, Field(ge=128, le=8192)] = 512
    """How much memory each may take, in address space: the programs use a fraction of it."""

    def bind(self, turns: Turns) -> None:
        """Bound the programs that take their turns there."""
        turns.bound(self.at_once, self.memory_mib * MEBIBYTE)
