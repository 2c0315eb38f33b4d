"""How the daemon tells whether it is itself cut off, and which hosts control the cloud."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated

from pydantic import BeforeValidator, Field, PlainSerializer, PlainValidator

from doctor_daemon.config.patterns import expand
from doctor_daemon.config.section import Section
from doctor_daemon.config.words import Address, parse_address, parse_names
from doctor_daemon.core.policy import Policy

POINTS_MAX = 32
_SHIPPED = Policy()
_LINK = re.compile(r"(?!\.{1,2}\Z)[A-Za-z0-9_.@-]{1,15}")
Point = Annotated[Address, PlainValidator(parse_address), PlainSerializer(str, return_type=str)]
Points = Annotated[tuple[Point, ...], Field(max_length=POINTS_MAX)]
Names = Annotated[tuple[str, ...], BeforeValidator(parse_names)]


class OwnSide(Section):
    """How the daemon tells, before each cut, whether it is itself cut off. Times are seconds.

    Nova's answer about the host is asked for in any case. Each other sign counts once it is
    configured; one that cannot be told counts as bad.
    """

    reference_points: Points = ()
    """Where a TCP connection is to succeed whatever host has failed: routers, name servers, the
    cloud's API; not on the hosts themselves. `10.0.0.1:443`: by address, for DNS may be gone."""
    reference_quorum: Annotated[int, Field(ge=1, le=POINTS_MAX)] | None = None
    """How many of them must answer; left out, more than half."""
    bmc_points: Points = ()
    """The same on the network of the power devices: its gateway, a switch."""
    bmc_quorum: Annotated[int, Field(ge=1, le=POINTS_MAX)] | None = None
    """How many of these must answer; left out, more than half."""
    interfaces: Names = ()
    """Our own network interfaces that must have a carrier, as `/sys/class/net` names them."""
    devices_share: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Of the power devices of other hosts that were asked lately, this share must have answered.
    Fewer than three say nothing; 0 never asks."""
    every_s: Annotated[float, Field(ge=0.2, le=60)] = 5.0
    """How often all of this is asked."""
    timeout_s: Annotated[float, Field(ge=0.1, le=30)] = 2.0
    """How long one connection may take."""
    age_s: Annotated[float, Field(ge=1, le=120)] = _SHIPPED.own_age_s
    """What was found may be no older than this when power is cut."""
    controllers: Names = ()
    """Hosts of the control plane that Nova does not show as such (a database, a message queue):
    names and patterns as under `hosts`. Those with nova-scheduler or nova-conductor are known."""
    fence_controllers: bool = False
    """Whether hosts of the control plane may be fenced all the same, one at a time."""

    def wrong(self) -> Iterator[tuple[str, str]]:
        """Yield each option that does not fit the others, and why."""
        least_s = self.every_s + self.timeout_s
        if self.age_s < least_s:
            why = "one answer must still count while the next is asked for"
            sum_ = f"{least_s:g} = every_s + timeout_s"
            yield "age_s", f"found {self.age_s:g}; expected at least {sum_}: {why}"
        for points, quorum in (
            ("reference_points", "reference_quorum"),
            ("bmc_points", "bmc_quorum"),
        ):
            listed, wanted = getattr(self, points), getattr(self, quorum)
            if wanted is not None and wanted > len(listed):
                yield quorum, f"found {wanted}; expected at most the {len(listed)} {points}"
            if len(set(listed)) < len(listed):
                yield points, "found one of them twice; expected each once"
            if any(point.port == 0 for point in listed):
                yield points, "found port 0; expected one that can be connected to"
        for name in self.interfaces:
            if not _LINK.fullmatch(name):
                yield "interfaces", f"found {name!r}; expected the name of a network interface"
        try:
            self.control()
        except ValueError as error:
            yield "controllers", str(error)

    def control(self) -> frozenset[str]:
        """Return the hosts that are counted to the control plane. Raise ValueError."""
        return frozenset(one.host for pattern in self.controllers for one in expand(pattern))

    @property
    def configured(self) -> bool:
        """Tell whether any sign of our own side was named."""
        return bool(self.reference_points or self.bmc_points or self.interfaces)
