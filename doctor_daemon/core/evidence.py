"""Evidence: one source's word about one host, and how words add up to a suspicion.

Evidence is level-triggered: it never causes an action by itself, it only changes what stands, and
what stands is weighed. A repeated word refreshes the one that stands; it does not weigh more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from doctor_daemon.core.host import HostId
from doctor_daemon.core.instant import Instant

WORDS_MAX = 16
"""Words kept for one incident: a bound on its size."""
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
    first = old.first if old.verdict is evidence.verdict else evidence.received_at
    new = replace(
        old,
        verdict=evidence.verdict,
        trust=evidence.trust,
        first=first,
        last=evidence.received_at,
        count=old.count + 1,
        claimed_s=evidence.claimed_s,
        summary=evidence.summary[:SUMMARY_MAX],
    )
    return {**words, name: new}


def _room(words: Words) -> Words:
    """Make room for one more: what accuses stays longest, then what was said last."""
    if len(words) < WORDS_MAX:
        return words
    oldest = min(words, key=lambda name: (_accuses(words[name]), words[name].last.boot_s))
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
    )


def _reordered(old: Word, evidence: Evidence) -> bool:
    """Compare two claims of one source: its own clock against itself, never against ours."""
    if old.claimed_s is None or evidence.claimed_s is None:
        return False
    return evidence.claimed_s < old.claimed_s


def standing(words: Words, now: Instant, age_max_s: float) -> Iterator[Word]:
    """Yield the words that say down and are not too old."""
    for word in words.values():
        if _accuses(word) and now.since(word.last) <= age_max_s:
            yield word


def accused(words: Words) -> bool:
    """Tell whether any source has said down and not taken it back, however long ago."""
    return any(_accuses(word) for word in words.values())


def enough(words: Words, now: Instant, age_max_s: float) -> bool:
    """Tell whether what stands suffices to fence.

    Either a source that is trusted alone, or two kinds of evidence, of which one at least came
    over an authenticated way: two forged datagrams must not add up to a dead host.
    """
    held = list(standing(words, now, age_max_s))
    if any(word.trust is Trust.ALONE for word in held):
        return True
    kinds = {word.kind for word in held}
    return len(kinds) > 1 and any(word.trust is Trust.SECOND for word in held)
