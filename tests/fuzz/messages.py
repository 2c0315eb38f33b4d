"""Messages of a broker: Nova's notifications, from the body to the map of servers."""

from __future__ import annotations

import json

from doctor_daemon.core.hints import Hint
from doctor_daemon.core.host import Server, ServerId
from doctor_daemon.engine.hostmap import HostMap
from doctor_daemon.inspectors.nova_messages import ID_MAX, read_message
from doctor_daemon.inspectors.wire import NAME_MAX
from doctor_daemon.ports.refusal import Refusal
from tests.fuzz.requests import judge_refusal

HOST = "compute-1"
LISTED_S = 1_795_000_000.0
SEEDED = "4c2b4c0e-8f4e-4a0c-9a55-0f2d1e6a7b01"
"""The server that the newest list has shown on the host; the seeds speak of it."""
OWNER = "5f1d3f0c2b9d4a6e8c7b6a5948372615"


def nova_notifications(data: bytes) -> None:
    """A message as it comes, and its inside alone: a hint, a word about a service, or refused."""
    inside = data.decode(errors="surrogateescape")
    _taken(data)
    _taken(json.dumps({"oslo.version": "2.0", "oslo.message": inside}).encode())


def _taken(body: bytes) -> None:
    try:
        said = read_message(body)
    except Refusal as refusal:
        judge_refusal(refusal)
        return
    if isinstance(said, Hint):
        _hinted(said)
    elif said is not None:
        _fit(said.host, NAME_MAX)


def _fit(text: str, length_max: int) -> None:
    assert len(text) <= length_max
    assert text.isprintable()


def _hinted(hint: Hint) -> None:
    """Have a hint taken: it moves no server to another owner, and no server is in two places."""
    server = hint.server
    assert server.id
    _fit(hint.host, NAME_MAX)
    _fit(server.name, NAME_MAX)
    for text in (server.id, server.project, server.vm_state, server.task_state):
        _fit(text, ID_MAX)
    listed = Server(ServerId(SEEDED), "web", OWNER, "ACTIVE", "active", "")
    hosts = HostMap()
    hosts.dated(LISTED_S, LISTED_S)
    hosts.replace({HOST: [listed]}, LISTED_S)
    hosts.hint(hint)
    there = [one for host in hosts.hosts for one in hosts.servers(host).servers]
    assert len({one.id for one in there}) == len(there)
    assert all(one.project == OWNER for one in there if one.id == SEEDED)
