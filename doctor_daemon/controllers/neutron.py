"""Neutron: lists ports, and says of one that its data plane is down, or nothing any more.

Saying so twice does no harm, so that whatever was not answered may be asked for again; each request
is sent once all the same, because only whoever asked knows whether it is still wanted.
Source: Neutron API reference, "Ports" and "Data plane status extension".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

from doctor_daemon.controllers.cloud_service import READ_KEEP_S, CloudService
from doctor_daemon.controllers.compute import Endpoint, Product, RefusedError
from doctor_daemon.controllers.http import Answer
from doctor_daemon.controllers.keystone import NETWORK, Grant
from doctor_daemon.controllers.microversions import Offer
from doctor_daemon.controllers.network import (
    ALIAS,
    EXTENSION,
    NEUTRON,
    PAGE,
    any_of,
    bound_to,
    read_extension,
    read_page,
    read_said,
    said,
    with_ids,
)
from doctor_daemon.core.ports import Port, PortPage, Said
from doctor_daemon.errors import DoctorError, LateError, Permanent, Temporary
from doctor_daemon.ports import Clock, Permit
from doctor_daemon.ports.secrets import SecretFile

CONNECTIONS = 4


class NeutronConfig(BaseModel):
    """Which Neutron, and how long to wait for it."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    clouds_file: SecretFile = SecretFile("/etc/openstack/clouds.yaml")
    """OpenStack's own clouds.yaml; a secure.yaml beside it is read too."""
    cloud: str = Field(min_length=1)
    """The entry of `clouds` to use. Its user needs the role admin, or data_plane_integrator and
    the right to list the ports of all projects with their hosts."""
    connect_timeout_s: float = Field(default=5.0, gt=0, le=60, allow_inf_nan=False)
    """How long a connection may take, waiting for a free one included."""
    read_timeout_s: float = Field(default=30.0, gt=0, le=600, allow_inf_nan=False)
    """How long a page of ports may take."""
    write_timeout_s: float = Field(default=30.0, gt=0, le=600, allow_inf_nan=False)
    """How long the answer to a change of one port may take."""
    keystone_timeout_s: float = Field(default=10.0, gt=0, le=60, allow_inf_nan=False)
    """How long Keystone may be silent."""


class Neutron(CloudService):
    """One cloud's Neutron."""

    api: ClassVar[int] = 1
    Config: ClassVar[type[NeutronConfig]] = NeutronConfig

    def __init__(self, config: NeutronConfig, clock: Clock) -> None:
        """Read the cloud's entry, connect to nothing. Raise ConfigError."""
        super().__init__(config, clock, NETWORK, _versioned)
        reads = self._way(CONNECTIONS, READ_KEEP_S, config.read_timeout_s)
        writes = self._way(CONNECTIONS, 0.0, config.write_timeout_s)
        self._endpoint = Endpoint(self._tokens, NETWORKING, reads=reads, writes=writes)

    async def offered(self) -> bool:
        return await self._timed("extension", self._offered())

    async def bound(self, host: str, after: str = "") -> PortPage:
        return await self._timed("ports", self._bound(host, after))

    async def ports(self, ids: Sequence[str]) -> Sequence[Port]:
        return await self._timed("ports_by_id", self._ports(ids))

    async def say(self, port: str, *, down: bool, permit: Permit) -> tuple[Said, str]:
        """Send once. Raise LateError."""
        put = self._endpoint.put(f"ports/{port}", said(down=down), None, permit)
        try:
            answer = await self._timed("say_down" if down else "say_nothing", put, _word)
        except LateError:
            raise
        except Permanent as error:  # the token was refused, by Neutron or by Keystone
            return Said.REFUSED, str(error)
        except DoctorError as error:  # no token, no connection, or no answer
            return Said.UNKNOWN, str(error)
        return _judged(answer, port, down=down)

    async def check(self) -> Sequence[str]:
        """Try the account and the endpoint, changing nothing.

        Whether the role may change a port cannot be asked of one that does not exist: Neutron looks
        for the port first.
        """
        try:
            if not (await self._tokens.current()).grant.project:
                return ["the token is of no project: add project_name and project_domain_name"]
            if not await self._offered():
                return [f"{NEUTRON} does not offer {ALIAS}: no port can be said to be down"]
            await self._any()
        except DoctorError as error:
            return [str(error)]
        return []

    async def run(self) -> None:
        await self._tokens.run()

    async def close(self) -> None:
        await self._tokens.close()
        await self._endpoint.close()

    async def _offered(self) -> bool:
        try:
            return (await self._endpoint.get(EXTENSION, {}, None, read_extension)).value
        except RefusedError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return False
            raise

    async def _bound(self, host: str, after: str) -> PortPage:
        """Read one page. Trap 1: a filter that a role may not use is dropped without a word."""
        page = (await self._endpoint.get(bound_to(host, after), {}, None, read_page)).value
        for port in page.ports:
            if port.host != host:
                msg = (
                    f"{NEUTRON} lists port {port.id}, which is bound to {port.host or 'no host'}, "
                    f"among those of {host}"
                )
                raise Permanent(msg)
        if not page.ports and not after:
            await self._any()
        return page

    async def _ports(self, ids: Sequence[str]) -> Sequence[Port]:
        found: list[Port] = []
        for first in range(0, len(ids), PAGE):
            some = ids[first : first + PAGE]
            page = (await self._endpoint.get(with_ids(some), {}, None, read_page)).value
            found += [port for port in page.ports if port.id in some]
        if len(found) < len(set(ids)):
            await self._any()
        return found

    async def _any(self) -> None:
        """See one port, whosesoever: who sees none can tell of none that it is gone."""
        if not (await self._endpoint.get(any_of(), {}, None, read_page)).value.ports:
            msg = f"{NEUTRON} shows this account no port at all: so none is taken to be gone"
            raise Temporary(msg)


def _nothing(_: bytes) -> Offer:
    """Neutron has no microversions."""
    msg = f"{NEUTRON} has no microversions"
    raise Permanent(msg)


NETWORKING = Product(NEUTRON, "network", _nothing)


def _versioned(grant: Grant) -> Grant:
    """Most catalogues name Neutron's root, some its version 2.0 already."""
    url = grant.url.rstrip("/")
    return grant if url.endswith("/v2.0") else replace(grant, url=f"{url}/v2.0")


def _word(answer: Answer) -> str:
    return "ok" if answer.status == HTTPStatus.OK else str(answer.status)


def _judged(answer: Answer, port: str, *, down: bool) -> tuple[Said, str]:
    """Judge an answer. A server error may come after the deed, a client error never does."""
    words = f"{NEUTRON} answered {answer.words()}"
    if answer.status == HTTPStatus.OK:
        try:
            shown = read_said(answer.body)
        except DoctorError as error:
            return Said.UNKNOWN, str(error)
        if (shown.id, shown.down) == (port, down):
            return Said.SET, f"{NEUTRON} answered {answer.status}"
        text = f"{NEUTRON} answered 200, and shows port {shown.id} with {shown.said or 'nothing'}"
        return Said.UNKNOWN, text
    if answer.status == HTTPStatus.NOT_FOUND:
        return Said.GONE, words
    if (
        answer.status == HTTPStatus.REQUEST_TIMEOUT
        or answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR
    ):
        return Said.UNKNOWN, words
    return Said.REFUSED, words
