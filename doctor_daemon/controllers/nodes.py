"""A node of Ironic as its answers show it, and how it is asked for.

Source: Bare Metal API reference, "Nodes", "Node Provisioning: Change Node Power State". An answer
that is not as documented is an error, not a default.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from doctor_daemon.controllers.http import Answer
from doctor_daemon.controllers.microversions import Offer, Span, Version, parse_offer
from doctor_daemon.controllers.rows import decode, text
from doctor_daemon.core.proof import Power
from doctor_daemon.errors import Permanent

IRONIC = "Ironic"
NODE = Span(Version(1, 8), Version(1, 95), "to see a node", "4.2, Liberty")
"""From 1.8 single fields can be asked for. From 1.95 a node says that it may not be switched off;
before, it has no such flag."""
FLAGGED = Version(1, 95)
OFF, ON = "power off", "power on"
"""The two targets that are ever sent. `soft power off` asks the operating system, and `rebooting`
brings the host back."""
STEADY = ("active", "manageable")
"""Provision states in which a node is a host, and Ironic leaves it alone."""
WORDS_MAX = 200

_POWER = {OFF: Power.OFF, ON: Power.ON}
_FIELDS = (
    "uuid",
    "name",
    "driver",
    "driver_info",
    "power_state",
    "target_power_state",
    "provision_state",
    "maintenance",
    "reservation",
    "last_error",
)


@dataclass(frozen=True, slots=True)
class Node:
    """One node. Power states are Ironic's own words; empty: none."""

    uuid: str
    name: str
    driver: str
    addresses: tuple[str, ...]
    """Where its BMC is reached, as its driver_info has it."""
    power_state: str
    target: str
    """What its power is being changed to."""
    provision_state: str
    maintenance: bool
    holder: str
    """The conductor that is at work on it."""
    last_error: str
    fixed_on: bool = False
    """Whether Ironic was told never to switch it off."""

    @property
    def power(self) -> tuple[Power, str]:
        """What Ironic holds of its power, in its words; no OFF while anything speaks against it.

        In maintenance nobody compares it with the machine, and after an error or in the midst of a
        change nobody knows.
        """
        doubts = (
            self.target and f"on its way to {self.target}",
            self.holder and f"locked by {self.holder}",
            "in maintenance" if self.maintenance else "",
            "" if self.provision_state in STEADY else f"provision_state: {self.provision_state}",
            self.last_error and f"last_error: {self.last_error}",
        )
        said = ", ".join((f"power_state: {self.power_state or 'none'}", *filter(None, doubts)))
        found = _POWER.get(self.power_state, Power.UNKNOWN)
        doubtful = self.target or (found is Power.OFF and any(doubts))
        return (Power.UNKNOWN if doubtful else found), said


def fields(version: Version) -> Mapping[str, str]:
    """Return the query that asks for what is looked at, and for no secret."""
    names = (*_FIELDS, "disable_power_off") if version >= FLAGGED else _FIELDS
    return {"fields": ",".join(names)}


def read_node(body: bytes) -> Node:
    """Read a node. Raise Temporary for what is no JSON, Permanent for an odd row."""
    row = decode(body, IRONIC)
    maintenance, info = row.get("maintenance"), row.get("driver_info")
    if not isinstance(maintenance, bool) or "target_power_state" not in row:
        msg = f"{IRONIC} does not show whether the node is in maintenance or being switched"
        raise Permanent(msg)
    found = info if isinstance(info, Mapping) else {}
    return Node(
        uuid=_said(text(row, "uuid", IRONIC)),
        name=_said(row.get("name")),
        driver=_said(row.get("driver")),
        addresses=tuple(
            _said(value)
            for key, value in sorted(found.items())
            if key.endswith("_address") and isinstance(value, str)
        ),
        power_state=_said(row.get("power_state")),
        target=_said(row.get("target_power_state")),
        provision_state=_said(row.get("provision_state")),
        maintenance=maintenance,
        holder=_said(row.get("reservation")),
        last_error=_said(row.get("last_error")),
        fixed_on=row.get("disable_power_off") is True,
    )


def _said(value: object) -> str:
    """Return a state as one printable line; what is neither a text nor null is a state, too."""
    words = "" if value is None else str(value)[: 4 * WORDS_MAX]
    line = "".join(letter if letter.isprintable() else " " for letter in words)
    return " ".join(line.split())[:WORDS_MAX] or ("?" if words else "")


def complaint(answer: Answer) -> str:
    """Return what Ironic says went wrong, in one line: JSON in a text in JSON, most of the time."""
    try:
        fault = json.loads(answer.body)["error_message"]
        fault = json.loads(fault) if isinstance(fault, str) else fault
        words = fault.get("faultstring") or fault["description"]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return answer.words()
    return f"{answer.status} {_said(words)}"


def read_offer(body: bytes) -> Offer:
    """Read the microversions that Ironic offers. Raise Permanent where there are none."""
    try:
        return replace(parse_offer(decode(body, IRONIC)), of=IRONIC)
    except Permanent:
        msg = "the baremetal endpoint does not describe a version 1; is it Ironic's?"
        raise Permanent(msg) from None
