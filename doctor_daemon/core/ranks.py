"""In which order the servers of a host are asked for: by rank, and the plan of it in words.

A server's priority is its own, or the highest of its group's, as instanceha has it: from 1 to 1000,
500 where nothing can be read, and the highest goes first. A group is one of a project: nobody
raises another's servers. All that have the same priority are one rank. The next rank begins once
each request of those before was taken on, or its server has an outcome; one that has failed and
waits for its next try holds nobody up, and neither does one that could not be sent many times.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from doctor_daemon.core.around import Around, room_words
from doctor_daemon.core.evacuation import Evacuation, Stage
from doctor_daemon.core.host import Selection, Server, ServerId
from doctor_daemon.core.selection import GROUP, PRIORITY

USUAL, LOWEST, HIGHEST = 500, 1, 1000
"""The last is also the number of ranks that there can be."""
RANKS_NAMED = 8
UNSENT_MAX = 6
"""Attempts in a row that could not be sent, over half a minute; then the next rank may begin."""
_BEGINNING = (Stage.WAITING, Stage.POSTING, Stage.CHECKING)
"""No request of it was taken on yet, and one is needed."""
_NUMBER = re.compile(r"[+-]?[0-9]{1,6}")


def ranked(
    records: Mapping[ServerId, Evacuation], selection: Selection
) -> Mapping[ServerId, Evacuation]:
    """Give each record its rank, from 1; one that is skipped has none."""
    movers = {id_: r.server for id_, r in records.items() if r.stage is not Stage.SKIPPED}
    found = _priorities(movers.values(), selection)
    order = sorted(set(found.values()), reverse=True)
    ranks = {priority: number for number, priority in enumerate(order, 1)}
    return {
        id_: replace(record, rank=ranks[found[id_]] if id_ in found else 0)
        for id_, record in records.items()
    }


def _priorities(servers: Iterable[Server], selection: Selection) -> Mapping[ServerId, int]:
    servers = tuple(servers)
    if not selection.ordered:
        return {server.id: USUAL for server in servers}
    groups: dict[tuple[str, str], int] = {}
    for server in servers:
        group = _group(server)
        groups[group] = max(groups.get(group, LOWEST), _priority(server))
    return {
        server.id: groups[_group(server)] if _group(server)[1] else _priority(server)
        for server in servers
    }


def _group(server: Server) -> tuple[str, str]:
    return server.project, server.tags.get(f"server:{GROUP}", "").strip()


def _priority(server: Server) -> int:
    """Read a whole number; anything else is as if nothing were there."""
    text = server.tags.get(f"server:{PRIORITY}", "").strip()
    return min(max(int(text), LOWEST), HIGHEST) if _NUMBER.fullmatch(text) else USUAL


def place(record: Evacuation) -> tuple[int, str]:
    """Return by what records are put in order: the same ones always in the same."""
    return record.rank, record.server.id


def open_rank(records: Iterable[Evacuation]) -> int:
    """Return the rank up to which requests may be sent."""
    held_up = (r.rank for r in records if r.stage in _BEGINNING and not _tried(r))
    return min(held_up, default=HIGHEST)


def _tried(record: Evacuation) -> bool:
    """Tell whether nobody waits any longer until a request of it is taken on."""
    return record.failures > 0 or record.unsent >= UNSENT_MAX


def unsent(records: Iterable[Evacuation]) -> str:
    """Say what keeps requests from being sent; empty: nothing does."""
    found = [record for record in records if record.unsent and not record.stage.ended]
    if not found:
        return ""
    why = next((record.why for record in found if record.why), "nobody knows why")
    return f"{len(found)} requests cannot be sent: {why}"


def told(records: Iterable[Evacuation], around: Around | None = None) -> str:
    """Say the plan in a line, and what is known of whether it can be carried out."""
    lines = [_order(tuple(records))]
    if around is not None:
        lines.append(room_words(around.room))
    if around is not None and around.roomless:
        lines.append(f"how many hosts could be chosen is not known: {around.roomless}")
    if around is not None and around.ungrouped:
        lines.append(f"which servers are kept apart is not known: {around.ungrouped}")
    return "; ".join(line for line in lines if line)


def _order(records: Sequence[Evacuation]) -> str:
    movers = [record for record in records if record.rank]
    counts = sorted(Counter(record.rank for record in movers).items())
    text = f"plan: {len(movers)} of {len(records)} servers are to be moved"
    if len(counts) <= 1:
        return text
    named = ", ".join(str(count) for _, count in counts[:RANKS_NAMED])
    more = ", …" if len(counts) > RANKS_NAMED else ""
    return f"{text}, in {len(counts)} ranks: {named}{more}"
