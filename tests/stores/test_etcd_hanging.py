"""A12: endpoints of etcd that take what is asked for and do not answer."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any, Self, cast

import pytest

from doctor_daemon.ports.endpoint import Endpoint
from doctor_daemon.stores.etcd_gateway import Gateway
from doctor_daemon.stores.etcd_meaning import Unanswered
from doctor_daemon.stores.etcd_options import EtcdConfig
from tests.simulation.virtual import run
from tests.stores.etcd_cluster import Cluster
from tests.stores.etcd_relay import relayed
from tests.stores.test_etcd import opened
from tests.stores.test_etcd_network import by
from tests.stores.values import opening

PATIENT_S = 3.0


async def test_a12_of_three_endpoints_two_may_hang(etcd: Cluster, config: EtcdConfig) -> None:
    port = etcd.members[0].port
    async with relayed(port) as first, relayed(port) as second:
        three = by(config, first.url, second.url, etcd.urls[0], timeout_s=PATIENT_S)
        async with opened(three, write_s=5.9) as (store, term):
            first.asked.clear()
            second.asked.clear()
            await store.commit(opening(), term=term)
            first.asked.set()
            second.asked.set()
            await store.commit(opening("two", "cmp-2"), term=term)
        async with opened(config) as (store, _):
            assert [one.id for one in (await store.load()).incidents] == ["one", "two"]


async def test_a12_an_endpoint_that_was_waited_for_in_vain_is_asked_last(
    etcd: Cluster, config: EtcdConfig
) -> None:
    async with relayed(etcd.members[0].port) as relay:
        both = by(config, relay.url, etcd.urls[0], timeout_s=PATIENT_S)
        endpoints = both.asked()
        gateway = Gateway(endpoints, endpoints[0].tls())
        relay.asked.clear()
        asked = {"key": "YQ=="}
        try:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.3):
                    await gateway.call("kv/range", asked)
            assert relay.url in gateway.failure
            async with asyncio.timeout(PATIENT_S / 2):  # the other one is asked first
                await gateway.call("kv/range", asked)
        finally:
            await gateway.close()


class Clinging:
    """An endpoint whose connections do not come to their end."""

    url, timeout_s = "http://127.0.0.1:1", 1.0

    def session(self, _: object) -> Self:
        return self

    def post(self, *_: object, **__: object) -> Any:  # noqa: ANN401 - it never returns
        msg = "nobody is there"
        raise OSError(msg)

    async def close(self) -> None:
        await asyncio.Event().wait()


def test_a12_connections_that_do_not_end_are_let_go() -> None:
    async def main() -> None:
        gateway = Gateway([cast("Endpoint", Clinging())], cast("ssl.SSLContext", None))
        with pytest.raises(Unanswered):
            await gateway.call("kv/range", {})
        await gateway.close()

    run(main())
