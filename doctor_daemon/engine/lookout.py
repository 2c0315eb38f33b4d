"""What is known of all hosts together: since when we watch, and who has come back how often.

One host's failure is judged by what happens to the others too. Everything here is read and changed
on the event loop only, as `ward` has it.
"""

from __future__ import annotations

from doctor_daemon.core.host import HostId
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.policy import Policy

RETURNS_MAX = 100


class Lookout:
    """What the gates of the fleet are asked about."""

    def __init__(self) -> None:
        """Know nothing: the engine says when it has taken over, and what came back before."""
        self.began: Instant | None = None
        """When this daemon took over; None: not yet."""
        self.returned: dict[HostId, list[float]] = {}
        """Host -> when its incidents ended with its return, by the wall clock."""

    def warm_at(self, policy: Policy) -> Instant | None:
        """Return until when the daemon only watches; None: it has not begun, or cuts at once."""
        began, warm_up_s = self.began, policy.warm_up_s
        return began.plus(warm_up_s) if began and warm_up_s else None

    def warm_up_left_s(self, now: Instant, policy: Policy) -> float:
        """Return for how long no power is cut yet."""
        warm_at = self.warm_at(policy)
        return max(0.0, -now.since(warm_at)) if warm_at else 0.0

    def came_back(self, host: HostId, wall_s: float) -> None:
        """Note that a host is back in service; only the last few times are of any interest."""
        self.returned[host] = [*self.returned.get(host, ()), wall_s][-RETURNS_MAX:]

    def returns(self, host: HostId, now: Instant, policy: Policy) -> int:
        """Count by the wall clock: these are days, and incidents of other boots count too."""
        window_s = policy.flap_window_s
        return sum(now.wall_s - at_s <= window_s for at_s in self.returned.get(host, ()))
