"""What is asked about our own side: links, fixed points of the networks, others' power devices.

A connection counts only when it stands: a refusal may come from a firewall of our own. Nothing is
sent by it. Names are never resolved, for a daemon without DNS is one of the cases to be told.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path

from doctor_daemon.core.host import HostId
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.ourselves import Check, Sign
from doctor_daemon.ports import Clock

LINKS = Path("/sys/class/net")
DEVICES_MIN = 3
"""Answers of fewer other hosts' devices say nothing of the network."""
LATELY_S = 600.0
"""How long what a device has answered, or has not, says something."""
ANSWERED = frozenset({"ok", "on", "off", "unknown", "permanent"})
"""How a question to a device ended when something at its address has answered."""
ASKING = frozenset({"identify", "read"})
NAMED_MAX = 5


@dataclass(frozen=True, slots=True)
class Point:
    """Where a TCP connection is to succeed: an IP address and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Asked:
    """Points of one network, and how many of them must answer."""

    points: tuple[Point, ...] = ()
    quorum: int = 0


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for. Nothing: only what is known without configuration."""

    reference: Asked = Asked()
    bmc: Asked = Asked()
    interfaces: tuple[str, ...] = ()
    devices_share: float = 0.5
    every_s: float = 5.0
    timeout_s: float = 2.0


class Answers:
    """What each host's power devices have answered lately, whoever asked them."""

    def __init__(self) -> None:
        """Begin with nothing known."""
        self._last: dict[HostId, tuple[Instant, bool]] = {}

    def heard(self, host: HostId, call: str, outcome: str, at: Instant) -> None:
        """Note how a question to a device of a host ended."""
        if call in ASKING:
            self._last[host] = (at, outcome in ANSWERED)

    def lately(self, now: Instant, without: AbstractSet[HostId]) -> Mapping[HostId, bool]:
        """Return which hosts' devices have answered, of those that were asked not long ago."""
        return {
            host: answered
            for host, (at, answered) in self._last.items()
            if host not in without and now.since(at) <= LATELY_S
        }


def heard(
    observe: Callable[[str, float, str], None], answers: Answers, host: HostId, clock: Clock
) -> Callable[[str, float, str], None]:
    """Return what hears how a device's calls end, and hands that on."""

    def both(call: str, seconds: float, outcome: str) -> None:
        answers.heard(host, call, outcome, clock.now())
        observe(call, seconds, outcome)

    return both


class OwnProbes:
    """Implements `ports.OwnSide`."""

    def __init__(self, wanted: Wanted, clock: Clock, answers: Answers, links: Path = LINKS) -> None:
        """Ask for what is wanted; nothing is asked before `check`."""
        self._wanted = wanted
        self._clock = clock
        self.answers = answers
        self._links = links

    def become(self, wanted: Wanted) -> None:
        """Ask for other things from now on."""
        self._wanted = wanted

    @property
    def wanted(self) -> Sequence[Sign]:
        """The signs that are asked for."""
        named = {
            Sign.LINKS: self._wanted.interfaces,
            Sign.REFERENCE: self._wanted.reference.points,
            Sign.BMC_POINTS: self._wanted.bmc.points,
            Sign.DEVICES: self._wanted.devices_share,
        }
        return tuple(sign for sign, asked in named.items() if asked)

    @property
    def every_s(self) -> float:
        """How often to ask."""
        return self._wanted.every_s

    async def check(self, suspects: AbstractSet[HostId]) -> Sequence[Check]:
        """Ask for all of it at once."""
        now, wanted, found = self._clock.now(), self._wanted, list[Check]()
        if wanted.interfaces:
            found.append(self._carriers(now))
        reached = await asyncio.gather(
            *(
                self._reach(sign, what, asked, now)
                for sign, what, asked in (
                    (Sign.REFERENCE, "reference points", wanted.reference),
                    (Sign.BMC_POINTS, "points of the power devices' network", wanted.bmc),
                )
                if asked.points
            )
        )
        found += reached
        if wanted.devices_share:
            found.append(self._devices(now, suspects))
        return found

    def _carriers(self, now: Instant) -> Check:
        """See whether each of our links is up: 1 in its `carrier`. Unread when it is down."""
        bad = [name for name in self._wanted.interfaces if not _carrier(self._links / name)]
        why = f"no carrier on {', '.join(bad)}" if bad else "every link of ours has a carrier"
        return Check(Sign.LINKS, not bad, why, now)

    async def _reach(self, sign: Sign, what: str, asked: Asked, now: Instant) -> Check:
        """Connect to all points of a network at once."""
        answers = await asyncio.gather(*(self._connects(point) for point in asked.points))
        silent = [str(one) for one, ok in zip(asked.points, answers, strict=True) if not ok]
        why = f"{sum(answers)} of {len(answers)} {what} answer, {asked.quorum} are needed"
        if silent:
            more = f" and {len(silent) - NAMED_MAX} more" if len(silent) > NAMED_MAX else ""
            why = f"{why}; silent: {', '.join(silent[:NAMED_MAX])}{more}"
        return Check(sign, sum(answers) >= asked.quorum, why, now)

    async def _connects(self, point: Point) -> bool:
        writer: asyncio.StreamWriter | None = None
        try:
            async with asyncio.timeout(self._wanted.timeout_s):
                _, writer = await asyncio.open_connection(point.host, point.port)
        except (OSError, TimeoutError):
            return False
        finally:
            if writer is not None:
                _drop(writer.transport.abort)
        return True

    def _devices(self, now: Instant, suspects: AbstractSet[HostId]) -> Check:
        """Count the other hosts whose devices have answered; too few of them say nothing."""
        lately = self.answers.lately(now, suspects)
        answered = sum(lately.values())
        why = f"the power devices of {answered} of {len(lately)} other hosts have answered lately"
        enough = answered >= self._wanted.devices_share * len(lately)
        return Check(Sign.DEVICES, enough or len(lately) < DEVICES_MIN, why, now)


def _carrier(link: Path) -> bool:
    """Tell whether a link has a carrier. Reading it fails with EINVAL while it is down."""
    try:
        return (link / "carrier").read_text("ascii").strip() == "1"
    except (OSError, ValueError):
        return False


def _drop(abort: Callable[[], None]) -> None:
    with contextlib.suppress(OSError):
        abort()
