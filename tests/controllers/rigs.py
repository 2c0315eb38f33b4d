"""What the tests of the Nova controller share: a clock to move on, and ready-made adapters."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from doctor_daemon.controllers.cinder import Cinder, CinderConfig
from doctor_daemon.controllers.neutron import Neutron, NeutronConfig
from doctor_daemon.controllers.nova import Nova, NovaConfig
from doctor_daemon.core.host import HostId
from doctor_daemon.core.instant import Instant
from doctor_daemon.lab.cloud import ADMIN, Lab, LabOptions
from doctor_daemon.lab.credentials import CLOUDS
from doctor_daemon.lab.faults import Do, Rule, Service
from doctor_daemon.lab.nova import NovaOptions
from doctor_daemon.ports import Permit
from doctor_daemon.ports.secrets import SecretFile
from tests.fakes.clock import BootClock
from tests.fakes.peer import Answer, Request, answering, telling

HOST = HostId("default", "compute-1")
SMALL = LabOptions(hosts=2)
"""Two hosts with two servers each."""
CATALOGUE_URL = "http://127.0.0.1:1/compute/v2.1"
OTHER = HostId("default", "compute-2")
OLD = replace(SMALL, nova=NovaOptions(highest=(2, 52)))
"""The same, with a Nova of before 2.53."""


class FastClock:
    """The machine's own clock, with moved on by hand, and a wall that can be set."""

    def __init__(self) -> None:
        self._clock = BootClock()
        self._advanced_s = 0.0
        self._moved = asyncio.Event()
        self.wall_step_s = 0.0

    def now(self) -> Instant:
        at = self._clock.now().plus(self._advanced_s)
        return Instant(at.boot_id, at.boot_s, at.wall_s + self.wall_step_s)

    def advance(self, seconds: float) -> None:
        self._advanced_s += seconds
        self._moved.set()
        self._moved = asyncio.Event()

    async def sleep_until(self, until: Instant) -> None:
        while not self.now().reached(until):
            with suppress(TimeoutError):
                await asyncio.wait_for(self._moved.wait(), until.since(self.now()))

    def permit(self, seconds: float = 30.0) -> Permit:
        return Permit(1, self.now().plus(seconds))


class Calls:
    """Remembers what `on_call` was told."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []

    def __call__(self, call: str, seconds: float, outcome: str) -> None:
        assert seconds >= 0
        self.seen.append((call, outcome))

    def count(self, call: str) -> int:
        return sum(name == call for name, _ in self.seen)


@asynccontextmanager
async def nova(
    lab: Lab, clock: FastClock | None = None, cloud: str = ADMIN, **options: float | str
) -> AsyncIterator[Nova]:
    """Make an adapter for a cloud of the lab's clouds.yaml, and close it."""
    values = {"clouds_file": lab.folder / CLOUDS, "cloud": cloud, "read_timeout_s": 5.0, **options}
    adapter = Nova(NovaConfig.model_validate(values), "default", clock or FastClock())
    adapter.on_call = Calls()
    try:
        yield adapter
    finally:
        await adapter.close()


@asynccontextmanager
async def cinder(
    lab: Lab, clock: FastClock | None = None, cloud: str = ADMIN, **options: float
) -> AsyncIterator[Cinder]:
    """Make an adapter for a cloud of the lab's clouds.yaml, and close it."""
    values = {"clouds_file": lab.folder / CLOUDS, "cloud": cloud, "read_timeout_s": 5.0, **options}
    adapter = Cinder(CinderConfig.model_validate(values), clock or FastClock())
    adapter.on_call = Calls()
    try:
        yield adapter
    finally:
        await adapter.close()


@asynccontextmanager
async def neutron(
    lab: Lab, clock: FastClock | None = None, cloud: str = ADMIN, **options: float
) -> AsyncIterator[Neutron]:
    """Make an adapter for a cloud of the lab's clouds.yaml, and close it."""
    values = {"clouds_file": lab.folder / CLOUDS, "cloud": cloud, "read_timeout_s": 5.0, **options}
    adapter = Neutron(NeutronConfig.model_validate(values), clock or FastClock())
    adapter.on_call = Calls()
    try:
        yield adapter
    finally:
        await adapter.close()


def calls(adapter: Nova | Cinder | Neutron) -> Calls:
    assert isinstance(adapter.on_call, Calls)
    return adapter.on_call


def secret_file(folder: Path, name: str, document: object, mode: int = 0o600) -> SecretFile:
    """Write a file of secrets. JSON is YAML."""
    path = folder / name
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    path.chmod(mode)
    return SecretFile(path)


def entry(url: str, **more: object) -> dict[str, object]:
    """Return one cloud of a clouds.yaml."""
    auth: Mapping[str, str] = {
        "auth_url": url,
        "username": "doctor",
        "password": "hunter2-very-secret",
        "project_name": "admin",
        "user_domain_id": "default",
        "project_domain_id": "default",
    }
    return {"auth": auth, **more}


def keystone_token(**more: object) -> dict[str, object]:
    """Return the body of a token, as Keystone's API reference shows it."""
    issued = datetime(2026, 1, 1, tzinfo=UTC)
    endpoints = [endpoint("R1", CATALOGUE_URL)]
    token = {
        "methods": ["password"],
        "issued_at": issued.isoformat(),
        "expires_at": (issued + timedelta(hours=1)).isoformat(),
        "project": {"id": "p1", "name": "admin", "domain": {"id": "default"}},
        "roles": [{"id": "r", "name": "admin"}],
        "user": {"id": "u", "name": "doctor", "domain": {"id": "default"}},
        "catalog": [{"type": "compute", "name": "nova", "id": "n", "endpoints": endpoints}],
    }
    return {"token": {**token, **more}}


def endpoint(region: str, url: str) -> Mapping[str, str]:
    return {"id": region, "interface": "public", "region": region, "region_id": region, "url": url}


def issuing(document: object) -> Answer:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return answering(201, body, {"X-Subject-Token": "gAAAA", "Content-Type": "application/json"})


def rule(
    do: Do,
    path: str = "*/os-services*",
    method: str = "GET",
    *,
    times: int | None = 1,
    after: int = 0,
    seconds: float = 30.0,
    status: int = 503,
    retry_after_s: int | None = None,
) -> Rule:
    """Return a fault of Nova."""
    return Rule(
        service=Service.NOVA,
        do=do,
        path=path,
        method=method,
        times=times,
        after=after,
        seconds=seconds,
        status=status,
        retry_after_s=retry_after_s,
    )


def every_put() -> Rule:
    """Return a rule that harms nothing, to count with."""
    return rule(Do.SLOW, "*", "PUT", seconds=0.0, times=None)


async def applied(lab: Lab, count: int) -> None:
    """Wait until so many requests have met a rule."""
    async with asyncio.timeout(10):
        while len(lab.faults.applied) < count:  # noqa: ASYNC110 - the lab has no event for it
            await asyncio.sleep(0.002)


def service_id(lab: Lab, host: str = HOST.name) -> str:
    """Return the id by which the lab's Nova lets the daemon change a host's service."""
    service = lab.world.hosts[host].service
    old = lab.options.nova.highest < (2, 53)
    return f"{service.id}@{host}" if old else service.uuid


def offering(answer: Answer, highest: str = "2.104") -> Answer:
    """Answer as before, but describe a version where that is asked for."""
    version = {"id": "v2.1", "version": highest, "min_version": "2.1"}
    described = telling({"version": version})

    async def either(request: Request, writer: asyncio.StreamWriter) -> None:
        root = request.method == "GET" and request.path.endswith("/v2.1/")
        await (described if root else answer)(request, writer)

    return either
