"""Whoever moves a state is alone with it: a daemon that begins just then is named."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from doctor_daemon.errors import Conflict
from doctor_daemon.stores.etcd_options import EtcdConfig
from tests.stores.etcd_cluster import Cluster
from tests.stores.etcd_held import held
from tests.stores.movers import exported, of_etcd
from tests.stores.test_etcd import opened
from tests.stores.test_etcd_network import by


async def test_a_daemon_that_begins_to_lead_after_it_was_looked_is_not_waited_for(
    tmp_path: Path, etcd: Cluster, config: EtcdConfig
) -> None:
    async with held(etcd.members[0].port, "lease/grant") as relay:
        place = of_etcd(by(config, relay.url, timeout_s=3.0))
        begun = asyncio.create_task(exported(place, tmp_path / "file"))
        await relay.hears(b"responses")  # nobody leads
        async with opened(config.model_copy(update={"name": "ctl-1"})):
            relay.free.set()
            with pytest.raises(Conflict, match=r"^etcd: ctl-1 leads: stop every daemon"):
                await begun
    assert not (tmp_path / "file").exists()
