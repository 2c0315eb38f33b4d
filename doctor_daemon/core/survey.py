"""Where the taking out of a host stands, and what Nova has told of it.

What it comes to is decided in `retiring`; a restart has to know no more than this.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from doctor_daemon.core.host import ServerId
from doctor_daemon.core.incident import Incident, Sighting
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.retirement import NAMED_MAX, Course, Left, Retirement, Transit
from doctor_daemon.core.tries import Outcome


@dataclass(frozen=True, slots=True)
class Surveyed:
    """Nova has told what is left of the host; all of it was asked for after `asked_at`.

    Without a sighting Nova lists no compute service of it, and then nobody has asked for the rest.
    """

    number: int
    asked_at: Instant
    sighting: Sighting | None
    servers: tuple[ServerId, ...] = ()
    transits: tuple[Transit, ...] = ()
    whole: bool = True
    """Whether the list of services leaves nobody out: only then one without it says it is gone."""

    @property
    def left(self) -> Left:
        """Return what of it is kept."""
        seen = self.sighting
        under_way = tuple(str(one) for one in self.transits if not one.over)
        return Left(
            asked_at=self.asked_at,
            listed=seen is not None,
            forced_down=seen is not None and seen.forced_down,
            servers=self.servers[:NAMED_MAX],
            transits=under_way[:NAMED_MAX],
        )


def underway(incident: Incident) -> Retirement | None:
    """Return the order that is being followed, if there is one."""
    wish = incident.retirement
    return wish if wish and wish.step is not Course.OVER else None


def taken_up(incident: Incident, now: Instant) -> Incident:
    """Take it up again after a restart: a request may have been sent, and is read back."""
    wish = underway(incident)
    if wish is None:
        return incident
    if wish.step is Course.SHOWING:
        text = "not decommissioned: the daemon was restarted, and nothing was sent; order it again"
        return replace(incident.note(now, text), retirement=wish.ended())
    put = wish.put if wish.step is Course.COUNTING else Outcome.UNKNOWN
    counting = replace(wish.at(Course.COUNTING, now), put=put, left=None)
    return replace(incident, retirement=counting)
