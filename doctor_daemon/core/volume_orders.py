"""An operator's order about Cinder, as it is kept: given before it is sent, and ended in words.

Cinder goes on with what it was asked for whatever becomes of the daemon. So an order is saved with
all that is needed to judge it later: by a daemon that finds it without an end, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from doctor_daemon.core.host import HostId
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.log_levels import LevelWish, LogLevels
from doctor_daemon.core.tries import Outcome
from doctor_daemon.core.volumes import End, Finding, VolumeService, Wish, at_risk, undone

ORDER = "order"
LOOK = "look with `doctor-daemon cinder services`"
LEFT = (Outcome.UNKNOWN, "the daemon ended while it was under way")
"""How an order stands of which only its beginning is known."""


@dataclass(frozen=True, slots=True)
class VolumeOrder:
    """One order: who gave it, why, and its end, once it has one. Its number is never used again."""

    number: int
    by: str
    why: str
    at: Instant
    wish: Wish | None = None
    levels: LevelWish | None = None
    """In the place of `wish`: an order about log levels."""
    kept: tuple[VolumeService, ...] = ()
    """Services that somebody had disabled before it was sent, and that it may enable by the way."""
    finding: Finding | None = None
    until: HostId | None = None
    """About log levels: they are put back once nothing of this host is open any more."""
    before: tuple[LogLevels, ...] = ()
    """The levels that they are put back to."""
    put_back: Finding | None = None
    """What has become of that."""

    @property
    def over(self) -> bool:
        """Tell whether nothing more is to come of it."""
        return self.finding is not None and (self.until is None or self.put_back is not None)

    @property
    def owner(self) -> str:
        """Return by what name it reserves what it is about."""
        return f"{ORDER} {self.number}"

    @property
    def name(self) -> str:
        return self.wish.act.value if self.wish else "set-log"

    @property
    def target(self) -> str:
        """Say what it is about. No two orders about the same run at a time."""
        if self.wish is not None:
            return str(self.wish.target)
        return str(self.levels.scope) if self.levels else "nothing"


def unread(
    wish: Wish, before: Sequence[VolumeService], answer: tuple[Outcome, str], error: str
) -> Finding:
    """Say that an order could not be read back, and whose disabling it may have undone."""
    outcome, words = answer
    text = f"{words}; it could not be read back: {error}"
    if outcome is Outcome.REFUSED:
        return Finding(End.UNKNOWN, text, LOOK)
    risked = at_risk(wish, before)
    for row in risked:
        text += f"; {row.host} had been disabled ({_reason(row)}), and may be so no more"
    again = "".join(f"; disable {row.host} again if it is enabled" for row in risked)
    return Finding(End.UNKNOWN, text, f"{LOOK}{again}")


def mourned(
    finding: Finding, wish: Wish, kept: Sequence[VolumeService], rows: Sequence[VolumeService]
) -> Finding:
    """Say whose disabling was lost by an order that was not followed to its end."""
    for row, _ in undone(wish, kept, rows):
        finding = replace(
            finding,
            end=End.NOT_ACHIEVED,
            text=f"{finding.text}; {row.host} had been disabled ({_reason(row)}), and is not so "
            "any more",
            advice=f"disable {row.host} again",
        )
    return finding


def _reason(row: VolumeService) -> str:
    return row.reason or "no reason"
