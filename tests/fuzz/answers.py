"""Answers of services that the daemon asks: BMCs, Prometheus, Keystone, Nova, Cinder, Neutron."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import cast

from yarl import URL

from doctor_daemon.controllers import (
    canaries,
    evacuations,
    network,
    nodes,
    services,
    transits,
    volumes,
)
from doctor_daemon.controllers.aggregates import of_host, read_aggregates
from doctor_daemon.controllers.compute import NOVA, Way
from doctor_daemon.controllers.groups import read_groups
from doctor_daemon.controllers.http import Answer, Request, Wire
from doctor_daemon.controllers.identities import Identities
from doctor_daemon.controllers.keystone import Grant
from doctor_daemon.controllers.microversions import SERVICES, UPDATE, Version
from doctor_daemon.controllers.servers import by_host, read_page
from doctor_daemon.controllers.states import read_states
from doctor_daemon.controllers.tokens import Token, Tokens
from doctor_daemon.controllers.updates import ENABLE, LIFT, fencing, judged, puts
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.proof import Power
from doctor_daemon.core.tries import Outcome
from doctor_daemon.errors import Permanent, Temporary
from doctor_daemon.fencers.computer_system import complaint, parse
from doctor_daemon.inspectors.promql import samples
from tests.fuzz.requests import MESSAGE_MAX, brief, done

AT = Instant("boot", 1.0, 1.0)
SYSTEM = URL("https://bmc.example/redfish/v1/Systems/1")
SERVICE = "11111111-2222-3333-4444-555555555555"

Reader = Callable[[bytes], object]


def read_by(read: Reader, data: bytes) -> None:
    """Read an answer; whatever it is, it is a value, or one of the two documented errors."""
    try:
        read(data)
    except (Permanent, Temporary) as error:
        brief(error)


def redfish(data: bytes) -> None:
    """A System: clearly on or off, or unknown; and no reset that leads elsewhere."""
    said = complaint(data)
    assert len(said) <= 300
    assert said.isprintable()
    try:
        found = parse(data, SYSTEM)
    except Permanent as error:
        brief(error)
        return
    word = found.power.value.capitalize()
    assert found.power is Power.UNKNOWN or f'"{word}"'.encode() in data or b"\\u" in data
    assert len(found.identity.uuid) == 36
    assert found.reset.target.origin() == SYSTEM.origin()
    assert found.reset.target.raw_path.startswith(SYSTEM.raw_path)
    assert ".." not in found.reset.target.raw_path


def prometheus(data: bytes) -> None:
    """The answer to a query: samples of finite moments, or an error."""
    for status in (200, 400, 503):
        try:
            found = samples(status, data)
        except (Permanent, Temporary) as error:
            brief(error)
            continue
        assert status == 200
        for one in found:
            assert math.isnan(one.value) or math.isfinite(one.value)
            assert math.isfinite(one.at_s)


def nova_services(data: bytes) -> None:
    """Lists of compute services, in both dialects."""
    for version in (SERVICES.low, UPDATE.low, SERVICES.high):
        read_by(partial(_fleet, version=version), data)
        read_by(partial(_one, version=version), data)
    for update in (LIFT, ENABLE, fencing("x", disable=True)):
        for service in (SERVICE, "6@cmp-1"):
            for put in puts(service, update):
                answer = Answer(200, {}, data, AT)
                outcome, text = judged(answer, put)
                assert outcome in (Outcome.ACCEPTED, Outcome.UNKNOWN)
                assert len(text) <= MESSAGE_MAX


def _fleet(data: bytes, version: Version) -> object:
    found = services.all_services(services.read_services(data), AT, version)
    assert not found.services.keys() & found.unknown
    return found


def _one(data: bytes, version: Version) -> object:
    return services.one_service(services.read_services(data), "cmp-1", AT, version)


def nova_servers(data: bytes) -> None:
    """Lists of servers, of groups, of aggregates, and a single server."""

    def pages(body: bytes) -> object:
        page = read_page(body, tagged=True)
        assert sum(map(len, by_host(page.placed).values())) <= len(page.placed)
        return page

    def aggregates(body: bytes) -> object:
        return of_host(read_aggregates(body), "cmp-1")

    readers: tuple[Reader, ...] = (
        pages,
        read_states,
        read_groups,
        aggregates,
        canaries.read_server,
    )
    for read in readers:
        read_by(read, data)
    booting = canaries.judged(Answer(202, {}, data, AT))
    assert (booting.outcome is Outcome.ACCEPTED) == bool(booting.id)


def nova_migrations(data: bytes) -> None:
    """Lists of migrations, and how requests were answered."""
    for read in (evacuations.read_page, partial(evacuations.read_page, typed=False)):
        read_by(read, data)
    read_by(transits.read_page, data)
    read_by(NOVA.offered, data)
    for status in HTTPStatus:
        answer = Answer(status, {"X-OpenStack-Request-Id": "r" * 80}, data, AT)
        words = answer.words()
        assert len(words) <= 310
        assert words.isprintable()
        outcome, text = evacuations.judged(answer)
        assert len(text) <= MESSAGE_MAX
        assert outcome is not Outcome.ACCEPTED or status == HTTPStatus.OK


def cinder(data: bytes) -> None:
    """Cinder's services, log levels and versions."""
    for read in (volumes.read_services, volumes.read_levels, volumes.read_offer):
        read_by(read, data)


def neutron(data: bytes) -> None:
    """Neutron's ports, an extension, and the answer to a change."""
    for read in (network.read_page, network.read_extension, network.read_said):
        read_by(read, data)


def judge_status(status: int) -> None:
    """Assert that a status leaves open whose a token is."""
    assert status != HTTPStatus.NOT_FOUND


@dataclass(frozen=True)
class _Keystone:
    """Keystone as `Identities` reaches it: one answer to every question."""

    body: bytes
    status: int

    async def current(self) -> Token:
        return Token(Grant({"X-Auth-Token": "own"}, "http://x", 60.0), 1, AT, AT)

    async def instead_of(self, token: Token) -> Token:
        return token

    async def send(self, request: Request) -> Answer:
        headers: Mapping[str, str] = {}
        assert request.headers["X-Subject-Token"] == "asked"
        return Answer(self.status, headers, self.body, AT)


def keystone(data: bytes) -> None:
    """What Keystone says of a token: only its own 404 says that it is nobody's."""
    for status in (200, 401, 403, 404, 503):
        there = _Keystone(data, status)
        way = Way(cast("Wire", there), 1.0)
        asking = Identities(cast("Tokens", there), way, "http://x/v3")
        try:
            found = done(asking.identify("asked"))
        except (Permanent, Temporary) as error:
            judge_status(status)
            brief(error)
            continue
        assert (found is None) == (status == 404)
        assert found is None or all(isinstance(role, str) for role in found.roles)


def ironic(data: bytes) -> None:
    """A node of Ironic's, its microversions, its complaints: Off only where nothing doubts it."""
    read_by(nodes.read_offer, data)
    for status in (400, 409, 503):
        words = nodes.complaint(Answer(status, {}, data, AT))
        assert len(words) <= 310
        assert words.isprintable()
        assert words.startswith(f"{status}")
    try:
        node = nodes.read_node(data)
    except (Permanent, Temporary) as error:
        brief(error)
        return
    power, said = node.power
    assert len(said) <= 5 * nodes.WORDS_MAX
    for text in (said, node.uuid, node.name, node.driver, *node.addresses):
        assert text.isprintable()
    if power is Power.OFF:
        assert node.power_state == nodes.OFF
        assert node.provision_state in nodes.STEADY
        assert not any((node.target, node.holder, node.maintenance, node.last_error))
