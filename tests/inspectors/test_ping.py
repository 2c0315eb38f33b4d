"""Ping against hosts that are network namespaces: what is lost, and whose trouble it is."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import pytest
from pydantic import ValidationError

from doctor_daemon.core.host import HostId
from doctor_daemon.errors import Temporary
from doctor_daemon.inspectors.ping import Ping
from doctor_daemon.ports.surroundings import Concern
from tests.engine.rig import HOST, OTHER
from tests.inspectors.looking import Scene, configured, told
from tests.inspectors.netlab import Lab, lab
from tests.inspectors.rig import Ledger, terms
from tools.netns import inside, ip

MISSES = 3


@pytest.fixture(scope="module")
def net() -> Iterator[Lab]:
    with lab("mgmt", "stor") as made:
        yield made


@pytest.fixture(autouse=True)
def _healed(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "net" in request.fixturenames:
        made = request.getfixturevalue("net")
        for number in (1, 2):
            for network in made.networks:
                made.heal(number, network)
        for network in made.networks:
            ip("link", "set", network, "up")


def addresses(net: Lab, version: int = 4) -> dict[HostId, dict[str, str]]:
    return {
        host: {network: net.address(number, network, version) for network in net.networks}
        for number, host in ((1, HOST), (2, OTHER))
    }


class Stage:
    """A source in the middle of a lab."""

    def __init__(self, net: Lab, version: int = 4, **options: Any) -> None:  # noqa: ANN401 - options
        wanted = {"networks": ["mgmt"], "misses": MISSES, "timeout_s": 0.3, "every_s": 0.3}
        config = configured(Ping.Config, Path(), **{**wanted, **options})
        self.ledger, self.scene = Ledger(), Scene()
        self.source = Ping(config, terms("ping"))
        self.source.place(self.scene.around(addresses=addresses(net, version)))

    async def look(self, times: int = 1) -> str:
        """Look; return what the last look could not do."""
        trouble = ""
        for _ in range(times):
            self.ledger.clock.move(1)
            trouble = ""
            try:
                await self.source.look(self.ledger)
            except Temporary as error:
                trouble = str(error)
        return trouble

    @property
    def told(self) -> list[tuple[str, str, str]]:
        return told(self.ledger.taken)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.source.close()


@pytest.mark.parametrize("version", [4, 6])
async def test_a_host_that_is_silent_is_accused_after_so_many_looks(net: Lab, version: int) -> None:
    async with Stage(net, version) as stage:
        assert await stage.look() == ""
        net.cut(1, "mgmt")
        await stage.look(MISSES - 1)
        assert stage.told == []
        await stage.look()
        assert stage.told == [("cmp-1", "ping", "down")]
        net.heal(1, "mgmt")
        await stage.look(2)
    assert stage.told[1:] == [("cmp-1", "ping", "up")]


async def test_a_few_lost_answers_are_nothing(net: Lab) -> None:
    async with Stage(net) as stage:
        for _ in range(3):
            net.cut(1, "mgmt")
            await stage.look(MISSES - 1)
            net.heal(1, "mgmt")
            await stage.look(2)
    assert stage.told == []


async def test_a7_who_answered_before_it_was_called_down_is_no_sign_of_life(net: Lab) -> None:
    """The round lasts as long as the slowest answer, and a host may die in it."""
    async with Stage(net) as stage:
        stage.scene.concerns[HOST] = Concern.SUSPECTED
        stage.scene.opened_at[HOST] = stage.ledger.now().plus(1.5)
        await stage.look()
        assert stage.told == []
        await stage.look()
    assert stage.told == [("cmp-1", "ping", "up")]


async def test_each_network_is_seen_for_itself(net: Lab) -> None:
    kinds = {"stor": "ping-storage"}
    async with Stage(net, networks=["mgmt", "stor"], kinds=kinds) as stage:
        await stage.look()
        net.cut(1, "mgmt")
        stage.scene.concerns[HOST] = Concern.SUSPECTED
        await stage.look(MISSES)
    assert ("cmp-1", "ping", "down") in stage.told
    assert ("cmp-1", "ping-storage", "up") in stage.told
    assert not [one for one in stage.told if one[0] == "cmp-2"]
    prints = {(one.fingerprint, one.verdict.value) for one in stage.ledger.taken}
    assert ("ping-mgmt", "down") in prints
    assert ("ping-stor", "down") not in prints


async def test_an_answer_is_no_sign_of_life_where_the_operator_says_so(net: Lab) -> None:
    async with Stage(net, alive=False) as stage:
        await stage.look()
        net.cut(1, "mgmt")
        await stage.look(MISSES)
        net.heal(1, "mgmt")
        await stage.look(2)
    assert [verdict for _, _, verdict in stage.told] == ["down", "withdrawn"]


async def test_a1_all_hosts_lost_at_once_are_our_own_trouble(net: Lab) -> None:
    async with Stage(net) as stage:
        await stage.look()
        for number in (1, 2):
            net.cut(number, "mgmt")
        trouble = await stage.look(2 * MISSES)
        assert "nobody answers on mgmt: that may be our own trouble" in trouble
        net.heal(2, "mgmt")
        while await stage.look():  # until one answers again; that look is the first that counts
            pass
        await stage.look(MISSES - 2)
        assert stage.told == []  # what was missed while nobody answered is not counted
        await stage.look()
    assert stage.told == [("cmp-1", "ping", "down")]


@pytest.mark.parametrize("method", ["icmp", "tcp"])
async def test_a1_our_own_link_down_accuses_nobody(net: Lab, method: str) -> None:
    async with Stage(net, method=method) as stage:
        assert await stage.look() == ""
        ip("link", "set", "mgmt", "down")
        for _ in range(2 * MISSES):
            assert "our own trouble" in await stage.look()
    assert stage.told == []


async def test_a1_no_route_is_our_own_trouble(net: Lab) -> None:
    """One network of ours is gone; on the other nothing is said of it."""
    async with Stage(net, networks=["mgmt", "stor"]) as stage:
        await stage.look()
        ip("link", "set", "stor", "down")
        net.cut(1, "mgmt")
        trouble = await stage.look(2 * MISSES)
    assert "nobody answers on stor" in trouble
    assert {one.fingerprint for one in stage.ledger.taken} == {"ping-mgmt"}
    assert set(stage.told) == {("cmp-1", "ping", "down")}


async def test_references_show_that_a_network_works(net: Lab) -> None:
    async with Stage(net, references={"mgmt": ["10.199.0.1"]}) as stage:
        for number in (1, 2):
            net.cut(number, "mgmt")
        assert await stage.look(MISSES) == ""
    assert {host for host, _, _ in stage.told} == {"cmp-1", "cmp-2"}


async def test_a12_a_round_in_which_we_stood_still_is_none(net: Lab) -> None:
    async with Stage(net) as stage:
        await stage.look()
        net.cut(1, "mgmt")
        await stage.look(MISSES - 1)
        asyncio.get_running_loop().call_later(0.05, time.sleep, 2.0)
        await stage.look()
        assert stage.told == []
        await stage.look(MISSES - 1)
        assert stage.told == []
        await stage.look()
    assert stage.told == [("cmp-1", "ping", "down")]


async def test_a_port_that_refuses_or_accepts_is_an_answer(net: Lab) -> None:
    with inside(net.host(2)):
        server = socket.create_server((net.address(2, "mgmt"), 2222))
    with server:
        async with Stage(net, method="tcp", port=2222) as stage:
            stage.scene.concerns.update({HOST: Concern.SUSPECTED, OTHER: Concern.SUSPECTED})
            assert await stage.look() == ""
    assert stage.told == [("cmp-1", "ping", "up"), ("cmp-2", "ping", "up")]


@pytest.mark.parametrize("version", [4, 6])
async def test_a_host_that_takes_no_connection_is_accused(net: Lab, version: int) -> None:
    async with Stage(net, version, method="tcp") as stage:
        await stage.look()
        net.cut(1, "mgmt")
        await stage.look(MISSES)
    assert stage.told == [("cmp-1", "ping", "down")]


async def test_it_runs_by_itself(net: Lab) -> None:
    async with Stage(net) as stage:
        net.cut(2, "mgmt")
        task = asyncio.create_task(stage.source.run(stage.ledger))
        async with asyncio.timeout(20):
            while not stage.told:  # noqa: ASYNC110 - the ledger sets no event
                await asyncio.sleep(0.05)
        task.cancel()
    assert stage.told == [("cmp-2", "ping", "down")]
    assert set(stage.scene.looked) == {"ping"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"networks": []}, "at least 1 item"),
        ({"references": {"other": ["10.0.0.1"]}}, "expected one of networks: mgmt"),
        ({"kinds": {"other": "x"}}, "expected one of networks: mgmt"),
        ({"references": {"mgmt": ["gateway"]}}, "does not appear to be an IPv4 or IPv6"),
        ({"timeout_s": 3.0}, "timeout_s: found 3; expected no more than every_s"),
        ({"misses": 1}, "greater than or equal to 2"),
        ({"method": "arp"}, "Input should be"),
    ],
)
def test_options_that_do_not_fit_are_refused(options: Mapping[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        configured(Ping.Config, Path(), **{"networks": ["mgmt"], **options})
