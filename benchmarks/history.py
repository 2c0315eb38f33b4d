"""A store with much history in it: copies of one real incident, which differ by what they must.

The incident is one that a daemon has had, to its end: made once, with as many servers and lines as
are wanted. In SQLite the copies are rows of one large transaction. In etcd those that are open are
committed by the store itself; those that are over are put where its own retention would have put
them, as the values that it would have made.
"""

from __future__ import annotations

import asyncio
import base64
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import astuple, dataclass, replace
from itertools import islice
from pathlib import Path

from aiohttp import ClientSession

from benchmarks.plan import Json
from doctor_daemon.core.incident import Incident, IncidentId
from doctor_daemon.core.phases import Phase
from doctor_daemon.ports import Change, NoticeRow
from doctor_daemon.stores.codec import ENTRY, SERVER, dump_head
from doctor_daemon.stores.etcd import EtcdStore
from doctor_daemon.stores.etcd_options import EtcdConfig
from doctor_daemon.stores.etcd_values import (
    CHANGE,
    OPENED,
    SHORT,
    Opened,
    Short,
    packed,
    past_key,
)
from doctor_daemon.stores.schema import claim

DAYS, DAY_S = 400, 86_400.0
"""Since when the first of them ended: as long as they are kept."""
AT_ONCE, KEYS_AT_ONCE = 50, 100
NOTICES = 3
"""What the operators were told of each: that it is suspected, forced down, and back."""


@dataclass(frozen=True, slots=True)
class Names:
    """What no two incidents have in common: an id, and what belongs to the host."""

    id: str
    host: str
    service: str
    """The id of its nova-compute's service."""
    machine: str
    """The UUID that its BMC gives."""
    digest: str
    """What its power devices are known by."""


@dataclass(frozen=True, slots=True)
class History:
    """One incident that is open and the same when it is over, to be copied."""

    opened: Incident
    notice: NoticeRow
    names: Names

    @property
    def over(self) -> Incident:
        """Return it as it is when it is over."""
        return self.opened.move(Phase.RESOLVED, self.opened.phase_at, "closed by an operator")

    def as_of(self, text: str, names: Names) -> str:
        """Return a text about it as one about a copy."""
        for old, new in zip(astuple(self.names), astuple(names), strict=True):
            text = text.replace(old, new)
        return text

    def told(self) -> tuple[NoticeRow, ...]:
        """Return what was told of it, each delivered."""
        return tuple(
            replace(
                self.notice,
                id=f"msg_{self.names.id}_{number}",
                sequence=number,
                state="delivered",
                attempts=1,
            )
            for number in range(1, NOTICES + 1)
        )

    def ended_s(self, number: int, count: int) -> float:
        """Return when one of so many ended, by the wall clock: they are spread over the days."""
        return self.opened.phase_at.wall_s - DAYS * DAY_S * (1 - (number + 1) / count)


def into_sqlite(
    path: Path, history: History, opened: Sequence[Names], over: Sequence[Names]
) -> None:
    """Make a database that holds all of them. It is not synchronised meanwhile."""
    connection, _ = claim(path)
    with closing(connection):
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("BEGIN")
        for rows, names, ended_s in _kinds(history, opened, over):
            _insert(connection, history, rows, (names, ended_s))
        connection.execute(
            "INSERT INTO sequences (consumer, cloud, host, last)"
            " SELECT consumer, cloud, host, max(sequence) FROM notices GROUP BY 1, 2, 3"
        )
        moment = astuple(history.opened.phase_at)
        connection.execute("UPDATE meta SET boot_id = ?, boot_s = ?, wall_s = ?", moment)
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


@dataclass(frozen=True, slots=True)
class _Rows:
    """One kind of incident as texts."""

    head: str
    phase: str
    entries: tuple[str, ...]
    servers: tuple[tuple[str, str], ...]
    told: tuple[NoticeRow, ...]

    @classmethod
    def of(cls, incident: Incident, told: tuple[NoticeRow, ...]) -> _Rows:
        """Return an incident so."""
        return cls(
            dump_head(replace(incident, version=1)),
            incident.phase.value,
            tuple(ENTRY.dumps(one) for one in incident.timeline),
            tuple((one.id, SERVER.dumps(one)) for one in incident.servers.values()),
            told,
        )


def _kinds(
    history: History, opened: Sequence[Names], over: Sequence[Names]
) -> Iterator[tuple[_Rows, Names, float | None]]:
    rows = _Rows.of(history.over, history.told())
    for number, names in enumerate(over):
        yield rows, names, history.ended_s(number, len(over))
    rows = _Rows.of(history.opened, ())
    for names in opened:
        yield rows, names, None


def _insert(
    connection: sqlite3.Connection,
    history: History,
    rows: _Rows,
    which: tuple[Names, float | None],
) -> None:
    (names, ended_s), opened_s = which, history.opened.opened_at.wall_s
    head = history.as_of(rows.head, names)
    connection.execute(
        "INSERT INTO incidents (id, cloud, host, phase, version, opened_wall_s, ended_wall_s, head)"
        " VALUES (?, 'default', ?, ?, 1, ?, ?, ?)",
        (names.id, names.host, rows.phase, opened_s, ended_s, head),
    )
    connection.executemany(
        "INSERT INTO entries (incident, seq, body) VALUES (?, ?, ?)",
        ((names.id, seq, history.as_of(body, names)) for seq, body in enumerate(rows.entries, 1)),
    )
    connection.executemany(
        "INSERT INTO servers (incident, id, body) VALUES (?, ?, ?)",
        ((names.id, id_, body) for id_, body in rows.servers),
    )
    connection.executemany(
        "INSERT INTO notices (id, consumer, project, cloud, host, incident, kind, sequence, body,"
        " state, attempts, error, gap_before, made_wall_s)"
        " SELECT ?, ?, '', 'default', ?, ?, ?, 1 + coalesce(max(sequence), 0), ?, ?, 1, '', 0, ?"
        " FROM notices WHERE consumer = ? AND cloud = 'default' AND host = ?",
        (
            (
                *(history.as_of(row.id, names), row.consumer, names.host, names.id, row.kind),
                *(history.as_of(row.body, names), row.state, ended_s, row.consumer, names.host),
            )
            for row in rows.told
        ),
    )


async def into_etcd(
    url: str, history: History, opened: Sequence[Names], over: Sequence[Names]
) -> None:
    """Have an etcd hold all of them."""
    store = EtcdStore(EtcdConfig.model_validate({"endpoints": [url]}))
    term = await store.open()
    try:
        waiting = iter(opened)
        while some := list(islice(waiting, AT_ONCE)):
            changes = (_opening(history, names) for names in some)
            await asyncio.gather(*(store.commit(change, term=term) for change in changes))
    finally:
        await store.close()
    async with ClientSession() as session:
        values = _values(history, over)
        while put := list(islice(values, KEYS_AT_ONCE)):
            body = {"success": [{"request_put": one} for one in put]}
            async with session.post(f"{url}/v3/kv/txn", json=body, raise_for_status=True) as answer:
                await answer.read()


def _opening(history: History, names: Names) -> Change:
    """Return the change that would have saved one that is open, all at once."""
    one = history.opened
    text = OPENED.loads(history.as_of(OPENED.dumps(Opened(1, one)), names)).head
    entries = tuple(ENTRY.loads(history.as_of(ENTRY.dumps(line), names)) for line in one.timeline)
    head = replace(text, version=1, timeline=entries, servers=one.servers)
    return Change(head=head, entries=entries, servers=tuple(one.servers.values()))


def _values(history: History, over: Sequence[Names]) -> Iterator[Json]:
    """Yield the keys and values of those that are over."""
    incident, told = replace(history.over, version=1), history.told()
    servers = tuple(incident.servers.values())
    parts = Change(entries=incident.timeline, servers=servers, notices=told)
    text = f"{OPENED.dumps(Opened(1, incident))}\n{CHANGE.dumps(parts)}"
    for number, names in enumerate(over):
        short = Short(
            id=IncidentId(names.id),
            host=replace(incident.host, name=names.host),
            order=number + 1,
            phase=incident.phase.value,
            opened_wall_s=incident.opened_at.wall_s,
            ended_wall_s=history.ended_s(number, len(over)),
            text=incident.timeline[-1].text,
            came_back=False,
            notices=tuple(history.as_of(row.id, names) for row in told),
            orders=(number + 1,) * len(told),
        )
        value = SHORT.dumps(short).encode() + b"\n" + packed(history.as_of(text, names))
        key = f"/doctor-daemon/{past_key(names.id)}".encode()
        yield {"key": _coded(key), "value": _coded(value)}


def _coded(some: bytes) -> str:
    return base64.b64encode(some).decode()


def id_of(number: int) -> str:
    """Return an id as long as real ones are."""
    return f"{number:012x}"
