"""How much one source may send: the options."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from doctor_daemon.config.section import Section

KIB = 1024


class SourceLimits(Section):
    """How much a source may send: beyond it is refused, and no other source waits for it."""

    rate_per_s: Annotated[float, Field(ge=0.1, le=1000)] | None = None
    """Requests a second, in the long run. Left out: 100."""
    burst: Annotated[int, Field(ge=1, le=10_000)] | None = None
    """Requests at once. Left out: 1000, as many as hosts that may fail together."""
    body_max_kib: Annotated[int, Field(ge=1, le=KIB)] = KIB
    """The largest body, in KiB. A larger one is not read."""
