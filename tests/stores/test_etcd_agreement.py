"""B10: a member that was begun anew, empty, is not taken for what has been written."""

from __future__ import annotations

import pytest

from doctor_daemon.errors import Permanent, Temporary
from doctor_daemon.stores.etcd import EtcdStore
from doctor_daemon.stores.etcd_options import EtcdConfig
from tests.slice.site import free_port
from tests.stores.etcd_cluster import Cluster, call, code
from tests.stores.etcd_relay import relayed
from tests.stores.test_etcd import opened
from tests.stores.test_etcd_network import by
from tests.stores.values import opening

OPEN_S = 2.0
"""How long it is tried, where it is to fail."""


def nobody() -> str:
    return f"http://127.0.0.1:{free_port()}"


def written(cluster: Cluster, config: EtcdConfig) -> bool:
    everything = {"key": code(config.prefix), "range_end": code(f"{config.prefix[:-1]}0")}
    return "kvs" in call(cluster.members[0].port, "kv/range", everything)


async def test_b10_where_endpoints_show_two_clusters_nothing_is_opened(
    etcd: Cluster, other: Cluster, config: EtcdConfig
) -> None:
    async with opened(config) as (store, term):
        await store.commit(opening(), term=term)
    async with relayed(etcd.members[0].port) as relay:
        mixed = by(config, other.urls[0], relay.url, etcd.urls[0], timeout_s=3.0)
        with pytest.raises(Permanent, match=f"several clusters: {other.urls[0]} to "):
            await EtcdStore(mixed).open()
    assert not written(other, config)
    async with opened(config) as (store, term):
        assert (term, len((await store.load()).incidents)) == (2, 1)


async def test_b10_one_that_is_reached_of_three_is_not_believed(
    other: Cluster, config: EtcdConfig
) -> None:
    one = by(config, other.urls[0], nobody(), nobody())
    with pytest.raises(Temporary, match="1 of 3 endpoints have shown their cluster, and more"):
        await EtcdStore(one, open_s=OPEN_S).open()
    twice = by(config, other.urls[0], other.urls[0], nobody())
    with pytest.raises(Temporary, match="1 of 2 endpoints"):
        await EtcdStore(twice, open_s=OPEN_S).open()
    assert not written(other, config)


async def test_an_endpoint_that_is_not_reached_at_a_start_is_named(
    etcd: Cluster, config: EtcdConfig, capsys: pytest.CaptureFixture[str]
) -> None:
    absent = nobody()
    async with relayed(etcd.members[0].port) as relay:
        async with opened(by(config, etcd.urls[0], relay.url, timeout_s=3.0)):
            assert "shows its cluster" not in capsys.readouterr().out
        async with opened(by(config, absent, etcd.urls[0], relay.url, timeout_s=3.0)):
            told = [line for line in capsys.readouterr().out.splitlines() if absent in line]
            assert len(told) == 1
            assert "not every endpoint of etcd shows its cluster" in told[0]
