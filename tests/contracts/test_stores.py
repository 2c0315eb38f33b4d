"""The contract of stores, held against those that ship."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from doctor_daemon.ports import Store
from doctor_daemon.stores.memory import MemoryConfig, MemoryStore
from doctor_daemon.stores.sqlite import SqliteConfig, SqliteStore
from tests.contracts.store_contract import StoreContract
from tests.contracts.store_disk import KEEP_DAYS


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
