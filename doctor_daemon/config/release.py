"""How hosts come back: the section with its times, and what a group of hosts may do by itself."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from doctor_daemon.config.section import Section
from doctor_daemon.core.host import WayBack
from doctor_daemon.core.policy import Policy

_SHIPPED = Policy()


class Release(Section):
    """The way back: when a host that was forced down is given back to Nova. Times are seconds."""

    release_every_s: Annotated[float, Field(ge=1, le=300)] = _SHIPPED.release_every_s
    """Between two questions about a host on its way back."""
    watch_s: Annotated[float, Field(ge=10, le=3600)] = _SHIPPED.watch_s
    """How long a host whose flag was lifted is watched before it is enabled."""
    quarantine_s: Annotated[float, Field(ge=30, le=86_400)] = _SHIPPED.quarantine_s
    """How long a host has to be seen alive, without a gap and called down by nobody, before it is
    released without an order."""
    flaps_max: Annotated[int, Field(ge=0, le=100)] = _SHIPPED.flaps_max
    """How often a host may come back in `flap_window_s`; then its next release takes an order."""
    flap_window_s: Annotated[float, Field(ge=600, le=30 * 86_400)] = _SHIPPED.flap_window_s
    """The sliding window in which a host's returns are counted."""
    quiet_s: Annotated[float, Field(ge=0, le=3600)] = _SHIPPED.quiet_s
    """How long a host that has come back is left to settle before its power is cut again. 0 gives
    none."""
    fences_max: Annotated[int, Field(ge=1, le=100)] = _SHIPPED.fences_max
    """How often a host may come back in `flap_window_s`; if it fails once more, it takes an order
    to cut its power."""
    enable: bool = _SHIPPED.enable
    """Whether a host is enabled at its end, if the daemon has disabled it."""


class WaysBack(Section):
    """What the hosts of a group do by themselves when they are down."""

    release: Literal["on_order", "automatic"] = "on_order"
    """`automatic`: a host that was down is released by itself, once it has been seen alive for
    long enough and all else has been shown; `on_order`: an operator says when."""
    power_on: bool = False
    """Whether a host is switched on by itself, once its servers have moved. In mode evacuate only:
    else nobody knows whether something else is about to move them."""
    leave_disabled: bool = False
    """Whether a host that was released stays disabled, for a human to look at it first."""

    def way_back(self) -> WayBack:
        """Return the core's own value."""
        return WayBack(
            automatic=self.release == "automatic",
            power_on=self.power_on,
            enable=not self.leave_disabled,
        )
