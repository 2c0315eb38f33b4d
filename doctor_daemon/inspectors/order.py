"""Old news told from new, also where the network has turned them round (hazards A5 and A7).

Within one incident the core does this: what a source said before its last word changes nothing. But
an incident ends with the word that takes it back, and a "down" that was sent before that word and
arrives after it would open the next one. So what a source takes back is remembered here, by the
source's own clock or count, and for as long as evidence may be old; an accusation that it made
before is late and is not handed in.

In memory alone: what a restart forgets is the order of two requests that overtook one another just
then, within the age that evidence may have.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterable, Sequence

from doctor_daemon.core.evidence import Evidence, Verdict
from doctor_daemon.core.host import HostId
from doctor_daemon.core.instant import Instant
from doctor_daemon.inspectors.wire import Found
from doctor_daemon.ports.refusal import Refusal

REMEMBERED_MAX = 10_000

_Statement = tuple[HostId, str, bool]
"""Host, fingerprint, and whether the source counts its statements: a count is not a time."""
_Stamp = tuple[float, float]
NEVER: _Stamp = (-math.inf, -math.inf)


class Retractions:
    """What one source has lately said that is no accusation, by host and fingerprint."""

    def __init__(self, age_s: float) -> None:
        """Remember for `age_s` seconds, and so many statements at most."""
        self._age_s = age_s
        self._latest: OrderedDict[_Statement, tuple[_Stamp, Instant]] = OrderedDict()

    def late(self, batch: Sequence[Evidence]) -> list[bool]:
        """Tell of each piece of evidence whether the source has taken it back since.

        What stands in the same batch counts too: its statements may be in any order.
        """
        same = dict(_claims(batch))
        return [self._is_late(evidence, same.get(_of(evidence), NEVER)) for evidence in batch]

    def _is_late(self, evidence: Evidence, taken_back: _Stamp) -> bool:
        stamp = _stamp(evidence)
        if evidence.verdict is not Verdict.DOWN or stamp is None:
            return False
        return stamp < max(taken_back, self._claim(evidence))

    def remember(self, batch: Iterable[Evidence]) -> None:
        """Keep what was taken back; to be called when it is durable."""
        for evidence in batch:
            stamp = _stamp(evidence)
            if evidence.verdict is Verdict.DOWN or stamp is None:
                continue
            claim = max(stamp, self._claim(evidence))
            self._latest[_of(evidence)] = (claim, evidence.received_at)
            self._latest.move_to_end(_of(evidence))
        while len(self._latest) > REMEMBERED_MAX:
            self._latest.popitem(last=False)

    def _claim(self, evidence: Evidence) -> _Stamp:
        """Return when the source last took this back, by its clock or count; NEVER: not lately."""
        claim, at = self._latest.get(_of(evidence), (NEVER, evidence.received_at))
        return claim if evidence.received_at.since(at) <= self._age_s else NEVER


def _claims(batch: Sequence[Evidence]) -> Iterable[tuple[_Statement, _Stamp]]:
    """Yield what a batch takes back, the latest of each statement last."""
    claimed = [
        (stamp, _of(evidence))
        for evidence in batch
        if evidence.verdict is not Verdict.DOWN and (stamp := _stamp(evidence)) is not None
    ]
    for stamp, statement in sorted(claimed, key=lambda pair: pair[0]):
        yield statement, stamp


def _of(evidence: Evidence) -> _Statement:
    return evidence.host, evidence.fingerprint, evidence.serial is not None


def _stamp(evidence: Evidence) -> _Stamp | None:
    """Return what orders a source's statements: its own count, or else its own time."""
    if evidence.serial is not None:
        return evidence.serial.epoch, evidence.serial.number
    return None if evidence.claimed_s is None else (evidence.claimed_s, 0.0)


def too_old(found: Found, age_s: float, limit_s: float) -> Refusal | None:
    """Return the refusal (422) of a time that is too long ago, None where it is not."""
    if age_s <= limit_s:
        return None
    return Refusal(
        422,
        "too_old",
        f"it is {age_s:.0f} s old",
        field=found.field,
        expected=f"at most {limit_s:g} s: only news is acted on",
    )


def too_new(found: Found, ahead_s: float, limit_s: float) -> Refusal | None:
    """Return the refusal (422) of a time that is still to come, None where it is not."""
    if ahead_s <= limit_s:
        return None
    return Refusal(
        422,
        "from_the_future",
        f"it is {ahead_s:.0f} s ahead of the daemon's clock",
        field=found.field,
        expected=f"at most {limit_s:g} s ahead: see to the clocks",
    )
