"""What the audit says of orders that belong to no incident: the switches, and those about Cinder.

The id of a line is made of what the order is. So an order that is saved once more, because nobody
knows whether it was, is the same line, and stands there once.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace

from doctor_daemon.core.audit import Line, Part, canonical
from doctor_daemon.core.context import Armed, Maintenance
from doctor_daemon.core.host import HostId
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.masses import Passes
from doctor_daemon.core.volume_orders import VolumeOrder
from doctor_daemon.core.volumes import Finding

ID_DIGITS = 16
"""Of the digest of what an order was."""


def armed(switch: Armed, at: Instant, term: int) -> Line:
    """Return the line of the master switch."""
    what = "arm" if switch.on else "disarm"
    return _ordered(what, switch.at or at, term, switch.by, switch.why)


def maintained(window: Maintenance, at: Instant, term: int) -> Line:
    """Return the line of a maintenance that begins."""
    about = (str(window.host), f"until {window.until.wall_s:.0f}")
    return _ordered("maintenance", at, term, window.by, window.why, about=about)


def maintenance_ended(host: HostId, by: str, at: Instant, term: int) -> Line:
    """Return the line of a maintenance that ends."""
    return _ordered("end of maintenance", at, term, by, "", about=(str(host), ""))


def let_through(passes: Passes, term: int) -> Line:
    """Return the line of a word by which hosts are let through."""
    text = f"{passes.count} hosts, until {passes.until.wall_s:.0f}"
    return _ordered("release-hosts", passes.at, term, passes.by, passes.why, about=("", text))


def given(order: VolumeOrder, term: int) -> Line:
    """Return the line of an order about Cinder, as it stands before anything is sent."""
    line = _about_cinder(order, Part.INTENT, order.at, term)
    return replace(line, by=order.by, cause=order.why)


def ended(order: VolumeOrder, finding: Finding, now: Instant, term: int) -> Line:
    """Return the line of what it has come to."""
    line = _about_cinder(order, Part.RESULT, now, term)
    return replace(line, outcome=finding.end.value, text=finding.text)


def _about_cinder(order: VolumeOrder, part: Part, at: Instant, term: int) -> Line:
    what, target = f"cinder {order.name}", order.target
    return Line(f"cinder/{order.number}", part, what, at, term, target=target)


def _ordered(
    what: str, at: Instant, term: int, by: str, why: str, *, about: tuple[str, str] = ("", "")
) -> Line:
    """Return the line of an order. `about` is the host, and what else it says."""
    said = canonical([by, why, at.boot_id, at.boot_s, *about])
    id_ = f"{what}/{hashlib.sha256(said.encode()).hexdigest()[:ID_DIGITS]}"
    host, text = about
    return Line(id_, Part.ORDER, what, at, term, host=host, by=by, cause=why, text=text)
