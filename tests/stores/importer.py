"""An import in a process of its own, to be killed before its end.

python -m tests.stores.importer sqlite PATH FILE RECORDS
python -m tests.stores.importer etcd "URL PREFIX" FILE RECORDS

RECORDS -1: as soon as it leads, before anything but its claim is written to etcd.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from doctor_daemon.ports.moving import Record
from doctor_daemon.stores.etcd_alone import alone
from doctor_daemon.stores.etcd_options import EtcdConfig
from doctor_daemon.stores.moved_file import reading
from tests.stores.movers import Place, of_etcd, of_sqlite


def place(kind: str, where: str) -> Place:
    if kind == "sqlite":
        return of_sqlite(Path(where))
    return of_etcd(below(where))


def below(where: str) -> EtcdConfig:
    url, prefix = where.split()
    return EtcdConfig(endpoints=(url,), prefix=prefix, timeout_s=3.0, lease_s=60)


async def stopped(records: Iterator[Record], most: int) -> AsyncIterator[Record]:
    """Yield so many records, and then wait for as long as it takes."""
    for number, record in enumerate(records):
        if number == most:
            await waiting()
        yield record


async def leading(config: EtcdConfig) -> None:
    """Do what an import begins with, and no more."""
    async with alone(config, importing=True):
        await waiting()


async def waiting() -> None:
    print("it waits", flush=True)
    await asyncio.to_thread(sys.stdin.readline)


def main(kind: str, where: str, file: Path, most: int) -> None:
    if most < 0:
        asyncio.run(leading(below(where)))
        return
    with reading(file) as (inventory, records):
        asyncio.run(place(kind, where).moving.fill(inventory, stopped(records, most)))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]))
