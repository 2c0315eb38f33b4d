"""Microversions: which one each call is pinned to, and whether the cloud offers it.

Never `latest`: what a call means must not change because somebody has upgraded Nova. Two dialects
are spoken. From 2.53 a service has a UUID, and one PUT by it changes everything at once; before
that, Nova is told a host's name, and each thing in a PUT of its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from doctor_daemon.errors import Permanent


class NotOfferedError(Permanent):
    """A microversion that is needed and that this Nova does not offer."""


class Version(NamedTuple):
    """A microversion; ordered as numbers are, so 2.100 is above 2.96."""

    major: int
    minor: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"


@dataclass(frozen=True, slots=True)
class Span:
    """The microversions that serve a call, from the lowest to the highest."""

    low: Version
    high: Version
    use: str
    """What it is needed for."""
    release: str = ""
    """The first release of Nova that offers the lowest."""


SERVICES = Span(
    Version(2, 11), Version(2, 69), "to see how hosts stand, and to force them down", "12, Liberty"
)
"""From 2.11 forced_down is shown, from 2.53 a UUID as well; from 2.69 a service in a cell that does
not answer is shown as UNKNOWN, and not left out."""
UPDATE = Span(Version(2, 53), Version(2, 53), "to change a service by its UUID", "16, Pike")
"""From 2.53 one PUT by UUID sets forced_down, status and reason at once."""
FORCE_DOWN = Span(Version(2, 11), Version(2, 11), "to force a host down by its name", "12, Liberty")
"""Gone at 2.53, and the same in between."""
STATUS = Span(Version(2, 1), Version(2, 1), "to enable and disable a host by its name")
"""Gone at 2.53, and the same in between."""
SERVERS = Span(Version(2, 1), Version(2, 90), "to list servers")
"""Of what is read of a server, `locked` came with 2.9 and a flavor's extra_specs with 2.47: where
they are not shown, that is known. Above 2.90 lists grow more costly."""
HOST_STATUS = Span(
    Version(2, 16), Version(2, 90), "to see what owners are shown of hosts", "13, Mitaka"
)
"""The same list. Before 2.16 nobody is shown how a server's host stands."""
EVACUATE = Span(
    Version(2, 29), Version(2, 68), "to have servers evacuated by the scheduler", "14, Newton"
)
"""Before 2.29 there is no saying that the scheduler decides; from 2.68 nobody can force a host past
it. Up to 2.94, where nothing else changes, a server that ran runs again and one that was stopped
stays so. From 2.95 all would end stopped."""
MIGRATIONS = Span(Version(2, 1), Version(2, 59), "to follow evacuations")
"""From 2.59 migrations come in pages, newest first, and by changes-since; before, all at once."""
PAGED = Version(2, 59)
TYPED = Version(2, 23)
"""From here on a migration says its type."""
UNKNOWN_CELLS = Version(2, 69)
"""From here on nothing is left out of a list of services because its cell does not answer."""
AGGREGATES = Span(Version(2, 1), Version(2, 41), "to see what is written on a host's aggregates")
"""Any would do; from 2.41 aggregates have UUIDs."""
GROUPS = Span(Version(2, 1), Version(2, 64), "to see which servers are kept apart")
"""From 2.64 a group has one policy, by its name; before, a list of one."""

CREATE = Span(Version(2, 37), Version(2, 90), "to boot a server for a drill", "14, Newton")
"""Before 2.37 there is no saying that a server is to have no network."""
HOST_NAMED = Version(2, 74)
"""From here on a new server's host has a field of its own."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What an endpoint offers."""

    low: Version
    high: Version
    of: str = "Nova"

    @property
    def by_name(self) -> bool:
        """Tell whether services are changed by their host's name: they have no UUID yet."""
        return self.high < UPDATE.low

    def choose(self, span: Span) -> Version:
        """Return the highest microversion of both. Raise NotOfferedError when there is none."""
        chosen = min(self.high, span.high)
        if chosen < span.low or span.high < self.low:
            wanted = f"{span.low} to {span.high}" if span.low != span.high else str(span.low)
            msg = (
                f"this {self.of} offers microversions {self.low} to {self.high}; "
                f"{wanted} is needed {span.use}"
            )
            if self.high < span.low and span.release:
                msg += f" ({self.of} {span.release}, or newer)"
            raise NotOfferedError(msg)
        return chosen

    def missing(self) -> list[str]:
        """Say which of the pinned microversions are not offered."""
        wrong = []
        writes = (FORCE_DOWN, STATUS) if self.by_name else (UPDATE,)
        for span in (SERVICES, *writes, SERVERS, EVACUATE, MIGRATIONS, AGGREGATES, GROUPS):
            try:
                self.choose(span)
            except Permanent as error:
                wrong.append(str(error))
        return wrong


def parse_offer(document: object) -> Offer:
    """Read the answer of the endpoint's root. Raise Permanent.

    Source: Nova API guide, "Microversions"; the keys are `version` and `min_version`.
    """
    version = document.get("version") if isinstance(document, Mapping) else None
    if isinstance(version, Mapping):
        low, high = (_version(version.get(key)) for key in ("min_version", "version"))
        if low and high:
            return Offer(low, high)
    msg = "the compute endpoint does not describe a version with microversions; is it Nova's v2.1?"
    raise Permanent(msg)


def _version(text: object) -> Version | None:
    found = re.fullmatch(r"(\d{1,4})\.(\d{1,4})", text) if isinstance(text, str) else None
    return Version(int(found[1]), int(found[2])) if found else None
