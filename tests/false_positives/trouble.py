"""The faults: how each begins, and how it ends. Nothing of them touches a host's life."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

from tests.false_positives.configuration import BEATS
from tests.false_positives.estate import Estate
from tests.false_positives.plan import HOSTS, RACKS, Fault, Plan
from tests.heartbeat.test_daemon import listeners_of
from tests.standstill import stand_still
from tools.netns import nft

DROP = """table inet fault {{
  chain in {{ type filter hook input priority 0; {rules} }}
}}
"""
_OPEN = "delete table inet fault"


@asynccontextmanager
async def trouble(place: Estate, plan: Plan) -> AsyncIterator[None]:
    """Have the plan's fault last as long as the block."""
    ways = {
        Fault.OWN_LINK: _own_link,
        Fault.SWITCH: _switch,
        Fault.DNS: _dns,
        Fault.CLOCK: _clock,
        Fault.STOP: _stop,
        Fault.BEATS: _beats,
    }
    if plan.nova_deaf:
        rack = RACKS[int(plan.way[-1]) - 1] if plan.fault is Fault.SWITCH else HOSTS
        place.deafen(*(number for number in rack if number not in place.dead))
    with ways[plan.fault](place, plan):
        yield
    place.undeafen()


@contextmanager
def _own_link(place: Estate, plan: Plan) -> Iterator[None]:
    """Cut the daemon off: by its port, or without its seeing that."""
    silently = "silently" in plan.way
    links = [one for one in ("net", "oob") if one in plan.way.split()]
    cut = [one for one in links if not (silently and one == "net")]
    if silently:
        nft(place.net.daemon, DROP.format(rules='iifname "net" drop;'))
    for one in cut:
        place.net.own_link(one, "down")
    yield
    for one in cut:
        place.net.own_link(one, "up")
    if silently:
        nft(place.net.daemon, _OPEN)


@contextmanager
def _switch(place: Estate, plan: Plan) -> Iterator[None]:
    """Cut half of the fleet off from everybody."""
    rack = int(plan.way[-1])
    place.net.uplink(rack, "down")
    place.unseen.update(RACKS[rack - 1])
    yield
    place.net.uplink(rack, "up")
    place.unseen.clear()


@contextmanager
def _dns(place: Estate, plan: Plan) -> Iterator[None]:
    place.names.fault = plan.way
    yield
    place.names.fault = ""


@contextmanager
def _clock(place: Estate, plan: Plan) -> Iterator[None]:
    """Step the daemon's clock, and step it back at the end."""
    place.step(int(plan.way))
    yield
    place.step(0)


@contextmanager
def _stop(place: Estate, plan: Plan) -> Iterator[None]:
    """Let processes stand still, as a debugger or a frozen guest does."""
    listeners = listeners_of(place.daemon.pid)
    named = plan.way.split(" and ")
    pids = [place.daemon.pid] * ("daemon" in named) + listeners * ("listener" in named)
    for pid in pids:
        stand_still(pid)
    try:
        yield
    finally:
        for pid in pids:
            with suppress(ProcessLookupError):  # a listener that hangs is started anew
                os.kill(pid, signal.SIGCONT)


@contextmanager
def _beats(place: Estate, plan: Plan) -> Iterator[None]:
    """Lose all heartbeats, and perhaps what another source sees."""
    rules = f"udp dport {BEATS} drop; "
    if "pings" in plan.way:
        rules += "icmp type echo-reply drop; "
    nft(place.net.daemon, DROP.format(rules=rules))
    if "alerts" in plan.way:
        place.unseen.update(HOSTS)
    yield
    place.unseen.clear()
    nft(place.net.daemon, _OPEN)
