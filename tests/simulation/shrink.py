"""A failing seed, made as small as it gets while it fails in the same way, and told in words.

First there are fewer daemons, then fewer hosts, then fewer kinds of faults, then fewer strokes of
them; each is left out for good where the same violation is found without it. What is left out
changes what comes after it, so it is the shape of the violation that has to be the same: its
sentence without the numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from doctor_daemon.engine.engine import Engine
from tests.simulation.less import Less, shape
from tests.simulation.story import Verdict, tell

T = TypeVar("T", bound=Hashable)
TOLD_MAX = 150
"""How many stories are told at the most: about a second each."""
AFTER_S = 1.0
ROUNDS = 2


@dataclass
class Shrunk:
    """What is left of a seed."""

    less: Less
    verdict: Verdict
    whole: Verdict
    told: int
    """How many stories it took."""

    @property
    def violation(self) -> str:
        """The first one of the shape that was looked for."""
        return _first(self.verdict, self.less.until)

    def story(self) -> str:
        """Tell it up to the violation."""
        one, all_ = self.verdict, self.whole
        head = (
            f"seed {one.seed}, told {self.told} times: {one.daemons} of {all_.daemons} daemons, "
            f"{len(one.hosts)} of {len(all_.hosts)} hosts, {len(one.strikes)} of "
            f"{len(all_.strikes)} strokes of fate"
        )
        return f"{head}\n{one.chronicle.told(_sentence(self.violation))}"


class Shrinker:
    """Leaves out of one seed what it can."""

    def __init__(
        self, seed: int, make: Callable[..., Engine] = Engine, most: int = TOLD_MAX
    ) -> None:
        self._seed, self._make, self._most = seed, make, most
        self._told = 1
        self._whole = self._best = tell(seed, make)
        found = self._whole.violations
        self._shape = shape(_sentence(found[0])) if found else ""
        self._less = Less(until=self._shape)

    def shrink(self) -> Shrunk | None:
        """Return what is left; None: this seed breaks nothing."""
        if not self._shape:
            return None
        for _ in range(ROUNDS):
            self._smaller()
            self._without(sorted({kind for kind, _ in self._best.strikes}), self._no_kinds)
            self._without(self._best.strikes, self._no_strikes)
        at_s = float(_first(self._best, self._shape).partition(" s: ")[0])
        self._holds(replace(self._less, trouble_s=at_s + AFTER_S))
        return Shrunk(self._less, self._best, self._whole, self._told)

    def _smaller(self) -> None:
        for count in range(1, self._best.daemons):
            if self._holds(replace(self._less, daemons=count)):
                break
        self._without(self._best.hosts, self._no_hosts)

    def _no_hosts(self, names: Sequence[str]) -> Less:
        return replace(self._less, hosts=self._less.hosts | set(names))

    def _no_kinds(self, names: Sequence[str]) -> Less:
        return replace(self._less, kinds=self._less.kinds | set(names))

    def _no_strikes(self, ones: Sequence[tuple[str, int]]) -> Less:
        return replace(self._less, strikes=self._less.strikes | set(ones))

    def _without(self, parts: Sequence[T], less: Callable[[Sequence[T]], Less]) -> None:
        """Leave out what can be: all of it, then halves, quarters, and in the end one by one."""
        left, size = list(parts), len(parts)
        while size > 0:
            place = 0
            while place < len(left):
                if self._holds(less(left[place : place + size])):
                    del left[place : place + size]
                else:
                    place += size
            size //= 2

    def _holds(self, less: Less) -> bool:
        """Tell the story once more, and keep it where the same is wrong, and no more has struck."""
        if self._told >= self._most:
            return False
        self._told += 1
        verdict = tell(self._seed, self._make, less)
        if not _first(verdict, self._shape) or len(verdict.strikes) > len(self._best.strikes):
            return False
        self._less, self._best = less, verdict
        return True


def _first(verdict: Verdict, wanted: str) -> str:
    found = (text for text in verdict.violations if shape(_sentence(text)) == wanted)
    return next(found, "")


def _sentence(violation: str) -> str:
    return violation.partition(": ")[2]
