"""The line of boundaries that a story crosses, and the point of it at which it is struck."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from tests.crash_points.skins import Crossing


class When(StrEnum):
    """At which side of a call a daemon is struck."""

    BEFORE = "before"  # nothing of it has left the daemon
    LOST = "lost"  # it is done, and its answer does not reach the daemon


class How(StrEnum):
    """What strikes a daemon, and who goes on."""

    RESTART = "restart"  # it dies, and is started again on the same boot
    REBOOT = "reboot"  # its machine dies, and starts it again
    TAKE_OVER = "take-over"  # it dies, and another daemon of its cluster takes over
    STANDSTILL = "standstill"  # it stands still, and wakes when another has taken over
    LIVES = "lives"  # it lives on: only the answer is lost

    @property
    def shared(self) -> bool:
        """Tell whether several daemons share the store."""
        return self in (How.TAKE_OVER, How.STANDSTILL)


@dataclass(frozen=True, slots=True)
class Point:
    """Where a telling of a story is struck."""

    number: int
    """Of the boundary, from 1."""
    name: str
    when: When
    how: How

    def __str__(self) -> str:
        return f"{self.number:03} {self.name}/{self.when}/{self.how}"


@dataclass
class Crossed:
    """One crossing of a line."""

    crossing: Crossing
    who: int
    """The number of the daemon that made it."""
    done: bool = False
    """Whether it had come to its end before the story was over."""


@dataclass
class Line:
    """Counts the boundaries that are crossed until the story is over."""

    point: Point | None = None
    crossed: list[Crossed] = field(default_factory=list)
    struck: bool = False
    over: bool = False

    def reached(self, crossing: Crossing, who: int) -> int:
        """Count a crossing; return its number, or 0 once the story is over."""
        if self.over:
            return 0
        self.crossed.append(Crossed(crossing, who))
        number = len(self.crossed)
        if self.point is not None and number == self.point.number and not self.struck:
            found = str(crossing)
            if found != self.point.name:
                msg = f"boundary {number} is {found}, and was {self.point.name}"
                raise AssertionError(msg)
        return number

    def done(self, number: int) -> None:
        """Take note of the end of a call."""
        if number and not self.over:
            self.crossed[number - 1].done = True

    def strikes(self, number: int, when: When) -> bool:
        """Tell whether it is here and now that the daemon is struck. It is so once."""
        point = self.point
        if self.struck or point is None or (point.number, point.when) != (number, when):
            return False
        self.struck = True
        return True


def points(crossed: Sequence[Crossed], how: How) -> Iterator[Point]:
    """Yield every point of a line at which a daemon is to be struck so.

    At what changes something: before it, and when it is done and its answer lost. *After* it is
    before whatever comes next, and that is always among these: it is another change, or the first
    question since. A daemon that dies forgets what it was told, so between two changes it is all
    one at which question it dies; one that stands still does not, and is stopped at each.
    """
    asked: set[str] = set()
    for number, one in enumerate(crossed, 1):
        crossing = one.crossing
        if how.shared and one.who > 1 and not (crossing.changing and how is How.TAKE_OVER):
            continue  # one that stands by: it is nobody whom another takes over from
        if crossing.changing:
            asked.clear()
            whens = [When.LOST] * one.done
            if how is not How.LIVES:
                whens.insert(0, When.BEFORE)
        else:
            same = crossing.name if how is How.STANDSTILL else ""
            whens = [] if how is How.LIVES or same in asked else [When.BEFORE]
            asked.add(same)
        yield from (Point(number, str(crossing), when, how) for when in whens)
