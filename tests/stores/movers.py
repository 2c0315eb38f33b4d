"""Stores of each kind that a state is moved between, all that one can hold, and all it is asked."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from doctor_daemon.core.audit import Part
from doctor_daemon.core.context import Charge
from doctor_daemon.core.incident import IncidentId
from doctor_daemon.core.upkeep import Turn, Upkeep
from doctor_daemon.ports import Change, Delivery, Store, Wanted
from doctor_daemon.ports.moving import Inventory, Moving, Record
from doctor_daemon.ports.replays import Floor, Spent
from doctor_daemon.stores.etcd import EtcdStore
from doctor_daemon.stores.etcd_options import EtcdConfig
from doctor_daemon.stores.memory import MemoryConfig, MemoryStore
from doctor_daemon.stores.moved_file import check_sum, reading, written
from doctor_daemon.stores.sqlite import SqliteConfig, SqliteStore
from tests.contracts.store_disk import first
from tests.stores.test_etcd_walk import Walk
from tests.stores.values import (
    at,
    audit_line,
    evidence,
    host,
    notice,
    rich,
    server,
    volume_order,
    volume_task,
)

CLOSED_MAX = 1000


@dataclass(frozen=True, slots=True)
class Place:
    """Where a state can be: it is opened as a daemon opens it, or moved."""

    store: Callable[[], Store]
    moving: Moving


def of_sqlite(path: Path) -> Place:
    config = SqliteConfig(path=path)
    return Place(lambda: SqliteStore(config), SqliteStore.Moving(config))


def of_etcd(config: EtcdConfig) -> Place:
    return Place(lambda: EtcdStore(config), EtcdStore.Moving(config))


async def exported(place: Place, file: Path) -> Path:
    """Write all that is at a place to a file."""
    async with place.moving.given() as (inventory, records):
        with written(file, inventory) as write:
            async for record in records:
                write(record)
    return file


async def imported(place: Place, file: Path, most: int = sys.maxsize) -> None:
    """Put a file into a place. It is interrupted after `most` records."""
    check_sum(file)
    with reading(file) as (inventory, records):
        await place.moving.fill(inventory, cut_off(records, most))


class CutOff(Exception):
    """Whatever may end an import before its end."""


async def cut_off(records: Iterator[Record], most: int) -> AsyncIterator[Record]:
    for number, record in enumerate(records):
        if number >= most:
            raise CutOff
        yield record


def read(file: Path) -> tuple[Inventory, Sequence[Record]]:
    """Return all that is in a file."""
    with reading(file) as (inventory, records):
        return inventory, tuple(records)


def beside() -> Change:
    """Return a change in which everything stands that a walk has nothing of."""
    name, id_ = "cmp-9", IncidentId("rich")
    told = tuple(notice(n, name, id_=id_) for n in (1, 2, 3))
    upkeep = Upkeep(host("cmp-7"), IncidentId("u-1"), Turn.BEGUN, at(1), (server("s1"),))
    of_upkeep = replace(notice(1, "cmp-7", id_="u-1"), kind="maintenance")
    return replace(
        first("carol"),
        head=replace(rich(), id=id_, host=host(name)),
        notices=(told[0], of_upkeep, *told[1:]),
        charges=tuple(Charge(id_, number, "rack", at(number)) for number in (1, 2)),
        evidence=(evidence("k-rich", summary="déjà vu"),),
        upkeep=(upkeep,),
        orders=tuple(volume_order(number, over=number != 2) for number in (1, 2, 3)),
        tasks=tuple(volume_task(number, over=number != 2) for number in (1, 2, 3)),
        spent=(Spent("am", "b", 7), Spent("am", "a", 9)),
        floors=(Floor("zabbix", 3),),
        audit=tuple(audit_line(n, n, part) for n in range(1, 301) for part in tuple(Part)[:2]),
    )


async def walked(store: Store, term: int, seed: int) -> Walk:
    """Put everything into a store that it can hold, as by many days of service."""
    memory = MemoryStore(MemoryConfig(closed_max=CLOSED_MAX))
    walk = Walk(seed, ((memory, await memory.open()), (store, term)))
    await walk.commit(beside())
    ends = [Delivery(f"msg-vnfm-cmp-9-{n}", how, n) for n, how in ((1, "delivered"), (2, "dead"))]
    for one, of in walk.stores:
        await one.deliveries(ends, term=of)
    await walk.go()
    return walk


async def answers(walk: Walk, store: Store) -> list[object]:
    """Return all that a store answers."""
    page = await store.audit(0, 1000)
    ids = frozenset({"msg-vnfm-cmp-9-1", "msg-vnfm-cmp-9-2", "msg-vnfm-cmp-7-1"})
    return [
        *await walk.answers(store),
        await store.find(IncidentId("rich")),
        await store.said("am", 1000),
        await store.given_up(),
        await store.notices(Wanted(ids=ids), 10),
        await store.headings(host("cmp-9"), 10),
        page,
    ]
