"""Mass failure: from when on so many dead hosts are too many to be dead."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from doctor_daemon.config.section import Section
from doctor_daemon.core.policy import Policy

_SHIPPED = Policy()


class Mass(Section):
    """When so many hosts look dead that something else is at fault: then no power is cut."""

    total: Annotated[int, Field(ge=1, le=100_000)] = _SHIPPED.mass_total
    """So many hosts of the fleet are too many."""
    ratio: Annotated[float, Field(gt=0, le=1)] = _SHIPPED.mass_ratio
    """And so large a share of them."""
    per_domain: Annotated[int, Field(ge=1, le=100_000)] = _SHIPPED.mass_per_domain
    """So many hosts of one failure domain, or of one availability zone, are too many."""
    domain_ratio: Annotated[float, Field(gt=0, le=1)] = _SHIPPED.mass_domain_ratio
    """And so large a share of one."""
    ratio_from: Annotated[int, Field(ge=2, le=100_000)] = _SHIPPED.mass_ratio_from
    """Fewer dead hosts than this are no mass, whatever share they are."""
    all_from: Annotated[int, Field(ge=2, le=100_000)] = _SHIPPED.mass_all_from
    """In a fleet of so many hosts or more they are never all dead: then the daemon is wrong."""
    cool_down_s: Annotated[float, Field(ge=0, le=86_400)] = _SHIPPED.mass_cool_down_s
    """How long it has to be over before power is cut again."""
