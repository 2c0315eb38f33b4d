"""From between the controllers to the machine's own loopback, and nowhere else. Needs root."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from tests.chaos.net import CLOUD, Net, controllers
from tests.openstack.listener import Asked, Listener, Reply
from tests.openstack.testbed.calls import ask
from tests.openstack_chaos.forwarder import forwarding
from tools.netns import stepped_into, unused


@pytest.fixture
def net() -> Iterator[Net]:
    with controllers(unused("ch")) as made:
        yield made


async def asked(net: Net, port: int) -> int:
    """Ask by way of a forwarder, as whoever is between the controllers."""
    async with forwarding(net, [port]):
        answer = await asyncio.to_thread(ask, "POST", f"http://{CLOUD}:{port}/", {"a": 1})
    return answer.status


def test_what_is_asked_inside_is_answered_outside(net: Net) -> None:
    bodies = []

    def handle(request: Asked) -> Reply:
        bodies.append(request.body)
        return Reply(207)

    with stepped_into(net.outside):
        service = Listener(handle)
    with service:
        assert asyncio.run(asked(net, service.port)) == 207
    assert bodies == [b'{"a": 1}']


def test_who_asks_for_what_is_not_there_is_told_so(net: Net) -> None:
    with stepped_into(net.outside):
        service = Listener(lambda _: None)
    service.close()
    with pytest.raises(ConnectionError):
        asyncio.run(asked(net, service.port))
