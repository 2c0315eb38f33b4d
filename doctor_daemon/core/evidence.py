"""Evidence: one source's word about one host, and how words add up to a suspicion.

Evidence is level-triggered: it never causes an action by itself, it only changes what stands, and
what stands is weighed (in `weighing`). A repeated word refreshes the one that stands; it does not
weigh more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from doctor_daemon.core.host import HostId
from doctor_daemon.core.instant import Instant

WORDS_MAX = 16
"""Words kept for one incident: a bound on its size."""
OPERATOR = "operator:"
"""What the name of a source begins with that is a human, and no entry of the configuration."""
SUMMARY_MAX = 300
"""Characters kept of what a source adds in words."""


class Verdict(StrEnum):
    """What a source says of a host."""

    DOWN = "down"
    UP = "up"  # seen alive
    WITHDRAWN = "withdrawn"  # takes its own "down" back; says nothing about life


class Trust(StrEnum):
    """What a source's word can do."""

    ALONE = "alone"  # enough to fence
    SECOND = "second"  # needs a second kind of evidence
    OPEN = "open"  # as SECOND, and not authenticated: the second word must be


@dataclass(frozen=True, slots=True, order=True)
class Serial:
    """A sender's own count: a later statement has a greater one.

    The epoch grows where `number` begins anew: it is a count of starts, or the time of the last.
    """

    epoch: int
    number: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """One statement. `claimed_s` is the sender's own time (Unix seconds), None if it has none."""

    host: HostId
    verdict: Verdict
    source: str
    kind: str
    trust: Trust
    fingerprint: str
    """Which of the source's statements this is: a later one with the same print replaces it."""
    key: str
    """Idempotency key: the same key again is the same event."""
    received_at: Instant
    claimed_s: float | None = None
    summary: str = ""
    serial: Serial | None = None
    """Where the sender counts its statements: which one this is."""


@dataclass(frozen=True, slots=True)
class Word:
    """What stands of one source's statement: the latest verdict, first, last and how often."""

    verdict: Verdict
    source: str
    kind: str
    trust: Trust
    first: Instant
    last: Instant
    count: int = 1
    claimed_s: float | None = None
    summary: str = ""
    serial: Serial | None = None


Words = Mapping[str, Word]
"""`source/fingerprint` -> word."""


def fold(words: Words, evidence: Evidence) -> Words:
    """Fold one statement in. One that its source made before its last one changes nothing."""
    name = f"{evidence.source}/{evidence.fingerprint}"
    old = words.get(name)
    if old is None:
        return {**_room(words), name: _first(evidence)}
    if _reordered(old, evidence):
        return words
    if old.verdict is Verdict.UP and evidence.verdict is Verdict.WITHDRAWN:
        return words  # there is nothing to take back, and who was seen alive was seen alive
    same = (old.verdict, old.kind) == (evidence.verdict, evidence.kind)
    new = replace(
        old,
        verdict=evidence.verdict,
        kind=evidence.kind,
        trust=evidence.trust,
        first=old.first if same else evidence.received_at,
        last=evidence.received_at,
        count=old.count + 1,
        claimed_s=evidence.claimed_s,
        summary=evidence.summary[:SUMMARY_MAX],
        serial=evidence.serial,
    )
    return {**words, name: new}


def _room(words: Words) -> Words:
    """Make room for one more: no source crowds out what another one has said last.

    What was taken back goes first, then what its source says in another statement too, and of that
    what accuses last.
    """
    if len(words) < WORDS_MAX:
        return words
    voices = Counter((word.source, word.verdict) for word in words.values())

    def worth(name: str) -> tuple[bool, bool, bool, float]:
        word = words[name]
        only = voices[word.source, word.verdict] == 1
        return word.verdict is not Verdict.WITHDRAWN, only, _accuses(word), word.last.boot_s

    oldest = min(words, key=worth)
    return {name: word for name, word in words.items() if name != oldest}


def _accuses(word: Word) -> bool:
    return word.verdict is Verdict.DOWN


def _first(evidence: Evidence) -> Word:
    return Word(
        verdict=evidence.verdict,
        source=evidence.source,
        kind=evidence.kind,
        trust=evidence.trust,
        first=evidence.received_at,
        last=evidence.received_at,
        claimed_s=evidence.claimed_s,
        summary=evidence.summary[:SUMMARY_MAX],
        serial=evidence.serial,
    )


def _reordered(old: Word, evidence: Evidence) -> bool:
    """Compare two claims of one source: its own count or clock against itself, never with ours.

    The same number again is the same statement on a second way, and no fresh one; the same time is
    a repetition.
    """
    if old.serial is not None and evidence.serial is not None:
        return evidence.serial <= old.serial
    if old.claimed_s is None or evidence.claimed_s is None:
        return False
    return evidence.claimed_s < old.claimed_s


def accused(words: Words) -> bool:
    """Tell whether any source has said down and not taken it back, however long ago."""
    return any(_accuses(word) for word in words.values())
