"""What is below a prefix of etcd as a whole: read at once, or put in by many transactions.

While it is put in, no version of the daemon takes the schema that stands there for one of its own.
The last transaction says which it is, together with the term and the mark.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from doctor_daemon.errors import Conflict, LateError, Permanent
from doctor_daemon.ports.moving import Inventory, Record
from doctor_daemon.stores.chain import AUDIT_PAGE_MAX
from doctor_daemon.stores.etcd_alone import Alone, alone
from doctor_daemon.stores.etcd_audit import page
from doctor_daemon.stores.etcd_filling import Filling
from doctor_daemon.stores.etcd_giving import Giving, read_all
from doctor_daemon.stores.etcd_options import EtcdConfig

BREATHER = 50
"""After so many records the lease has its turn."""


class EtcdMoving:
    """`ports.moving.Moving`, by a lease as that of a daemon which leads."""

    def __init__(self, config: EtcdConfig) -> None:
        """Connect to nothing yet."""
        self._config = config

    @asynccontextmanager
    async def given(self) -> AsyncIterator[tuple[Inventory, AsyncIterator[Record]]]:
        async with alone(self._config) as led:
            giving = Giving(await read_all(led))
            yield await giving.inventory(led), _records(led, giving)

    async def fill(self, inventory: Inventory, records: AsyncIterator[Record]) -> None:
        most = self._config.closed_max
        if inventory.closed > most:
            raise Permanent(
                f"{inventory.closed} incidents that are over are to be put in, and state.closed_max"
                f" keeps {most} of them: set it higher"
            )
        async with alone(self._config, importing=True) as led:
            filling = Filling(led, inventory)
            await filling.begin()
            count = 0
            async for record in records:
                await filling.take(record)
                count += 1
                if count % BREATHER == 0:
                    await asyncio.sleep(0)
            await filling.end()


async def _records(led: Alone, giving: Giving) -> AsyncIterator[Record]:
    """Yield all there is. Raise Conflict where somebody may have written meanwhile."""
    for number, record in enumerate(giving.records()):
        yield record
        if number % BREATHER == 0:
            await asyncio.sleep(0)
    after = 0
    while rows := (await page(led.gateway, led.prefix, after, AUDIT_PAGE_MAX)).rows:
        for row in rows:
            yield row
        after = rows[-1].number
    try:
        await led.lease.confirm()
    except LateError as error:
        raise Conflict(f"etcd: somebody may have written meanwhile: {error}") from None
