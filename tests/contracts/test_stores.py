"""The contract of stores, held against those that ship."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import ClassVar

import pytest

from doctor_daemon.core.host import HostId
from doctor_daemon.core.incident import Incident, IncidentId
from doctor_daemon.ports import EvidenceRow, Heading, NoticeRow, Snapshot, Store, Wanted
from doctor_daemon.stores.etcd import EtcdStore
from doctor_daemon.stores.etcd_loading import load, load_past
from doctor_daemon.stores.etcd_options import EtcdConfig
from doctor_daemon.stores.etcd_questions import headings, notices
from doctor_daemon.stores.etcd_rows import Loaded
from doctor_daemon.stores.memory import MemoryConfig, MemoryStore
from doctor_daemon.stores.sqlite import SqliteConfig, SqliteStore
from tests.contracts.store_contract import StoreContract
from tests.contracts.store_disk import KEEP_DAYS
from tests.stores.etcd_cluster import Cluster, running
from tests.stores.etcd_leases import lapse

PREFIXES = count(1)


class Memory:
    """The object itself is the disk."""

    def __init__(self) -> None:
        self._kept = MemoryStore(MemoryConfig(keep_days=KEEP_DAYS))

    async def store(self) -> tuple[Store, int]:
        return self._kept, await self._kept.open()


class File:
    """One file, opened again and again; nobody closes what a daemon that crashed had open."""

    def __init__(self, path: Path) -> None:
        self._config = SqliteConfig(path=path, keep_days=KEEP_DAYS)
        self._opened: list[SqliteStore] = []

    async def store(self) -> tuple[Store, int]:
        store = SqliteStore(self._config)
        self._opened.append(store)
        return store, await store.open()

    async def close(self) -> None:
        for store in self._opened:
            await store.close()


class Keys:
    """What is below one prefix of a real etcd, opened again and again."""

    kind: ClassVar[type[EtcdStore]] = EtcdStore

    def __init__(self, cluster: Cluster) -> None:
        prefix = f"/contract-{next(PREFIXES)}/"
        self._cluster = cluster
        self._config = EtcdConfig(endpoints=cluster.urls, prefix=prefix, keep_days=KEEP_DAYS)
        self._opened: list[EtcdStore] = []

    async def store(self) -> tuple[Store, int]:
        lapse(self._cluster, self._config.prefix)  # who had it open before has crashed, long ago
        store = self.kind(self._config)
        self._opened.append(store)
        return store, await store.open()

    async def close(self) -> None:
        for store in self._opened:
            await store.close()


class Rereading(EtcdStore):
    """Answers every question from what is in etcd at that moment, as the next daemon would."""

    async def _reread(self) -> Loaded:
        assert self._gateway is not None
        loaded = await load(self._gateway, self._config.prefix)
        await load_past(self._gateway, self._config.prefix, loaded.past)
        return loaded

    async def load(self) -> Snapshot:
        return (await self._reread()).contents.snapshot()

    async def find(self, id_: IncidentId) -> Incident | None:
        held = await self._reread()
        return held.contents.find(id_) or held.past.find(id_)

    async def headings(self, host: HostId | None, limit: int) -> Sequence[Heading]:
        return headings(await self._reread(), host, limit)

    async def said(self, source: str, limit: int) -> Sequence[EvidenceRow]:
        return (await self._reread()).contents.said(source, limit)

    async def notices(self, wanted: Wanted, limit: int) -> Sequence[NoticeRow]:
        return await notices(await self._reread(), wanted, limit)

    async def given_up(self) -> Mapping[str, int]:
        return (await self._reread()).contents.letters.given_up()


class RereadKeys(Keys):
    kind = Rereading


@pytest.fixture(scope="module")
def etcd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with running(tmp_path_factory.mktemp("etcd")) as cluster:
        yield cluster


class TestMemoryStore(StoreContract):
    @pytest.fixture
    def disk(self) -> Memory:
        return Memory()


class TestSqliteStore(StoreContract):
    @pytest.fixture
    async def disk(self, tmp_path: Path) -> AsyncIterator[File]:
        disk = File(tmp_path / "state.sqlite3")
        yield disk
        await disk.close()


class TestEtcdStore(StoreContract):
    @pytest.fixture
    async def disk(self, etcd: Cluster) -> AsyncIterator[Keys]:
        disk = Keys(etcd)
        yield disk
        await disk.close()


class TestEtcdAsTheNextDaemonFindsIt(StoreContract):
    @pytest.fixture
    async def disk(self, etcd: Cluster) -> AsyncIterator[Keys]:
        disk = RereadKeys(etcd)
        yield disk
        await disk.close()
