"""A daemon's store in a process of its own, to be killed or to run out of space.

python -m tests.stores.committer endless WHERE   commit for ever; print each id once it is saved
python -m tests.stores.committer bounded WHERE   commit until files may grow no more, and recover

WHERE is the path of an SQLite file, or the URL of an etcd.
"""

from __future__ import annotations

import asyncio
import resource
import sys
from dataclasses import replace
from itertools import count
from pathlib import Path

import structlog

from doctor_daemon.errors import Temporary
from doctor_daemon.ports import Store
from doctor_daemon.stores.etcd import EtcdStore
from doctor_daemon.stores.etcd_options import EtcdConfig
from doctor_daemon.stores.sqlite import SqliteConfig, SqliteStore
from tests.stores.values import audit_line, notice, opening

ROOM = 512 * 1024
"""Bytes to which any file may grow."""


async def endless(store: Store) -> None:
    """Commit from several tasks at once, so that the kill falls into a group."""
    term = await store.open()

    async def commit(lane: int) -> None:
        for number in count():
            id_ = f"{term}-{lane}-{number}"
            row = replace(notice(1, id_, id_=id_), id=id_)
            line = replace(audit_line(1), id=id_)
            change = replace(opening(id_, id_), notices=(row,), audit=(line,))
            await store.commit(change, term=term)
            print(id_, flush=True)

    async with asyncio.TaskGroup() as tasks:
        for lane in range(8):
            tasks.create_task(commit(lane))


async def bounded(store: Store) -> None:
    """Meet the limit, say how it was met, and go on when it is lifted."""
    term = await store.open()
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM, most))
    saved = 0
    try:
        for saved in range(10_000):
            await store.commit(opening(f"i{saved}", f"cmp-{saved}"), term=term)
    except Temporary as error:
        print(error)
    print(saved, len((await store.load()).incidents))
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    await store.commit(opening("after", "after"), term=term)
    print(len((await store.load()).incidents))
    await store.close()


if __name__ == "__main__":
    # What is printed is what was saved: the log goes elsewhere.
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    behaviour = {"endless": endless, "bounded": bounded}[sys.argv[1]]
    where = sys.argv[2]
    etcd = where.startswith("http:")
    made = (
        EtcdStore(EtcdConfig(endpoints=(where,), lease_s=5))
        if etcd
        else SqliteStore(SqliteConfig(path=Path(where)))
    )
    asyncio.run(behaviour(made))
