"""The judgement of a round: by the lab's own records, and by what the daemons say of its incidents.

What was done is read from the records alone. What the daemons say is held against them: whoever has
taken an alert must have its incident, and all three must tell of it alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from doctor_daemon.lab.consumer import Receipt, Verdict
from doctor_daemon.lab.record import Entry, Kind, violations
from tests.chaos.plan import Fault, Plan

NEVER_S = float("inf")
BUGS = ("internal error", "Traceback", "never retrieved")
_DAEMON = frozenset({Fault.KILL, Fault.STOP, Fault.CUT_OFF})
_ETCD = frozenset({Fault.MEMBER_KILL, Fault.MEMBER_STOP, Fault.DISK})
EXPLAINED: Mapping[str, AbstractSet[Fault]] = {
    "look": _DAEMON | {Fault.NOVA},
    "nova": _DAEMON | {Fault.NOVA},
    "evacuation": _DAEMON | {Fault.NOVA},
    "manual": _DAEMON | _ETCD | {Fault.BMC},
    "fencing": _DAEMON | _ETCD | {Fault.BMC},
    "proof": _DAEMON | _ETCD | {Fault.BMC, Fault.NOVA},
}
"""Gate -> the faults that may hold an incident by it. No other gate may hold one here."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a server is: by Nova's word, and in truth."""

    server: str
    host: str
    runs_on: Sequence[str]


@dataclass(frozen=True, slots=True)
class Facts:
    """What is to be judged. Times are CLOCK_MONOTONIC."""

    entries: Sequence[Entry]
    died: Mapping[str, float]
    """Every host that has died -> when."""
    round_died: Sequence[str]
    accepted: AbstractSet[str]
    opened: AbstractSet[str]
    """Hosts of which the daemons have an incident."""
    down: AbstractSet[str]
    """Hosts without power that Nova shows forced down, in truth."""
    places: Sequence[Place]
    receipts: Sequence[Receipt]
    ends: Sequence[str]
    log: str


def explained(gate: str, plan: Plan) -> bool:
    """Tell whether a round's faults may have an incident held by this gate."""
    return bool(EXPLAINED.get(gate, frozenset()) & plan.faults)


def agreed(found: Sequence[Mapping[str, Any] | None]) -> str | None:
    """Return the phase of an incident if all daemons have the same one, in the same phase."""
    phases = {(one["id"], str(one["phase"])) if one else None for one in found}
    (only, *others) = phases
    return None if only is None or others else only[1]


def judged(facts: Facts) -> list[str]:
    """Return everything that must not be, in words."""
    return [
        *_records(facts),
        *_deaths(facts),
        *_servers(facts),
        *_notices(facts),
        *facts.ends,
        *(f"a log has {text!r}" for text in BUGS if text in facts.log),
    ]


def _records(facts: Facts) -> Iterator[str]:
    for found in violations(facts.entries):
        yield f"{found.host} {found.server}: {found.what}"
    for entry in facts.entries:
        if entry.kind is Kind.POWER_OFF and entry.at_s < facts.died.get(entry.host, NEVER_S):
            yield f"{entry.host} lived, and its power was cut"


def _deaths(facts: Facts) -> Iterator[str]:
    for host in facts.round_died:
        if host not in facts.accepted:
            yield f"{host} is dead, and no daemon has taken the alert"
        if host in facts.accepted and host not in facts.opened:
            yield f"{host}: the alert was taken, and there is no incident"
        if host not in facts.down:
            yield f"{host} is dead, and not both off and forced down"


def _servers(facts: Facts) -> Iterator[str]:
    for place in facts.places:
        if place.host in facts.died:
            yield f"{place.server} is still on {place.host}, by Nova's word"
        if list(place.runs_on) != [place.host]:
            yield f"{place.server} of {place.host} runs on {list(place.runs_on)}"


def _notices(facts: Facts) -> Iterator[str]:
    for receipt in facts.receipts:
        if receipt.verdict in (Verdict.CHANGED, Verdict.REFUSED):
            yield f"{receipt.consumer} heard {receipt.id}, {receipt.verdict}: {receipt.why}"
    told = confirmed(facts.receipts)
    for host in facts.round_died:
        if host not in told:
            yield f"operators have not heard that {host} is confirmed to be down"


def confirmed(receipts: Sequence[Receipt]) -> set[str]:
    """Name the hosts of which operators have heard that they are down."""
    return {
        receipt.event["data"]["host"]
        for receipt in receipts
        if (receipt.consumer, receipt.verdict) == ("operators", Verdict.NEW)
        and receipt.event["data"]["kind"] == "confirmed"
    }
