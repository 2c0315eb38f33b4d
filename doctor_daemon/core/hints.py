"""What a message of Nova's says of one server: a hint, until the next list says how it is.

Messages come late, twice, out of order or not at all, and each sender stamps them by a clock of its
own. Lists do not: what a list shows was so after it had been asked for. So the lists win, and what
a hint may do between two of them depends on what it would change:

- A server's place is told from its host, and early notices are made of that. To take a server
  from the host where a list has shown it, or to another one, the server must have been changed
  clearly after that list was asked for, by Nova's own clock.
- A server that no list has shown is put where the hint says, unless that is clearly older than the
  list: one too many is told of, and taken back with the next list.
- Of two hints about one server the one that was changed later counts, and of the same change the
  one that was sent later.
- Whose server it is, a hint never changes.

Nothing that is done to a host or to a server follows from a hint.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from doctor_daemon.core.host import Server

MARGIN_S = 2.0
"""Nova's times are in whole seconds, and its conductors' clocks are not one."""


@dataclass(frozen=True, slots=True)
class Hint:
    """A server and the host that it is said to be on; an empty host: on none, or gone."""

    server: Server
    host: str
    changed_s: float
    """When Nova changed it last, by Nova's own clock (Unix seconds)."""
    sent_s: float
    """When the message was sent, by the sender's clock (Unix seconds)."""

    def outdates(self, other: Hint) -> bool:
        """Tell whether this is the newer of two."""
        return (self.changed_s, self.sent_s) > (other.changed_s, other.sent_s)


class Taken(StrEnum):
    """What became of a hint."""

    TAKEN = "taken"
    STALE = "stale"  # a list knows better
    REPEATED = "repeated"  # a hint that is as new has come before
    FOREIGN = "foreign"  # the server is another project's
    UNSURE = "unsure"  # no list yet, or none that Nova has dated
    FULL = "full"  # too many since the last list


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a server without the hint that is judged."""

    server: Server | None = None
    """As the lists have shown it; None: they have not."""
    host: str = ""
    """Where the lists have shown it."""
    asked_there_s: float | None = None
    """When the newest list was asked for, by Nova's own clock; None: nobody can tell."""
    hint: Hint | None = None
    """The hint that counted until now."""


def judged(hint: Hint, known: Known) -> Taken:
    """Tell whether a hint counts, until the next list."""
    if known.asked_there_s is None:
        return Taken.UNSURE
    if known.server is not None and known.server.project != hint.server.project:
        return Taken.FOREIGN
    if known.hint is not None and not hint.outdates(known.hint):
        return Taken.REPEATED
    moves = known.host not in ("", hint.host)
    oldest_s = known.asked_there_s + (MARGIN_S if moves else -MARGIN_S)
    return Taken.TAKEN if hint.changed_s > oldest_s else Taken.STALE
