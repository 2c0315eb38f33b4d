"""What was done to the real cloud, in the form in which the lab's record has it, and judged alike.

Starts and stops of guests are those of the hypervisors' own record, changes of power those of the
BMCs, and requests those that the proxy before Nova has passed on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from doctor_daemon.lab.consumer import Receipt, Verdict
from doctor_daemon.lab.record import Entry, Kind
from tests.openstack.consumer import Notice
from tests.openstack.evacuations import Move, server_of
from tests.openstack.guests import Event, ForcedDown
from tests.openstack.proxy import Passed
from tests.openstack.rack import Change

OK = 200
DONE, FAILED = ("done", "completed"), ("error", "failed")
_GUEST = {"start": Kind.GUEST_START, "stop": Kind.GUEST_STOP}
_POWER = {"On": Kind.POWER_ON, "Off": Kind.POWER_OFF}


def guests(events: Iterable[Event]) -> Iterator[Entry]:
    for one in events:
        yield Entry(one.mono, _GUEST[one.event], one.host, one.server)


def powers(host: str, changes: Iterable[Change]) -> Iterator[Entry]:
    for one in changes:
        yield Entry(one.mono, _POWER[one.power], host)


def flags(forced_downs: Iterable[ForcedDown]) -> Iterator[Entry]:
    for one in forced_downs:
        yield Entry(one.since, Kind.FORCED_DOWN, one.host)


def evacuations(
    posts: Iterable[Passed], moves: Iterable[Move], homes: Mapping[str, str]
) -> Iterator[Entry]:
    """Yield the requests that Nova got, each with the host that the server was on by then.

    A request does not name it: Nova's own record of what came of the request does.
    `homes`: where each server was booted.
    """
    rows, at = _by_server(moves), dict(homes)
    for post in posts:
        assert post.forwarded is not None
        server = server_of(post)
        row = rows[server].pop(0) if post.status == OK and rows[server] else None
        yield Entry(post.forwarded, Kind.EVACUATE, row.source if row else at[server], server)
        if row and row.status in DONE:
            at[server] = row.to


def receipts(name: str, notices: Iterable[Notice], refused: Iterable[str]) -> Iterator[Receipt]:
    """Yield what one consumer was told; `refused`: why it has said no, each time that it has."""
    first: dict[str, Mapping[str, Any]] = {}
    for one in notices:
        known = first.setdefault(one.id, one.event)
        again = Verdict.REPEATED if known == one.event else Verdict.CHANGED
        verdict = Verdict.NEW if known is one.event else again
        yield Receipt(one.mono, name, verdict, one.id, dict(one.event))
    for why in refused:
        yield Receipt(0.0, name, Verdict.REFUSED, "", why=why)


def blind(posts: Sequence[Passed], moves: Sequence[Move]) -> Iterator[str]:
    """Name the servers that Nova was asked for while an evacuation of theirs was under way."""
    answers: dict[str, list[int | None]] = defaultdict(list)
    for post in posts:
        answers[server_of(post)].append(post.status)
    rows = _by_server(moves)
    for server, statuses in answers.items():
        if statuses.count(OK) != len(rows[server]):
            yield f"{server}: {statuses} were answered, and Nova has {len(rows[server])} rows"
        if any(status != OK for status in statuses[1:]):
            yield f"{server} was asked for again, and Nova refused that: {statuses}"
        for earlier, later in pairwise(rows[server]):
            if not _over(earlier, later):
                yield f"{server} was asked for again while it was on its way: {earlier}, {later}"


def _over(earlier: Move, later: Move) -> bool:
    """Whether an evacuation had ended when the next one of the same server was asked for."""
    if earlier.status in DONE:
        return earlier.to == later.source
    return earlier.status in FAILED and earlier.updated <= later.created


def _by_server(moves: Iterable[Move]) -> defaultdict[str, list[Move]]:
    found: defaultdict[str, list[Move]] = defaultdict(list)
    for move in moves:
        found[move.server].append(move)
    return found
