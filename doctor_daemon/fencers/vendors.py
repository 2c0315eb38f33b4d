"""What vendors' Redfish services are known to do otherwise, as data: one row each.

A row can make the daemon more careful with a vendor, and never less: whatever a row says, nothing
but three clear readings proves a host off, and no answer to an order is taken for its effect. A
vendor that is not here gets the rule without a quirk. `settle_s` is for services whose Off is that
of the operating system or of the order, and not yet that of the power.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Vendor:
    """One vendor's quirks."""

    name: str
    words: tuple[str, ...] = ()
    """What is found in Manufacturer or Model, in lower case."""
    settle_s: float = 0.0
    """An Off so soon after our own cut is not believed: the reading is UNKNOWN."""
    off_already: tuple[int, ...] = ()
    """Statuses by which ForceOff is refused when the power is off already: words for the record."""


STRICT = Vendor("strict")
VENDORS = (
    # github.com/openstack-k8s-operators/infra-operator/issues/434: 409 to ForceOff when off.
    Vendor("idrac", ("dell",), off_already=(409,)),
    # github.com/goldyfruit/ansible-ilo/issues/1: 400 InvalidOperationForSystemState.
    Vendor("ilo", ("hpe", "hewlett"), off_already=(400,)),
    Vendor("xclarity", ("lenovo",), off_already=(400, 409)),
    Vendor("supermicro", ("supermicro", "super micro"), off_already=(400, 409)),
    # github.com/openbmc/bmcweb/issues/12: the host's state, and the chassis' power after it.
    Vendor("openbmc", ("openbmc", "ibm"), settle_s=5.0),
)
"""In this order the first that fits is taken."""
NAMES = tuple(vendor.name for vendor in (*VENDORS, STRICT))


def vendor_of(manufacturer: str, model: str) -> Vendor:
    """Return the row of a machine, by what it says of itself."""
    said = f"{manufacturer} {model}".lower()
    return next((one for one in VENDORS if any(word in said for word in one.words)), STRICT)


def named(name: str) -> Vendor:
    """Return the row that the configuration names."""
    return next((vendor for vendor in VENDORS if vendor.name == name), STRICT)
