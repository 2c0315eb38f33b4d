"""Cinder's services, and what an order about them came to, judged by what is read back.

An answer of Cinder's is no more than a reason to look: it answers 200 to an `enable` that changed
nothing (28 and newer), 202 to a failover to a target that does not exist, and 500 to a freeze that
took effect. So an order is judged by its wish: does it hold now or not.

Source: Cinder API reference, "Services"; `cinder/volume/manager.py` for failover.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from doctor_daemon.core.tries import Outcome

VOLUME = "cinder-volume"
FROZEN = "frozen"
"""The reason with which a freeze disables a service."""
HOME = "default"
"""The backend id by which a failover is taken back."""
MARKED = "the host failed and its power is proven off"
"""How the reason ends with which the daemon disables by itself: an incident's mark is before it."""
NO_REASON = "doctor-daemon: it was disabled before, without a reason"


@dataclass(frozen=True, slots=True)
class VolumeService:
    """One row of Cinder's services, as listed. Cinder has no forced_down, and no id of a service.

    `host` is HOST, and HOST@BACKEND of a cinder-volume. `status`: enabled or disabled. `state`: up
    or down, by the age of its last report, which a write moves too. `updated_at`: UTC, as Cinder
    writes it. The rest is of cinder-volume alone: `replication` is replication_status (enabled,
    disabled, failing-over, failed-over, failover-error, not-capable …), `backend` is
    active_backend_id, `cluster` is empty where there is none.
    """

    binary: str
    host: str
    status: str
    state: str
    zone: str = ""
    reason: str = ""
    updated_at: str = ""
    frozen: bool = False
    replication: str = ""
    backend: str = ""
    cluster: str = ""

    @property
    def disabled(self) -> bool:
        return self.status == "disabled"

    @property
    def marked(self) -> bool:
        """Tell whether the daemon has disabled it by itself, and will enable it in the end."""
        return self.disabled and self.reason.endswith(MARKED)


@dataclass(frozen=True, slots=True)
class Target:
    """What an order is about: one service of one host, or every cinder-volume of a cluster."""

    host: str = ""
    binary: str = VOLUME
    cluster: str = ""

    def __str__(self) -> str:
        return f"cluster {self.cluster}" if self.cluster else f"{self.binary} of {self.host}"

    def of(self, rows: Sequence[VolumeService]) -> tuple[VolumeService, ...]:
        """Return its services, by exact name: Cinder's own filter lets `h@b` through for `h`."""
        return tuple(row for row in rows if self._covers(row))

    def _covers(self, row: VolumeService) -> bool:
        if self.cluster:
            return row.cluster == self.cluster and row.binary == VOLUME
        return row.host == self.host and row.binary == self.binary


class VolumeAct(StrEnum):
    """What can be ordered of Cinder's services."""

    DISABLE = "disable"
    ENABLE = "enable"
    FREEZE = "freeze"
    THAW = "thaw"
    FAILOVER = "failover"


WHOLE = frozenset({VolumeAct.FREEZE, VolumeAct.THAW, VolumeAct.FAILOVER})
"""What Cinder does to a whole cluster, even if one of its hosts is named."""


@dataclass(frozen=True, slots=True)
class Wish:
    """One order.

    `to` is failover's backend id. `reason` is what a disabling says; empty: it says none. `enable`
    lets a thaw leave a service enabled that somebody had disabled.
    """

    act: VolumeAct
    target: Target
    to: str = ""
    reason: str = ""
    enable: bool = False


class End(StrEnum):
    """What an order came to."""

    ACHIEVED = "achieved"  # it was read back
    NOT_ACHIEVED = "not_achieved"  # Cinder took it on, and what is read back is another thing
    REFUSED = "refused"  # nothing was done: Cinder has said no, or it was not asked
    UNKNOWN = "unknown"  # it may be done yet


@dataclass(frozen=True, slots=True)
class Finding:
    """An order's end in words, and what an operator can do about it."""

    end: End
    text: str
    advice: str = ""


def holds(wish: Wish, rows: Sequence[VolumeService]) -> bool:
    """Tell whether what was wished is so, by the target's rows."""
    return bool(rows) and all(_holds(wish, row) for row in rows)


def _holds(wish: Wish, row: VolumeService) -> bool:
    match wish.act:
        case VolumeAct.DISABLE:
            return row.disabled and not (row.marked and row.reason != wish.reason)
        case VolumeAct.ENABLE:
            return not row.disabled
        case VolumeAct.FREEZE:
            return row.frozen
        case VolumeAct.THAW:
            return not row.frozen
        case _:  # a failover
            if wish.to == HOME:
                return row.replication == "enabled" and row.backend in ("", HOME)
            return row.replication == "failed-over" and row.backend == wish.to


def refusal(wish: Wish, rows: Sequence[VolumeService]) -> str:
    """Say why an order is not even asked for; empty: it may be."""
    if not rows:
        return f"Cinder lists no {wish.target}, by exactly this name"
    if wish.act is VolumeAct.ENABLE and any(row.frozen for row in rows):
        return f"{wish.target} is frozen: `doctor-daemon cinder thaw` ends that, and enables it"
    clusters = {row.cluster for row in rows if row.cluster}
    if wish.act in WHOLE and clusters and not wish.target.cluster:
        (name,) = clusters
        return (
            f"{wish.target} is of cluster {name}, all of which Cinder would {wish.act}: name that"
        )
    if wish.act is VolumeAct.FAILOVER:
        return _no_failover(wish.target, rows)
    return ""


def _no_failover(target: Target, rows: Sequence[VolumeService]) -> str:
    found = sorted({row.replication or "none" for row in rows})
    if "failing-over" in found:
        return (
            f"a failover of {target} is under way. If its cinder-volume died meanwhile it stays "
            "so: restart that, or see reset_active_backend of cinder-manage"
        )
    if not {"enabled", "failed-over"} >= set(found):
        return f"replication of {target} is {', '.join(found)}: it cannot be failed over"
    if not any(row.state == "up" for row in rows):
        return (
            f"{target} is down, and it is cinder-volume that fails over: first bring one up for it "
            "elsewhere, with the same backend_host or in the same cluster"
        )
    return ""


def already(wish: Wish, rows: Sequence[VolumeService]) -> Finding | None:
    """Return the end of an order that holds before it is sent: Cinder would refuse a second."""
    if not holds(wish, rows):
        return None
    found = achieved(wish, rows)
    said = " and ".join(sorted({row.reason for row in rows if row.reason}))
    known = f": {said}" if wish.act is VolumeAct.DISABLE and said else ""
    return Finding(End.ACHIEVED, f"{found.text} already{known}; nothing was sent", found.advice)


def settled(wish: Wish, rows: Sequence[VolumeService]) -> bool:
    """Tell whether the target has come to rest: a failover goes on after its answer."""
    moving = any(row.replication == "failing-over" for row in rows)
    return wish.act is not VolumeAct.FAILOVER or not moving


def judged(wish: Wish, answer: tuple[Outcome, str], rows: Sequence[VolumeService]) -> Finding:
    """Judge an order by the target's rows after it."""
    outcome, words = answer
    if holds(wish, rows):
        found = achieved(wish, rows)
        so = "; " if outcome is Outcome.ACCEPTED else ", although "
        return Finding(found.end, f"{found.text}{so}{words}", found.advice)
    if not rows:
        text = f"Cinder does not list {wish.target} any more; {words}"
        return Finding(End.UNKNOWN, text, "see `doctor-daemon cinder services`")
    if outcome in (Outcome.REFUSED, Outcome.UNSENT):
        return Finding(End.REFUSED, f"{wish.target} is as it was: {words}")
    if not settled(wish, rows):
        text = f"{wish.target} is still failing over; {words}"
        return Finding(End.UNKNOWN, text, "look again with `doctor-daemon cinder services`")
    if outcome is Outcome.UNKNOWN:
        text = f"{wish.target} {_is(wish, rows)}, and it may be done yet: {words}"
        return Finding(End.UNKNOWN, text, "look again with `doctor-daemon cinder services`")
    text = f"{wish.target} {_is(wish, rows)}, although {words}"
    return Finding(End.NOT_ACHIEVED, text, _advice(wish, rows))


_DONE = {
    VolumeAct.DISABLE: "disabled",
    VolumeAct.ENABLE: "enabled",
    VolumeAct.FREEZE: "frozen",
    VolumeAct.THAW: "not frozen",
}


def achieved(wish: Wish, rows: Sequence[VolumeService]) -> Finding:
    """Say that a wish holds, and what is to be known all the same."""
    done = _DONE.get(wish.act, f"failed over to {wish.to}")
    return Finding(End.ACHIEVED, f"{wish.target} is {done}", "; ".join(_notes(wish, rows)))


def _notes(wish: Wish, rows: Sequence[VolumeService]) -> Iterator[str]:
    """Say what is to be known although all went well."""
    if wish.act is VolumeAct.FREEZE and not all(row.disabled for row in rows):
        yield "its cinder-volume has not heard of it: it is frozen, and not disabled"
    if wish.act is VolumeAct.THAW:
        yield from (f"{row.host} is disabled: {row.reason}" for row in rows if row.disabled)
    if wish.act is VolumeAct.FAILOVER:
        yield "volumes that are attached must be detached and attached again"
        if any(row.disabled for row in rows):
            yield "the service is disabled, as Cinder leaves it on purpose"


def _is(wish: Wish, rows: Sequence[VolumeService]) -> str:
    """Describe what is in the place of what was wished."""
    row = next(row for row in rows if not _holds(wish, row))
    match wish.act:
        case VolumeAct.FREEZE | VolumeAct.THAW:
            return "is frozen" if row.frozen else "is not frozen"
        case VolumeAct.FAILOVER:
            return f"has replication {row.replication}, backend {row.backend or HOME}"
        case VolumeAct.DISABLE if row.disabled:
            return "is disabled by the daemon itself, which will enable it"
        case _:
            return f"is {row.status}"


def _advice(wish: Wish, rows: Sequence[VolumeService]) -> str:
    match wish.act:
        case VolumeAct.DISABLE:
            return "Cinder 28 and newer do nothing without a reason: leave --without-reason out"
        case VolumeAct.ENABLE:
            return (
                "Cinder 28 and newer do nothing at `enable`. Where its cinder-volume is up, "
                "`doctor-daemon cinder freeze` and then `thaw --and-enable` enable it"
            )
        case VolumeAct.FAILOVER if any(row.replication == "failover-error" for row in rows):
            return "the driver failed: see the log of cinder-volume"
        case VolumeAct.FAILOVER:
            return "is there a replication_device with this backend_id? See cinder-volume's log"
        case _:
            return "see the log of cinder-api"


def at_risk(wish: Wish, rows: Sequence[VolumeService]) -> tuple[VolumeService, ...]:
    """Return the services whose disabling an order may undo by the way.

    A thaw enables whatever somebody had disabled, and a freeze writes its own reason over theirs,
    so that the thaw after it could not tell. Only a freeze's own disabling is a thaw's to end.
    """
    if wish.act not in (VolumeAct.FREEZE, VolumeAct.THAW) or wish.enable:
        return ()
    return tuple(row for row in rows if row.disabled and row.reason != FROZEN)


def undone(
    wish: Wish, before: Sequence[VolumeService], after: Sequence[VolumeService]
) -> tuple[tuple[VolumeService, str], ...]:
    """Return the services whose disabling was lost by the way, and the reason to give it back."""
    now = {row.host: row for row in after}
    return tuple(
        (row, row.reason or NO_REASON)
        for row in at_risk(wish, before)
        if row.host in now
        if (now[row.host].status, now[row.host].reason) != (row.status, row.reason)
    )
