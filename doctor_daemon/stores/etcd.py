"""State in etcd, which several machines keep between them: one daemon at a time leads, and writes.

What is in etcd is held in memory too, and every question is answered from there, so that a daemon
whose etcd has lost its quorum still knows what it has decided. Nothing is decided any more then:
each write is one transaction, and what was not written counts for nothing. Incidents that have been
over for long are read behind the start, and nobody who acts waits for them. docs/adr/0022-etcd.md
has the whole reasoning.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import ClassVar, TypeVar

import structlog

from doctor_daemon.core.audit import Page
from doctor_daemon.core.context import Charge
from doctor_daemon.core.host import HostId
from doctor_daemon.core.incident import Incident, IncidentId
from doctor_daemon.errors import Conflict, DoctorError, Permanent, Temporary
from doctor_daemon.ports import (
    Change,
    Delivery,
    EvidenceRow,
    Heading,
    NoticeRow,
    Snapshot,
    Wanted,
)
from doctor_daemon.ports.leading import Leadership
from doctor_daemon.stores.contents import Keeping
from doctor_daemon.stores.etcd_agreement import agreed
from doctor_daemon.stores.etcd_audit import old, page
from doctor_daemon.stores.etcd_claim import claimed
from doctor_daemon.stores.etcd_endings import endings
from doctor_daemon.stores.etcd_folding import fold
from doctor_daemon.stores.etcd_gateway import Gateway
from doctor_daemon.stores.etcd_lease import EtcdLease
from doctor_daemon.stores.etcd_loading import check_prefix, load, load_past
from doctor_daemon.stores.etcd_mirror import Mirror
from doctor_daemon.stores.etcd_moving import EtcdMoving
from doctor_daemon.stores.etcd_options import EtcdConfig, tls
from doctor_daemon.stores.etcd_parts import in_parts
from doctor_daemon.stores.etcd_pruning import removals
from doctor_daemon.stores.etcd_questions import headings, notices
from doctor_daemon.stores.etcd_rows import Loaded, charges_plan, commit_plan, notices_plan, touched
from doctor_daemon.stores.etcd_transactions import Plan
from doctor_daemon.stores.etcd_values import SCHEMA, TooLarge
from doctor_daemon.stores.etcd_writer import WRITE_S, Make, Writer

K = TypeVar("K")
log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)
OPEN_S = 120.0


class EtcdStore:
    """`ports.Store` on an etcd cluster. It belongs to the event loop that opens it."""

    api: ClassVar[int] = 1
    shared: ClassVar[bool] = True
    Config: ClassVar[type[EtcdConfig]] = EtcdConfig
    Moving: ClassVar[type[EtcdMoving]] = EtcdMoving
    schema: ClassVar[int] = SCHEMA

    def __init__(
        self, config: EtcdConfig, *, open_s: float = OPEN_S, write_s: float = WRITE_S
    ) -> None:
        """Connect to nothing yet. Raise ConfigError when a file of TLS cannot be used."""
        self._config = config
        self._open_s, self._write_s = open_s, write_s
        self._keeping = Keeping(config.keep_days, config.closed_max)
        self._tls = tls(config)
        self._gateway: Gateway | None = None
        self._lease = EtcdLease(config.prefix, config.name, config.lease_s)
        self._used = False
        self._reading: asyncio.Task[None] | None = None
        self._pruning = asyncio.Lock()
        self._writer: Writer | None = None
        self._mirror: Mirror | None = None
        self._loaded = Loaded()
        self._term = 0

    @property
    def leadership(self) -> Leadership:
        """The right to act: until it leads `open` waits."""
        return self._lease

    @property
    def groups(self) -> int:
        """How many transactions have been written since `open`."""
        return self._writer.groups if self._writer else 0

    @property
    def waiting(self) -> int:
        """How many writes wait for their transaction."""
        return self._writer.waiting if self._writer else 0

    async def open(self) -> int:
        """Wait until nobody else leads, and lead. Raise Conflict where that has ended already."""
        if self._used:
            raise Permanent("etcd: the store is open already, or has been: it is opened once")
        self._used = True
        options = self._config
        gateway = self._gateway = Gateway(
            options.asked(), self._tls, username=options.username, password=options.password_file
        )
        try:
            async with asyncio.timeout(self._open_s) as limit:
                term = await self._opened(gateway, limit)
        except TimeoutError:
            await self._given_up(gateway)
            gave_up = f"gave up opening it after {self._open_s:g} s"
            raise Temporary(f"{gateway.failure}; {gave_up}") from None
        except BaseException:
            await self._given_up(gateway)
            raise
        if term == 1:
            log.warning(
                "there was no state in etcd: nothing of before is known", prefix=options.prefix
            )
        return term

    async def _given_up(self, gateway: Gateway) -> None:
        await self.close()
        await gateway.close()

    async def _opened(self, gateway: Gateway, limit: asyncio.Timeout) -> int:
        prefix = self._config.prefix
        await agreed(gateway, prefix)
        await check_prefix(gateway, prefix)
        self._lease.begin(gateway)
        self._lease.patient = lambda: self._stand_by(gateway, limit)
        own, mirror = await claimed(gateway, prefix, self._lease, self.schema), self._mirror
        limit.reschedule(asyncio.get_running_loop().time() + self._open_s)
        await self._lease.lead(own)
        loaded = await mirror.taken(own.revision) if mirror else None
        loaded = loaded or await load(gateway, prefix)
        writer = Writer(gateway, prefix, self._write_s)
        self._lease.ended, writer.ended = writer.refuse, self._lease.end
        self._lease.check()
        writer.start(own.claim, own.revision, loaded.mark, loaded.mark_revision)
        self._writer, self._loaded, self._term = writer, loaded, own.claim.term
        self._mirror = None
        if mirror is None or mirror.past is None:
            self._reading = asyncio.create_task(self._read_past(gateway), name="etcd-past")
        return own.claim.term

    def _stand_by(self, gateway: Gateway, limit: asyncio.Timeout) -> None:
        """Follow what another writes, for as long as it takes."""
        limit.reschedule(None)
        mirror = self._mirror = Mirror(gateway, self._config.prefix, self.schema)
        mirror.gone = self._lease.gone.set
        mirror.told = lambda: self._lease.ready(whole=mirror.whole, why=mirror.lacking)
        mirror.start()

    async def _read_past(self, gateway: Gateway) -> None:
        try:
            await load_past(gateway, self._config.prefix, self._loaded.past)
        except DoctorError as error:
            log.warning("incidents that are over have not been read", error=str(error))
            raise

    async def close(self) -> None:
        writer, self._writer = self._writer, None
        mirror, self._mirror = self._mirror, None
        if mirror is not None:
            await mirror.stop()
        reading, self._reading = self._reading, None
        if reading is not None:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
        if writer is not None:
            with suppress(Temporary):
                await writer.stop()
        await self._lease.close()
        gateway, self._gateway = self._gateway, None
        if gateway is not None:
            await gateway.close()

    async def load(self) -> Snapshot:
        return (await self._known()).contents.snapshot()

    async def find(self, id_: IncidentId) -> Incident | None:
        found = (await self._known()).contents.find(id_)
        return found or (await self._whole()).past.find(id_)

    async def headings(self, host: HostId | None, limit: int) -> Sequence[Heading]:
        return headings(await self._whole(), host, limit)

    async def said(self, source: str, limit: int) -> Sequence[EvidenceRow]:
        return (await self._known()).contents.said(source, limit)

    async def notices(self, wanted: Wanted, limit: int) -> Sequence[NoticeRow]:
        held = await self._known()
        if wanted.ids is None or not wanted.ids <= held.contents.letters.rows.keys():
            held = await self._whole()
        return await notices(held, wanted, limit)

    async def given_up(self) -> Mapping[str, int]:
        return (await self._known()).contents.letters.given_up()

    async def audit(self, after: int, limit: int) -> Page:
        """Return lines as they are in etcd now: nobody holds them."""
        if self._gateway is None:
            raise Permanent("etcd: the store is not open")
        return await page(self._gateway, self._config.prefix, after, limit)

    async def commit(self, change: Change, *, term: int) -> None:
        held = self._held()
        await self._write(
            term,
            lambda order: commit_plan(held, change, order),
            touched(change),
        )

    async def replace_charges(self, charges: Sequence[Charge], *, term: int) -> None:
        held, kept = self._held(), tuple(charges)
        await self._write(term, lambda order: charges_plan(held, kept, order))

    async def deliveries(self, batch: Sequence[Delivery], *, term: int) -> None:
        """Note how deliveries stand. Of a long batch each part is written for itself."""
        held = self._held()

        def noted(some: tuple[Delivery, ...]) -> Make:
            return lambda _: notices_plan(held, held.contents.letters.delivered(some))

        await in_parts(batch, noted, partial(self._write, term))

    async def replay(self, ids: Collection[str], *, term: int) -> Sequence[NoticeRow]:
        held = self._held()

        def again(some: tuple[str, ...]) -> Make:
            return lambda _: notices_plan(held, held.contents.letters.replayed(some)[0])

        await in_parts(ids, again, partial(self._write, term))
        return held.contents.letters.replayed(ids)[1]

    async def prune(self, *, term: int) -> None:
        await self._write(term, lambda _: Plan())  # not before it is known that we may
        held = await self._whole()
        async with self._pruning:
            for makes in (removals(held, self._keeping), endings(held), fold(held)):
                try:
                    for make in makes:
                        await self._write(term, make)
                except TooLarge as error:  # what comes after it may count on it
                    log.warning("what is kept no more stays in etcd", error=str(error))
            await self._prune_audit(term, held)

    async def _prune_audit(self, term: int, held: Loaded) -> None:
        horizon_s = held.contents.audit_from_s(self._keeping, held.past.opened())
        gateway = self._gateway
        while gateway is not None:
            plan = await old(gateway, self._config.prefix, horizon_s)
            if plan is None:
                return
            await self._write(term, plan.as_it_is)

    async def _write(self, term: int, make: Make, touches: frozenset[object] | None = None) -> None:
        if term != self._term:
            raise Conflict(f"term {term} is over: term {self._term} has been claimed")
        if self._writer is None:
            raise Permanent("etcd: the store is not open")
        await self._writer.write(make, touches)

    def _held(self) -> Loaded:
        if self._writer is None:
            raise Permanent("etcd: the store is not open")
        return self._loaded

    async def _known(self) -> Loaded:
        """Return what is held, or what another has written while this daemon stands by."""
        return await self._mirror.loaded() if self._mirror else self._held()

    async def _whole(self) -> Loaded:
        """Return all that is held, once what is over has been read.

        Raise Temporary while it is not. Where that has failed it is begun anew.
        """
        if self._mirror is not None:
            if self._mirror.past is None:
                raise Temporary("etcd: incidents that are over have not been read yet")
            return await self._mirror.loaded()
        reading = self._reading
        if reading is not None:
            await asyncio.wait((reading,), timeout=self._write_s)
            if not reading.done():
                raise Temporary("etcd: incidents that are over have not been read yet")
            if not reading.cancelled() and (error := reading.exception()) is not None:
                if self._reading is reading and self._gateway is not None:
                    again = self._read_past(self._gateway)
                    self._reading = asyncio.create_task(again, name="etcd-past")
                raise Temporary(f"etcd: incidents that are over are read once more: {error}")
        return self._held()
