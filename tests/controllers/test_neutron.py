"""What is sent to Neutron, byte for byte, what is believed of its answers, and what is checked."""

from __future__ import annotations

import json
from dataclasses import replace
from urllib.parse import parse_qsl, urlsplit

import pytest
import yaml

from doctor_daemon import plugins
from doctor_daemon.controllers.network import PAGE, read_page, read_said
from doctor_daemon.controllers.neutron import Neutron
from doctor_daemon.core.ports import Port, PortPage, Said
from doctor_daemon.errors import LateError, Permanent, Temporary
from doctor_daemon.lab.cloud import ADMIN, Lab
from doctor_daemon.lab.neutron import NeutronOptions, port_of
from doctor_daemon.ports import Network
from tests.controllers.rigs import SMALL, FastClock, neutron
from tests.fakes.peer import Peer, telling

PORT = "8b1bd7ac-9f9d-4e36-a5b5-2d5a6b7b0001"
ROW = {"id": PORT, "binding:host_id": "compute-1", "data_plane_status": None}
FIELDS = [("fields", name) for name in ROW]
SORTED = [("sort_key", "id"), ("sort_dir", "asc")]


def listed(*rows: object, more: bool = False) -> bytes:
    links = [{"rel": "next", "href": "x"}] if more else [{"rel": "previous", "href": "x"}]
    return json.dumps({"ports": rows, "ports_links": links}).encode()


def test_it_is_found_as_a_plugin_and_keeps_the_protocol() -> None:
    found: type[Network] = Neutron
    assert plugins.find(plugins.NETWORKS, "neutron") is found


@pytest.mark.parametrize("path", ["", "/", "/v2.0", "/networking/v2.0/", "/networking"])
async def test_each_call_says_exactly_what_is_meant(path: str) -> None:
    clock = FastClock()
    body = {"ports": [ROW], "port": ROW, "extension": {"alias": "data-plane-status"}}
    async with Lab(SMALL) as lab, Peer(telling(body)) as peer:
        lab.keystone.endpoints["network"] = f"{peer.origin}{path}"
        async with neutron(lab, clock) as adapter:
            assert await adapter.offered()
            await adapter.bound("compute-1")
            await adapter.bound("compute-1", PORT)
            await adapter.ports([PORT])
            await adapter.say(PORT, down=True, permit=clock.permit())
            await adapter.say(PORT, down=False, permit=clock.permit())
        sent = [
            (
                one.method,
                urlsplit(one.path).path,
                parse_qsl(urlsplit(one.path).query),
                one.headers.get("openstack-api-version"),
                json.loads(one.body or b"{}"),
            )
            for one in peer.requests
        ]
    root = "/networking/v2.0" if "networking" in path else "/v2.0"
    mine = [("binding:host_id", "compute-1"), ("limit", str(PAGE)), *SORTED]
    assert sent == [
        ("GET", f"{root}/extensions/data-plane-status", [], None, {}),
        ("GET", f"{root}/ports", [*mine, *FIELDS], None, {}),
        ("GET", f"{root}/ports", [*mine, ("marker", PORT), *FIELDS], None, {}),
        ("GET", f"{root}/ports", [("id", PORT), *FIELDS], None, {}),
        ("PUT", f"{root}/ports/{PORT}", [], None, {"port": {"data_plane_status": "DOWN"}}),
        ("PUT", f"{root}/ports/{PORT}", [], None, {"port": {"data_plane_status": None}}),
    ]


async def test_the_ports_of_a_host_are_read_to_the_end_whatever_the_size_of_pages() -> None:
    options = replace(SMALL, servers_per_host=5, neutron=NeutronOptions(page_max=2))
    async with Lab(options) as lab, neutron(lab) as adapter:
        found: list[Port] = []
        page = await adapter.bound("compute-1")
        found += page.ports
        while page.marker:
            page = await adapter.bound("compute-1", page.marker)
            found += page.ports
    there = [one for one in lab.world.servers.values() if one.host == "compute-1"]
    assert [port.id for port in found] == sorted(port_of(one.id) for one in there)
    assert {port.host for port in found} == {"compute-1"}


async def test_what_is_said_of_a_port_is_shown_and_taken_back() -> None:
    clock = FastClock()
    async with Lab(SMALL) as lab, neutron(lab, clock) as adapter:
        (first, second) = (await adapter.bound("compute-1")).ports
        said, text = await adapter.say(first.id, down=True, permit=clock.permit())
        assert (said, text) == (Said.SET, "Neutron answered 200")
        found = {port.id: port for port in await adapter.ports([first.id, second.id])}
        assert (found[first.id].down, found[second.id].down) == (True, False)
        assert await adapter.say(first.id, down=False, permit=clock.permit()) == (said, text)
        assert lab.neutron.said_down() == set()


async def test_a_port_that_is_not_there_is_gone() -> None:
    clock = FastClock()
    async with Lab(SMALL) as lab, neutron(lab, clock) as adapter:
        said, text = await adapter.say(PORT, down=False, permit=clock.permit())
        assert (said, text) == (Said.GONE, f"Neutron answered 404 Port {PORT} could not be found.")
        assert await adapter.ports([PORT]) == []


async def test_who_is_shown_no_port_at_all_can_tell_of_none_that_it_is_gone() -> None:
    async with Lab(replace(SMALL, servers_per_host=0)) as lab, neutron(lab) as adapter:
        for asked in (adapter.ports([PORT]), adapter.bound("compute-1")):
            with pytest.raises(Temporary, match="shows this account no port at all"):
                await asked


async def test_trap_1_a_filter_that_was_dropped_is_noticed() -> None:
    async with Lab(SMALL) as lab:
        async with neutron(lab, cloud="project-1") as adapter:
            with pytest.raises(Permanent, match=r"what port .* is bound to: the role may not see"):
                await adapter.bound("compute-1")
        async with Peer(telling({"ports": [ROW]})) as peer, neutron(lab) as adapter:
            lab.keystone.endpoints["network"] = peer.origin
            with pytest.raises(Permanent, match="bound to compute-1, among those of compute-2"):
                await adapter.bound("compute-2")


async def test_a_role_that_may_not_is_refused_in_neutrons_words() -> None:
    clock = FastClock()
    async with Lab(SMALL) as lab, neutron(lab, clock, cloud="project-1") as adapter:
        mine = lab.members["project-1"].project.id
        server = next(one for one in lab.world.servers.values() if one.project_id == mine)
        said, text = await adapter.say(port_of(server.id), down=True, permit=clock.permit())
        assert said is Said.REFUSED
        assert "403 (rule:update_port and (rule:update_port:data_plane_status))" in text


async def test_a_lapsed_permit_sends_nothing() -> None:
    clock = FastClock()
    async with Lab(SMALL) as lab, neutron(lab, clock) as adapter:
        (first, *_) = (await adapter.bound("compute-1")).ports
        with pytest.raises(LateError):
            await adapter.say(first.id, down=True, permit=clock.permit(-1.0))
        assert lab.neutron.said_down() == set()


async def test_an_answer_that_shows_something_else_is_not_believed() -> None:
    clock = FastClock()
    async with Lab(SMALL) as lab, Peer(telling({"port": ROW})) as peer:
        lab.keystone.endpoints["network"] = peer.origin
        async with neutron(lab, clock) as adapter:
            said, text = await adapter.say(PORT, down=True, permit=clock.permit())
    assert said is Said.UNKNOWN
    assert text == f"Neutron answered 200, and shows port {PORT} with nothing"


async def test_what_can_be_known_beforehand_is_checked() -> None:
    async with Lab(SMALL) as lab:
        async with neutron(lab) as adapter:
            assert await adapter.check() == []
        async with neutron(lab, cloud="project-1") as adapter:
            (wrong,) = await adapter.check()
            assert "the role may not see it" in wrong
        del lab.keystone.endpoints["network"]
        async with neutron(lab) as adapter:
            (wrong,) = await adapter.check()
            assert "the catalogue has no public endpoint of network" in wrong
    bare = replace(SMALL, neutron=NeutronOptions(data_plane_status=False))
    async with Lab(bare) as lab, neutron(lab) as adapter:
        assert not await adapter.offered()
        (wrong,) = await adapter.check()
        assert wrong == ("Neutron does not offer data-plane-status: no port can be said to be down")


def test_a_page_says_after_which_port_the_list_goes_on() -> None:
    port = Port(PORT, "compute-1")
    assert read_page(listed(ROW)) == PortPage((port,))
    assert read_page(listed(ROW, more=True)) == PortPage((port,), PORT)
    assert read_page(listed(*[ROW] * PAGE)).marker == PORT
    assert read_page(listed(more=True)) == PortPage(())
    assert read_page(json.dumps({"ports": [ROW]}).encode()) == PortPage((port,))


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({**ROW, "id": 7}, "id = 7, expected a text"),
        ({**ROW, "binding:host_id": None}, "does not show what port"),
        ({"id": PORT, "binding:host_id": ""}, "does not show the data_plane_status"),
    ],
)
def test_a_row_that_is_not_as_documented_is_an_error(row: object, words: str) -> None:
    with pytest.raises(Permanent, match=words):
        read_page(listed(row))


def test_an_answer_without_what_was_asked_for_is_an_error() -> None:
    with pytest.raises(Permanent, match="Neutron's answer has no 'port'"):
        read_said(b'{"ports": []}')
    assert read_said(json.dumps({"port": {**ROW, "data_plane_status": "DOWN"}}).encode()).down


async def test_an_endpoint_override_is_taken_in_the_place_of_the_catalogues() -> None:
    async with Lab(SMALL) as lab, Peer(telling({"ports": [ROW]})) as peer:
        path = lab.folder / "clouds.yaml"
        document = yaml.safe_load(path.read_text())
        document["clouds"][ADMIN]["network_endpoint_override"] = f"{peer.origin}/n/"
        path.write_text(json.dumps(document))
        async with neutron(lab) as adapter:
            assert [port.id for port in await adapter.ports([PORT])] == [PORT]
        assert peer.requests[0].path.startswith("/n/v2.0/ports?id=")
