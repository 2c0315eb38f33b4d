"""Microversions: which one each call is pinned to, and whether the cloud offers it.

Never `latest`: what a call means must not change because somebody has upgraded Nova.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from doctor_daemon.errors import Permanent


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


SERVICES = Span(Version(2, 69), Version(2, 69))
"""From 2.69 a service in a cell that does not answer is shown as UNKNOWN, and not left out."""
UPDATE = Span(Version(2, 53), Version(2, 53))
"""From 2.53 one PUT by UUID sets forced_down, status and reason at once."""
SERVERS = Span(Version(2, 73), Version(2, 90))
"""Above 2.90 lists grow more costly and bring nothing that is read here."""
EVACUATE = Span(Version(2, 68), Version(2, 68))
"""From 2.68 no host can be forced past the scheduler; up to 2.94, where nothing else changes, a
server that ran runs again and one that was stopped stays so. From 2.95 all would end stopped."""
MIGRATIONS = Span(Version(2, 59), Version(2, 59))
"""From 2.59 migrations come in pages, newest first, and by changes-since."""
AGGREGATES = Span(Version(2, 41), Version(2, 41))
"""Any would do; from 2.41 aggregates have UUIDs."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What an endpoint offers."""

    low: Version
    high: Version
    of: str = "Nova"

    def choose(self, span: Span) -> Version:
        """Return the highest microversion of both. Raise Permanent when there is none."""
        chosen = min(self.high, span.high)
        if chosen < span.low or span.high < self.low:
            wanted = f"{span.low} to {span.high}" if span.low != span.high else str(span.low)
            offered = f"this {self.of} offers microversions {self.low} to {self.high}"
            msg = f"{offered}; {wanted} is needed"
            if self.high < span.low and self.of == "Nova":
                msg += " (Nova 20, Train, or newer)"
            raise Permanent(msg)
        return chosen

    def missing(self) -> list[str]:
        """Say which of the pinned microversions are not offered."""
        wrong = []
        for span in (SERVICES, UPDATE, SERVERS, EVACUATE, MIGRATIONS, AGGREGATES):
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
