"""What a BMC says over IPMI, by ipmitool's words, taken at its exact word.

Sources: IPMI 2.0, 20.8 (Get System GUID), 28.2 and 28.3 (chassis status and control), 5.2
(completion codes); ipmitool's src/ipmi_chassis.c.
"""

from __future__ import annotations

import re
import uuid
from collections import Counter

from doctor_daemon.core.proof import Power
from doctor_daemon.core.tries import Outcome
from doctor_daemon.errors import Permanent
from doctor_daemon.fencers.ipmitool import Said

GUID = "raw 0x06 0x37"
FRU = "fru print 0"
STATUS = "chassis power status"
OFF = "chassis power off"
ON = "chassis power on"

_POWER = {"Chassis Power is on": Power.ON, "Chassis Power is off": Power.OFF}
_DONE = {OFF: "Chassis Power Control: Down/Off", ON: "Chassis Power Control: Up/On"}
_BYTES = re.compile(r"(?:[0-9a-f]{2}\s+){15}[0-9a-f]{2}", re.ASCII)
_REFUSAL = re.compile(r"Set Chassis Power Control to \S+ failed: (?P<why>.+)")
_UNSURE = re.compile(r"Timeout|Unspecified error|Unknown")
"""Completion codes C3h and FFh: the BMC answers, and does not say that nothing was done."""
_FIELD = re.compile(r"^ *(?P<name>[A-Za-z]+(?: +[A-Za-z]+)*) *: (?P<value>.+)$", re.MULTILINE)
"""There is one way only to read a line by it, so a line of blanks costs no more than another."""


def power_of(said: Said) -> Power:
    """Return the power: unknown, unless one line says it and none says otherwise."""
    found = {_POWER[line] for line in said.out.splitlines() if line in _POWER}
    return found.pop() if len(found) == 1 else Power.UNKNOWN


def outcome_of(order: str, said: Said) -> Outcome:
    """Judge the answer to an order."""
    if said.out.splitlines() == [_DONE[order]]:
        return Outcome.ACCEPTED
    refusal = _REFUSAL.search(said.err)
    if refusal is None or _UNSURE.match(refusal["why"]):
        return Outcome.UNKNOWN
    return Outcome.REFUSED


def says_guid(said: Said) -> bool:
    """Tell whether it is a GUID at all: not every BMC has one."""
    return _BYTES.fullmatch(said.out.strip()) is not None


def guid_of(said: Said) -> bytes:
    """Return the 16 bytes of the GUID as they came over the wire. Raise Permanent without them."""
    if not says_guid(said):
        msg = f"it says no GUID: {said.text}"
        raise Permanent(msg)
    return bytes.fromhex(said.out.strip())


def uuid_of(guid: bytes, order: str) -> str:
    """Return the machine's UUID. In which order the bytes lie, no BMC says.

    `smbios`: as SMBIOS stores a UUID (DSP0134, 7.2.1); `rfc4122`: as it is written; `ipmi`: the
    other way round, as IPMI 2.0 has it (20.8). Raise Permanent for one that stands for none.
    """
    if len(set(guid)) == 1:
        msg = f"GUID {guid.hex()}: expected the machine's own; use `serial` instead"
        raise Permanent(msg)
    match order:
        case "smbios":
            return str(uuid.UUID(bytes_le=guid))
        case "ipmi":
            return str(uuid.UUID(bytes=guid[::-1]))
        case _:
            return str(uuid.UUID(bytes=guid))


def fru_of(said: Said) -> dict[str, str]:
    """Return the fields of the FRU's inventory; one that stands twice is left out."""
    pairs = [(found["name"].strip(), found["value"].strip()) for found in _FIELD.finditer(said.out)]
    times = Counter(name for name, _ in pairs)
    return {name: value for name, value in pairs if times[name] == 1}
