"""A service that is slow does what it was asked for, though whoever asked has gone meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

import pytest

from doctor_daemon.lab.cloud import Lab, LabOptions
from doctor_daemon.lab.faults import Do, Rule, Service
from doctor_daemon.lab.redfish import USER, RedfishOptions
from tests.lab.caller import basic

HOST, LIMIT_S, LOOK_S = "compute-1", 20.0, 0.01
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
Request = tuple[str, str, Mapping[str, str], bytes]
"""Method, URL, headers and body."""


def order_to_cut(lab: Lab) -> Request:
    url = f"{lab.system_url(HOST)}/Actions/ComputerSystem.Reset"
    return "POST", url, basic(USER, lab.redfish.password), b'{"ResetType": "ForceOff"}'


def force_down(lab: Lab) -> Request:
    token = lab.identity.issue(lab.admin, lab.admin.project, "password")
    url = f"{lab.nova.root}/v2.1/os-services/{lab.world.hosts[HOST].service.uuid}"
    headers = {"X-Auth-Token": token.text, "OpenStack-API-Version": "compute 2.53"}
    return "PUT", url, headers, b'{"forced_down": true}'


async def sent_and_gone(lab: Lab, request: Request) -> None:
    """Send a request, its body after its head, and break the connection once it is held."""
    method, link, more, body = request
    url = urlsplit(link)
    headers = {
        "Host": "lab",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "Expect": "100-continue",
        **more,
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    reader, writer = await asyncio.open_connection("127.0.0.1", url.port)
    writer.write(f"{method} {url.path} HTTP/1.1\r\n{lines}\r\n".encode())
    assert await reader.readuntil(b"\r\n\r\n") == CONTINUE
    writer.write(body)
    await writer.drain()
    while not lab.faults.applied:  # noqa: ASYNC110 - the lab tells nobody
        await asyncio.sleep(LOOK_S)
    writer.transport.abort()


@pytest.mark.parametrize(
    ("service", "order", "done"),
    [
        (Service.BMC, order_to_cut, lambda lab: not lab.world.hosts[HOST].power),
        (Service.NOVA, force_down, lambda lab: lab.world.hosts[HOST].service.forced_down),
    ],
)
async def test_what_is_held_is_done_though_its_sender_is_gone(
    service: Service,
    order: Callable[[Lab], Request],
    done: Callable[[Lab], bool],
) -> None:
    options = LabOptions(hosts=1, redfish=RedfishOptions(power_s=0.1))
    async with Lab(options) as lab, asyncio.timeout(LIMIT_S):
        lab.faults.add(Rule(service=service, do=Do.SLOW, method="P*", seconds=0.3))
        await sent_and_gone(lab, order(lab))
        assert not done(lab)
        while not done(lab):  # noqa: ASYNC110 - as above
            await asyncio.sleep(LOOK_S)
