"""What the engine asks of the outside world, as Protocols.

Every call that leaves the process is bounded by the adapter that makes it, raises only
`DoctorError`s, and can be cancelled. Calls that change the world take a `Permit`: the adapter gets
its connection first, then checks the permit, then writes.
"""

from __future__ import annotations

from doctor_daemon.ports.cloud import Controller, Fleet
from doctor_daemon.ports.consumer import NoticeRow, Notifier
from doctor_daemon.ports.intake import (
    Gatekeeper,
    Inspector,
    Intake,
    Receipt,
    SourceTerms,
)
from doctor_daemon.ports.network import Network
from doctor_daemon.ports.power import Named, PowerDevice, PowerDevices, device_key
from doctor_daemon.ports.secrets import SecretFile, conceal, remember
from doctor_daemon.ports.storage import Storage
from doctor_daemon.ports.store import (
    Change,
    Delivery,
    EvidenceRow,
    Heading,
    LeaderLock,
    Snapshot,
    Store,
    Wanted,
)
from doctor_daemon.ports.time import Clock, Permit

API = 1
"""The version of these Protocols that a plug-in must name. Within it, only additions are made."""

__all__ = [
    "API",
    "Change",
    "Clock",
    "Controller",
    "Delivery",
    "EvidenceRow",
    "Fleet",
    "Gatekeeper",
    "Heading",
    "Inspector",
    "Intake",
    "LeaderLock",
    "Named",
    "Network",
    "NoticeRow",
    "Notifier",
    "Permit",
    "PowerDevice",
    "PowerDevices",
    "Receipt",
    "SecretFile",
    "Snapshot",
    "SourceTerms",
    "Storage",
    "Store",
    "Wanted",
    "conceal",
    "device_key",
    "remember",
]
