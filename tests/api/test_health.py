"""What Prometheus and a load balancer are told, from the first moment to the last."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import ClientSession, ClientTimeout
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from doctor_daemon.api.connection import Limits
from doctor_daemon.api.health import TICKED_WITHIN_S, health_app
from doctor_daemon.api.serving import LIMITS, on_address, served
from doctor_daemon.core.gates import GATES
from doctor_daemon.engine.engine import Engine
from doctor_daemon.errors import ConfigError
from doctor_daemon.metrics import Metrics
from tests.engine.rig import Rig


class Face:
    """The address of the metrics, of one engine."""

    def __init__(self, engine: Engine, doors: asyncio.Event, port: int) -> None:
        self.engine = engine
        self.doors = doors
        self.port = port

    async def get(self, path: str) -> tuple[int, str]:
        limit = ClientTimeout(total=5)
        url = f"http://127.0.0.1:{self.port}{path}"
        async with ClientSession(timeout=limit) as session, session.get(url) as answer:
            assert answer.headers["Server"] == "doctor-daemon"
            return answer.status, await answer.text()

    async def families(self) -> dict[str, Metric]:
        status, text = await self.get("/metrics")
        assert status == 200
        found = {family.name: family for family in text_string_to_metric_families(text)}
        # When a counter began is a family of its own in this form, and none of ours.
        return {name: found[name] for name in found if not name.endswith("_created")}


@asynccontextmanager
async def face(engine: Engine, limits: Limits = LIMITS) -> AsyncIterator[Face]:
    doors = asyncio.Event()
    app = health_app(engine, doors)
    async with served(app, on_address("metrics_listen", "127.0.0.1", 0), limits) as server:
        yield Face(engine, doors, int(server.sockets[0].getsockname()[1]))


def names(metrics: Metrics) -> Iterator[str]:
    """Name everything that `metrics.py` makes."""
    for made in vars(metrics).values():
        if made not in (metrics.registry, metrics.before_scrape):
            yield from (family.name for family in made.describe())


async def test_every_metric_is_there_from_the_first_scrape() -> None:
    engine = Rig().engine()
    async with face(engine) as at:
        found = await at.families()
    expected = set(names(engine.ward.tools.metrics))
    assert len(expected) > 20
    assert set(found) == expected
    assert all(family.documentation for family in found.values())


async def test_what_alerts_count_begins_at_nothing() -> None:
    """A counter that appears with its first event has, to Prometheus, never grown."""
    async with face(Rig().engine()) as at:
        found = await at.families()
    zeros: dict[str, Any] = {
        "doctor_notices_dead": [{"consumer": "ops"}, {"consumer": "vnfm"}],
        "doctor_notices_pending": [{"consumer": "ops"}, {"consumer": "vnfm"}],
        "doctor_gate_refusals": [{"gate": gate.name} for gate in GATES],
        "doctor_internal_errors": [{}],
        "doctor_store_faults": [{}],
        "doctor_pauses": [{}],
    }
    for name, labels in zeros.items():
        samples = [s for s in found[name].samples if not s.name.endswith("_created")]
        assert sorted(str(sample.labels) for sample in samples) == sorted(map(str, labels)), name
        assert {sample.value for sample in samples} == {0.0}
    assert len(found["doctor_deliveries"].samples) >= 6
    ages = {s.labels["what"]: s.value for s in found["doctor_poll_age_seconds"].samples}
    assert ages == {"services": float("inf"), "servers": float("inf")}


async def test_ready_means_that_evidence_is_let_in() -> None:
    rig = Rig()
    engine = rig.engine()
    async with face(engine) as at:
        assert await at.get("/readyz") == (503, "starting\n")
        running = asyncio.create_task(engine.run())
        await engine.ready.wait()
        assert await at.get("/readyz") == (503, "starting\n")
        at.doors.set()
        assert await at.get("/readyz") == (200, "ready\n")
        engine.stop()
        assert await at.get("/readyz") == (503, "stopping\n")
        await running
        assert await at.get("/readyz") == (503, "stopping\n")


async def test_healthy_means_that_the_engine_ticks() -> None:
    engine = Rig().engine()
    clock = engine.ward.tools.clock
    async with face(engine) as at:
        assert await at.get("/healthz") == (503, "no progress\n")
        for age_s, expected in (
            (0.0, (200, "ok\n")),
            (TICKED_WITHIN_S - 1, (200, "ok\n")),
            (TICKED_WITHIN_S, (503, "no progress\n")),
        ):
            now = clock.now()
            engine.ticked = replace(now, boot_s=now.boot_s - age_s)
            assert await at.get("/healthz") == expected
        engine.ticked = replace(clock.now(), boot_id="an earlier boot")
        assert await at.get("/healthz") == (503, "no progress\n")


@pytest.mark.parametrize("path", ["/", "/metrics/x", "/v1/status", "/arm"])
async def test_nothing_else_is_served(path: str) -> None:
    async with face(Rig().engine()) as at:
        status, said = await at.get(path)
    assert (status, '"code": "not_found"' in said) == (404, True)


async def test_who_connects_and_says_nothing_is_let_go() -> None:
    async with face(Rig().engine(), replace(LIMITS, head_s=0.2, connections=3)) as at:
        silent = [await asyncio.open_connection("127.0.0.1", at.port) for _ in range(3)]
        reader, writer = await asyncio.open_connection("127.0.0.1", at.port)
        assert (await reader.read()).startswith(b"HTTP/1.1 503 ")
        writer.close()
        for reader, writer in silent:
            assert (await reader.read()).startswith(b"HTTP/1.1 408 ")
            writer.close()
        assert (await at.get("/readyz"))[0] == 503


async def test_an_address_that_is_taken_is_refused_with_words() -> None:
    engine = Rig().engine()
    async with face(engine) as at:
        listen = on_address("metrics_listen", "127.0.0.1", at.port)
        with pytest.raises(ConfigError) as caught:
            async with served(health_app(Rig().engine(), at.doors), listen):
                pass
        assert str(caught.value) == (
            f"metrics_listen: 127.0.0.1:{at.port} cannot be listened on: Address already in use"
        )
        assert await at.get("/readyz") == (503, "starting\n")
