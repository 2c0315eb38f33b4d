"""Being alone with what is below a prefix: to take it out as a whole, or to put it in.

It is led as a daemon would, so no daemon leads meanwhile. One that leads already is not waited for,
and one that stands by is not left to lead afterwards: both are to be stopped by whoever knows why.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from doctor_daemon.errors import Conflict, Temporary
from doctor_daemon.stores.etcd_agreement import agreed
from doctor_daemon.stores.etcd_claim import claimed
from doctor_daemon.stores.etcd_daemons import Leader, Own, leader_of, look, or_else, seen
from doctor_daemon.stores.etcd_gateway import Gateway
from doctor_daemon.stores.etcd_lease import EtcdLease
from doctor_daemon.stores.etcd_loading import answered, check_prefix
from doctor_daemon.stores.etcd_options import EtcdConfig, tls
from doctor_daemon.stores.etcd_word import FORBIDDEN, UNREAD

OPEN_S = 120.0
STOP_FIRST = "stop every daemon that has its state here"


@dataclass(frozen=True, slots=True)
class Alone:
    """What is led, and by what."""

    gateway: Gateway
    prefix: str
    own: Own
    lease: EtcdLease


class _Impatient:
    """`etcd_claim.Candidate` that waits for nobody."""

    def __init__(self, lease: EtcdLease) -> None:
        self._lease = lease
        self.id, self.name = lease.id, lease.name

    async def lease(self) -> int:
        return await self._lease.lease()

    async def stand_by(self, leader: Leader) -> None:
        if leader.name:
            raise Conflict(f"etcd: {leader.name} leads: {STOP_FIRST}")
        raise Conflict("etcd: a newer version of the daemon has written here: use that one")


@asynccontextmanager
async def alone(config: EtcdConfig, *, importing: bool = False) -> AsyncIterator[Alone]:
    """Lead what is there, and let go of it at the end.

    Raise Conflict where a daemon leads or stands by, Permanent for what cannot be used, Temporary
    where nobody answers in time.
    """
    gateway = Gateway(
        config.asked(), tls(config), username=config.username, password=config.password_file
    )
    lease = EtcdLease(config.prefix, config.name, config.lease_s)
    try:
        try:
            async with asyncio.timeout(OPEN_S):
                own = await _led(gateway, config.prefix, lease, importing=importing)
        except TimeoutError:
            gave_up = f"gave up opening it after {OPEN_S:g} s"
            raise Temporary(f"{gateway.failure}; {gave_up}") from None
        yield Alone(gateway, config.prefix, own, lease)
    finally:
        await lease.close()
        await gateway.close()


async def _led(gateway: Gateway, prefix: str, lease: EtcdLease, *, importing: bool) -> Own:
    await agreed(gateway, prefix)
    await check_prefix(gateway, prefix)
    lease.begin(gateway)
    await _check_alone(gateway, prefix, lease.id, importing=importing)  # nothing is changed yet
    own = await claimed(gateway, prefix, _Impatient(lease), importing=importing)
    await lease.lead(own)
    await _check_alone(gateway, prefix, lease.id, importing=importing)
    return own


async def _check_alone(gateway: Gateway, prefix: str, id_: str, *, importing: bool) -> None:
    """Raise Conflict where another daemon leads or stands by, or what was said to it is left."""
    found = seen(await answered(gateway, "kv/txn", look(prefix)), prefix)
    leading = leader_of(found.leader)
    if found.leader and leading.id != id_:
        raise Conflict(f"etcd: {leading.name} leads: {STOP_FIRST}")
    others = sorted(one.name for other, one in found.daemons.items() if other != id_)
    if others:
        raise Conflict(f"etcd: {', '.join(others)} stands by, or did until lately: {STOP_FIRST}")
    if found.word and not importing:  # there it is left, and heeded by whoever leads next
        word = or_else(FORBIDDEN, found.word, UNREAD)
        raise Conflict(
            f"etcd: disarmed by {word.by}, {word.why!r}, which no daemon has saved yet: start one,"
            " and stop it again"
        )
