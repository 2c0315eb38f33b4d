"""By what a host with a watchdog lives, and when it has certainly died.

The agent feeds the watchdog while it holds a lease. Each acknowledgement extends it: to `lease_s`
after the agent had *asked*, not after it was answered, so that an answer which was held back on the
way is worth no more than a quick one. The daemon has sent an answer no earlier than that.

So a boot of a host has ended, once no acknowledgement was sent to it, within

- `lease_s`, until the agent feeds no more;
- three times `timeout_s`: the last feeding may come so late, by an agent that was stopped between a
  look at its lease and the feeding (longer, and it has fired meanwhile); the kernel feeds once more
  when a watchdog is closed without being stopped, as when the agent is killed, which may be as much
  later again; and then it has to fire (`watchdog_release` in drivers/watchdog/watchdog_dev.c);
- `DRIFT` of all that: the host's clock, ours, and the one in the watchdog go at different rates;
- `MARGIN_S`, which hardware may take to act on it, and the daemon to write a time down.
"""

from __future__ import annotations

from collections import OrderedDict

ASK_EVERY_S = 5.0
"""How often an agent asks."""
LOST = 6
"""So many questions or answers in a row may be lost, and a host lives on."""
DRIFT = 0.05
MARGIN_S = 10.0
LEASE_MIN_S, LEASE_MAX_S = 60.0, 3600.0
TIMEOUT_MIN_S, TIMEOUT_MAX_S = 10, 600
PENDING_MAX = 64
"""Questions that an answer may still be for."""


def off_after_s(lease_s: float, timeout_s: float) -> float:
    """Return how long after the last acknowledgement a boot has certainly ended, in seconds."""
    return (lease_s + 3 * timeout_s) * (1 + DRIFT) + MARGIN_S


def least_lease_s(restart_s: float) -> float:
    """Return the shortest lease with which no host dies of a restart of the daemon, in seconds."""
    return restart_s + LOST * ASK_EVERY_S


class Lease:
    """One agent's. It has no clock: whoever asks says what time it is, in seconds since boot."""

    def __init__(self, lease_s: float) -> None:
        """Begin without one."""
        self._lease_s = lease_s
        self._until_s = float("-inf")
        self._asked: OrderedDict[int, float] = OrderedDict()

    def asked(self, sequence: int, now_s: float) -> None:
        """Note a question, before it is sent."""
        self._asked[sequence] = now_s
        while len(self._asked) > PENDING_MAX:
            self._asked.popitem(last=False)

    def answered(self, sequence: int, *, fed: bool) -> bool:
        """Note an answer; tell whether this question was open: each is answered once."""
        at_s = self._asked.pop(sequence, None)
        if at_s is None:
            return False
        if fed:
            self._until_s = max(self._until_s, at_s + self._lease_s)
        return True

    def stands(self, now_s: float) -> bool:
        """Tell whether the watchdog may be fed."""
        return now_s < self._until_s
