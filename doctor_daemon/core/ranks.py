"""In which order the servers of a host are asked for: by rank, and the plan of it in words.

A server's priority is its own, or the highest of its group's, as instanceha has it: from 1 to 1000,
500 where nothing can be read, and the highest goes first. A group is one of a project: nobody
raises another's servers. All that have the same priority are one rank. The next rank begins once
each request of those before was taken on, or its server has an outcome; one that has failed and
waits for its next try holds nobody up.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace

from doctor_daemon.core.evacuation import Evacuation, Stage
from doctor_daemon.core.host import Selection, Server, ServerId
from doctor_daemon.core.selection import GROUP, PRIORITY

USUAL, LOWEST, HIGHEST = 500, 1, 1000
"""The last is also the number of ranks that there can be."""
RANKS_NAMED = 8
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
    held_up = [record.rank for record in records if not _begun(record)]
    return min(held_up, default=HIGHEST)


def _begun(record: Evacuation) -> bool:
    """Tell whether a request of it was ever taken on, or none is needed any more."""
    return record.stage is Stage.UNDER_WAY or record.stage.ended or record.failures > 0


def told(records: Iterable[Evacuation]) -> str:
    """Say the plan in a line."""
    records = tuple(records)
    movers = [record for record in records if record.rank]
    counts = sorted(Counter(record.rank for record in movers).items())
    text = f"plan: {len(movers)} of {len(records)} servers are to be moved"
    if len(counts) <= 1:
        return text
    named = ", ".join(str(count) for _, count in counts[:RANKS_NAMED])
    more = ", …" if len(counts) > RANKS_NAMED else ""
    return f"{text}, in {len(counts)} ranks: {named}{more}"
