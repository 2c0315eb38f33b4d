"""Weighing: whether what stands against a host is enough to fence it, and what is missing if not.

The order in which words came makes no difference, only what stands and since when does. A kind
counts once, however many sources are of it and however often they repeat themselves. What came over
no authenticated way counts beside what did, and never by itself: two forged datagrams must not add
up to a dead host.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from doctor_daemon.core.corroboration import SHIPPED, Corroboration
from doctor_daemon.core.evidence import OPERATOR, Trust, Verdict, Word, Words
from doctor_daemon.core.instant import Instant

DOUBTS = (Trust.ALONE, Trust.SECOND, Trust.OPEN)
"""The most trusted first."""


def standing(
    words: Words, now: Instant, age_max_s: float, need: Corroboration = SHIPPED
) -> Iterator[Word]:
    """Yield the words that say down and are not too old, for anybody or for their source.

    Left out are those of sources that may not speak of the host (any more), or not as that kind.
    """
    for word in words.values():
        if not need.hears(word.source, word.kind):
            continue
        age_s = now.since(word.last)
        if word.verdict is Verdict.DOWN and age_s <= need.age_s(word.source, age_max_s):
            yield word


def after_life(words: Words) -> Words:
    """Return what was said against the host after it was last seen alive: life answers the rest."""
    seen = [word.last for word in words.values() if word.verdict is Verdict.UP]
    return {
        name: word
        for name, word in words.items()
        if word.verdict is Verdict.DOWN and all(word.last.since(at) > 0 for at in seen)
    }


def enough(words: Words, now: Instant, age_max_s: float, need: Corroboration = SHIPPED) -> bool:
    """Tell whether what stands suffices to fence.

    Either a source whose word is enough alone, or so many kinds within the window, of which one at
    least came over an authenticated way.
    """
    held = list(standing(words, now, age_max_s, need))
    if any(_alone(word, need) for word in held):
        return True
    return any(_add_up(together, need) for together in _windows(held, need.window_s))


def _alone(word: Word, need: Corroboration) -> bool:
    """Tell whether a word needs no other. One that is not authenticated always does."""
    if word.kind in need.never_alone or _trust(word, need) is Trust.OPEN:
        return False
    return _trust(word, need) is Trust.ALONE if need.alone is None else word.source in need.alone


def _trust(word: Word, need: Corroboration) -> Trust:
    """Return what a word can do: no more than when it was given, and no more than it could now."""
    if need.trusts is None or word.source.startswith(OPERATOR):
        return word.trust
    now = Trust(need.trusts.get(word.source, Trust.OPEN))
    return max(word.trust, now, key=DOUBTS.index)


def _add_up(words: Sequence[Word], need: Corroboration) -> bool:
    kinds = {word.kind for word in words}
    if len(kinds) < need.kinds or (len(kinds) == 1 and kinds <= need.never_alone):
        return False
    return any(_trust(word, need) is not Trust.OPEN for word in words)


def _windows(held: Sequence[Word], window_s: float) -> Iterator[list[Word]]:
    """Yield the words that stood together.

    Each stands from its first saying to `window_s` past its last. Whatever overlaps does so where
    one of them ends: more moments need not be seen.
    """
    for ends in held:
        yield [
            word
            for word in held
            if word.last.since(ends.last) >= 0 and ends.last.since(word.first) >= -window_s
        ]


def shortage(words: Words, now: Instant, age_max_s: float, need: Corroboration = SHIPPED) -> str:
    """Say what stands, and what it would take: for a human."""
    kinds = kinds_of(standing(words, now, age_max_s, need))
    count = "1 kind" if len(kinds) == 1 else f"{len(kinds)} kinds"
    named = f" ({', '.join(kinds)})" if kinds else ""
    window = f" within {need.window_s:g} s" if need.window_s < age_max_s else ""
    alone = "" if need.alone == frozenset() else ", or one that is enough alone"
    wanted = f"{need.kinds}{window}{alone}" if need.kinds > 1 else "one that is authenticated"
    return f"{count} of evidence{named}, and it takes {wanted}"


def kinds_of(words: Iterable[Word]) -> list[str]:
    """Name each kind once."""
    return sorted({word.kind for word in words})
