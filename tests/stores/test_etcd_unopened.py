"""A store in etcd that nobody has opened yet: it is asked how it stands, and does not break."""

from __future__ import annotations

import pytest

from doctor_daemon.errors import Permanent
from doctor_daemon.stores.etcd import EtcdStore
from doctor_daemon.stores.etcd_options import EtcdConfig

CONFIG = EtcdConfig(endpoints=("http://127.0.0.1:1",), prefix="/x/")


async def test_before_it_is_opened_nothing_was_written_and_nothing_waits() -> None:
    store = EtcdStore(CONFIG)
    assert (store.groups, store.waiting) == (0, 0)


async def test_before_it_is_opened_its_audit_cannot_be_read() -> None:
    with pytest.raises(Permanent, match="the store is not open"):
        await EtcdStore(CONFIG).audit(0, 9)
