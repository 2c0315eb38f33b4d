"""The embedded default: state in one SQLite file, which only the leader writes.

SQLite, because a daemon that must remember what it did to a machine should need no other service to
be up for that. A write-ahead log, synchronised in full for each group of commits, means that what a
call said is saved is on the disk. A large file is looked through while the daemon works already:
until that is over nothing is begun that changes the world. docs/adr/0003-sqlite.md has the whole
reasoning.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, ClassVar, TypeVar

import structlog
from pydantic import BaseModel, ConfigDict, Field

from doctor_daemon.core.audit import Page
from doctor_daemon.core.context import Charge
from doctor_daemon.core.host import HostId
from doctor_daemon.core.incident import Incident, IncidentId
from doctor_daemon.errors import Permanent
from doctor_daemon.ports import (
    Change,
    Delivery,
    EvidenceRow,
    Heading,
    NoticeRow,
    Snapshot,
    Wanted,
)
from doctor_daemon.ports.soundness import Soundness
from doctor_daemon.stores import audit, notices, queries, rows
from doctor_daemon.stores.reader import Reader
from doctor_daemon.stores.retention import Retention, drops
from doctor_daemon.stores.schema import claim, look_through, move_log
from doctor_daemon.stores.soundness import Check, Look
from doctor_daemon.stores.sqlite_moving import SqliteMoving
from doctor_daemon.stores.writer import Writer

T = TypeVar("T")
MIB = 1024 * 1024
STOP_S = 2.0
"""How long the end of the daemon waits for a check that was told to stop."""
log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class SqliteConfig(BaseModel):
    """Options of the SQLite store."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    # Strict means: no guessing between kinds. A path can only be written as text.
    path: Annotated[Path, Field(strict=False)] = Path("/var/lib/doctor-daemon/state.sqlite3")
    """The database. It and its directory are made if need be, for the daemon's user alone."""
    keep_days: int = Field(default=400, ge=1, le=36_500)
    """How long closed incidents are kept, with their timeline and what consumers were told."""
    size_max_mib: int = Field(default=512, ge=16, le=1_048_576)
    """Above this size the oldest closed incidents are dropped early."""


class SqliteStore:
    """`ports.Store` on one file. It belongs to the event loop that opens it."""

    api: ClassVar[int] = 1
    Config: ClassVar[type[SqliteConfig]] = SqliteConfig
    Moving: ClassVar[type[SqliteMoving]] = SqliteMoving

    def __init__(self, config: SqliteConfig, look: Look | None = None) -> None:
        """Touch nothing yet: `open` does. `look` reads all of it, to see whether it is sound."""
        self._path = config.path
        self._look = look or partial(look_through, config.path)
        self._check: Check | None = None
        self._retention = Retention(config.keep_days, config.size_max_mib * MIB)
        self._writer: Writer | None = None
        self._reader: Reader | None = None

    @property
    def soundness(self) -> Soundness | None:
        """Whether what is stored is sound; None: it was not opened."""
        return self._check

    @property
    def groups(self) -> int:
        """How many groups of commits have been synchronised to the disk since `open`."""
        return self._writer.groups if self._writer else 0

    @property
    def waiting(self) -> int:
        """How many writes wait to be synchronised to the disk."""
        return self._writer.waiting if self._writer else 0

    async def open(self) -> int:
        if self._writer is not None:
            raise Permanent(f"{self._path}: the store is open already")
        check = self._check = Check(self._look)
        writer = Writer(self._path, lambda: claim(self._path, check), lambda: move_log(self._path))
        check.told = partial(_checked, writer)
        try:
            term = await writer.start()
        except BaseException:
            check.interrupt()
            raise
        self._writer, self._reader = writer, Reader(self._path)
        if not check.over.is_set():
            log.info("the database is being looked through; nothing is begun before that is over")
        return term

    async def close(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None and self._reader is not None:
            if self._check is not None:
                await self._check.stop(STOP_S)
            await self._reader.stop()
            await writer.stop()

    async def commit(self, change: Change, *, term: int) -> None:
        await self._write(lambda connection: rows.write_change(connection, change, term))

    async def replace_charges(self, charges: Sequence[Charge], *, term: int) -> None:
        await self._write(lambda connection: rows.replace_charges(connection, charges, term))

    async def deliveries(self, batch: Sequence[Delivery], *, term: int) -> None:
        await self._write(lambda connection: rows.write_deliveries(connection, batch, term))

    async def prune(self, *, term: int) -> None:
        if self._check is not None:
            await self._check.ended()
        for drop in drops(self._retention, term):
            while await self._write(drop):
                pass  # a few rows at a time, so that commits get in between

    async def load(self) -> Snapshot:
        return await self._read(queries.snapshot)

    async def find(self, id_: IncidentId) -> Incident | None:
        return await self._read(lambda connection: queries.find(connection, id_))

    async def headings(self, host: HostId | None, limit: int) -> Sequence[Heading]:
        return await self._read(lambda connection: queries.headings(connection, host, limit))

    async def said(self, source: str, limit: int) -> Sequence[EvidenceRow]:
        return await self._read(lambda connection: queries.said(connection, source, limit))

    async def notices(self, wanted: Wanted, limit: int) -> Sequence[NoticeRow]:
        return await self._read(lambda connection: notices.listed(connection, wanted, limit))

    async def given_up(self) -> Mapping[str, int]:
        return await self._read(notices.given_up)

    async def audit(self, after: int, limit: int) -> Page:
        return await self._read(lambda connection: audit.page(connection, after, limit))

    async def replay(self, ids: Collection[str], *, term: int) -> Sequence[NoticeRow]:
        return await self._write(lambda connection: notices.replay(connection, ids, term))

    async def _write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return await self._opened()[0].write(work)

    async def _read(self, question: Callable[[sqlite3.Connection], T]) -> T:
        writer, reader = self._opened()
        try:
            return await reader.read(question)
        except Permanent as error:
            writer.refuse(error)  # a memory that cannot be read must not be written either
            raise

    def _opened(self) -> tuple[Writer, Reader]:
        if self._writer is None or self._reader is None:
            raise Permanent(f"{self._path}: the store is not open")
        return self._writer, self._reader


def _checked(writer: Writer, fault: Exception | None) -> None:
    """Have what is not sound written no more."""
    if fault is None:
        log.info("all of the database has been looked through: it is sound")
        return
    log.error("the database is not sound: nothing is saved any more", error=str(fault))
    writer.refuse(fault)
