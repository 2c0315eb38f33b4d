"""What a source that looks by itself says: every change, what stands now and then, and no more.

A monitor that sends alerts decides by itself when to say what. One that looks every few seconds
sees the same host up ten thousand times a day, and each statement that is handed in is saved. So:

- *down* is said at once, and again a few times within the age that evidence may have, as the same
  event: a word that is not repeated grows too old to act on;
- *up* ends an accusation, and is said again and again only while the host has an open incident,
  whoever opened it: then it is a sign of life that somebody waits for, and otherwise it is nothing.
  What may have been seen before the host was called down is none: who has just died was alive then;
- *withdrawn* is said once;
- what could not be seen is not said, and leaves what was said before to grow old.

What was handed in and was not saved counts as not said.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from doctor_daemon.core.evidence import Evidence, Trust, Verdict
from doctor_daemon.core.host import HostId
from doctor_daemon.core.instant import Instant
from doctor_daemon.inspectors.wire import cleaned, digest
from doctor_daemon.ports import Intake, SourceTerms
from doctor_daemon.ports.surroundings import Concern, Surroundings

LIFE_S = 10.0
"""How often a host with an open incident is said to be alive."""
REPEATS = 5
"""How often an accusation is repeated within the age that evidence may have."""
BATCH_MAX = 500


@dataclass(frozen=True, slots=True)
class View:
    """How a host was seen in one round."""

    host: HostId
    verdict: Verdict
    kind: str
    summary: str
    fingerprint: str = ""
    """Which of several statements about the host this is; the kind, where there is but one."""
    since: Instant | None = None
    """What was seen happened after this. None: after the host was called down, if it was."""

    @property
    def print(self) -> str:
        """The fingerprint of its evidence."""
        return self.fingerprint or self.kind


@dataclass(frozen=True, slots=True)
class Said:
    """What was last said of a host: since when, and when last."""

    verdict: Verdict
    since: Instant
    last: Instant


class Voice:
    """Says what one source has seen."""

    def __init__(self, terms: SourceTerms, trust: Trust | None = None) -> None:
        """Begin with nothing said; `trust` in the place of the terms' own."""
        self._terms = terms
        self._trust = trust or terms.trust
        self._said: dict[tuple[HostId, str], Said] = {}
        self.around = Surroundings()

    def said(self, host: HostId, fingerprint: str) -> Verdict | None:
        """Return what was last said of a host."""
        said = self._said.get((host, fingerprint))
        return said.verdict if said else None

    async def say(self, views: Iterable[View], intake: Intake) -> None:
        """Hand in what is worth saying. Raise Temporary when it could not be made durable."""
        now = intake.now()
        news = [(view, said) for view in views if (said := self._news(view, now)) is not None]
        for start in range(0, len(news), BATCH_MAX):
            batch = news[start : start + BATCH_MAX]
            await intake.submit([self._evidence(view, said) for view, said in batch])
            self._said |= {(view.host, view.print): said for view, said in batch}

    def _news(self, view: View, now: Instant) -> Said | None:
        """Return what is to be said of a view; None: nothing."""
        old = self._said.get((view.host, view.print))
        if view.verdict is Verdict.UP and not self._answers(view, old):
            return None
        if old is None or old.verdict is not view.verdict:
            accused = old is not None and old.verdict is Verdict.DOWN
            heard = view.verdict is Verdict.DOWN or accused or self._concerned(view.host)
            return Said(view.verdict, now, now) if heard else None
        age_s = now.since(old.last)
        if view.verdict is Verdict.DOWN and age_s >= self._terms.evidence_age_s / REPEATS:
            return Said(view.verdict, old.since, now)
        if view.verdict is Verdict.UP and age_s >= LIFE_S and self._concerned(view.host):
            return Said(view.verdict, now, now)  # life is new each time that it is seen
        return None

    def _answers(self, view: View, old: Said | None) -> bool:
        """Tell whether a sign of life came after the host was called down.

        What this source itself has called down was not alive to it then.
        """
        opened_at = self.around.opened(view.host)
        if view.since is None or opened_at is None or view.since.since(opened_at) >= 0:
            return True
        return old is not None and old.verdict is Verdict.DOWN

    def _concerned(self, host: HostId) -> bool:
        return self.around.concern(host) is not Concern.NONE

    def _evidence(self, view: View, said: Said) -> Evidence:
        since = f"{said.since.boot_id} {said.since.boot_s:.6f}"
        return Evidence(
            host=view.host,
            verdict=view.verdict,
            source=self._terms.name,
            kind=view.kind,
            trust=self._trust,
            fingerprint=view.print,
            key=f"{self._terms.name}|{digest(view.host.name, view.print, view.verdict, since)}",
            received_at=said.last,
            summary=cleaned(view.summary),
        )
