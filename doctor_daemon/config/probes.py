"""How often every power device is probed."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator

from doctor_daemon.config.section import Section
from doctor_daemon.core.readiness import Probing

EVERY_LEAST_S = 30.0


class Probes(Section):
    """How every power device is probed, so that one that is broken is known before it is needed."""

    every_s: Annotated[float, Field(ge=0, le=86_400)] = 900.0
    """Between two probes of a device. They are spread over this time. 0: only when somebody asks
    for it, by `doctor-daemon probe`."""
    at_once: Annotated[int, Field(ge=1, le=64)] = 8
    """Devices that are probed at a time."""

    @field_validator("every_s")
    @classmethod
    def _not_too_often(cls, seconds: float) -> float:
        if 0 < seconds < EVERY_LEAST_S:
            msg = f"expected at least {EVERY_LEAST_S:g}, or 0 for never"
            raise ValueError(msg)
        return seconds

    def probing(self) -> Probing:
        """Return the core's own value."""
        return Probing(self.every_s, self.at_once)
