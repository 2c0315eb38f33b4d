"""A daemon's store in a process of its own, to be killed or frozen while it leads.

python -m tests.stores.etcd_leader URL PREFIX LEASE_S

It says that it leads. For each line that it is given it asks first whether it leads still and then
commits, and says what came of each.
"""

from __future__ import annotations

import asyncio
import sys

import structlog

from doctor_daemon.errors import DoctorError
from doctor_daemon.stores.etcd import EtcdStore
from doctor_daemon.stores.etcd_options import EtcdConfig
from tests.stores.values import opening


async def act(store: EtcdStore, term: int, id_: str) -> None:
    for what in (store.leadership.confirm(), store.commit(opening(id_, id_), term=term)):
        try:
            await what
        except DoctorError as error:
            print(type(error).__name__, error, flush=True)
        else:
            print("done", flush=True)


async def main(url: str, prefix: str, lease_s: int) -> None:
    store = EtcdStore(EtcdConfig(endpoints=(url,), prefix=prefix, lease_s=lease_s, name="frozen"))
    term = await store.open()
    print(f"leads {term}", flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        await act(store, term, line.strip())
    await store.close()


if __name__ == "__main__":
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
